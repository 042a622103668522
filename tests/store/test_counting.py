"""Events are counted by the hour, each once, and found by whom and what they are about."""

import asyncio
import json
from datetime import timedelta
from functools import partial

import psycopg
import pytest
from sqlalchemy import text

from bounced.errors import StoreError
from bounced.model import Event, EventType
from bounced.store import DeliveryState, EventFilters, Settlement, SinkState, engine, upgrade
from bounced.store.counting import BATCH, OTHER
from bounced.tallies import Dimension, summarize
from tests.store.conftest import START

on_both = pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
EVER = {"since": START - timedelta(days=9), "until": START + timedelta(days=9)}


async def count(store, **options):
    while await store.count_events(partial(summarize, **options)):
        pass


async def tallies(store, dimension=Dimension.REASON):
    return {(each.hour, each.key): each.count for each in await store.archive.list_tallies(dimension, **EVER)}


def document(**data):
    return json.dumps({"time": START.isoformat(), "data": {"reason": "mailbox_full"} | data})


@pytest.fixture
def conclude(store, make_message, conclude_as):
    """Conclude a message with one event for each recipient; return the ids of the events."""

    async def conclude_(number=1, on=store, **more):
        message = make_message(number)
        await on.accept(message, lease=True)
        conclusion = conclude_as(message, **{"document": document()} | more)
        assert await on.conclude(conclusion)
        return [event.id for event in conclusion.events]

    return conclude_


def read_mentions(url):
    reading = engine.reading_engine(engine.parse_url(url))
    with reading.connect() as connection:
        kept = connection.scalars(text("SELECT value FROM mention")).all()
    reading.dispose()
    return kept


@on_both
async def test_every_event_counts_once(store, conclude):
    await conclude(1, recipients=("a@example.com", "b@example.com"))
    await count(store)
    await conclude(2)
    await count(store)
    await count(store)
    assert await tallies(store) == {(START, "mailbox_full"): 3}
    assert await store.archive.sum_tallies(Dimension.REASON, **EVER) == {"mailbox_full": 3}
    assert await store.archive.count_uncounted() == 0


@on_both
async def test_more_events_than_one_turn_takes_are_all_counted(store, conclude):
    await conclude(recipients=tuple(f"{number}@example.com" for number in range(BATCH + 3)))
    assert await store.count_events(summarize)
    assert not await store.count_events(summarize)
    assert await tallies(store) == {(START, "mailbox_full"): BATCH + 3}


@on_both
async def test_several_that_count_at_once_count_each_event_once(url, open_store, conclude, store):
    others = [store] if url.startswith("sqlite") else [await open_store(url, owner=name) for name in ("two", "three")]
    await conclude(recipients=tuple(f"{number}@example.com" for number in range(3 * BATCH)))
    await asyncio.gather(*(count(each) for each in [store, *others]))
    await count(store)
    assert await tallies(store) == {(START, "mailbox_full"): 3 * BATCH}


@on_both
async def test_what_could_not_be_committed_is_counted_later_and_once(store, conclude, listen):
    await conclude()
    failures = [RuntimeError("the power goes off")]

    def fail(connection):
        if failures and connection.get_transaction():
            raise failures.pop()

    listen("commit", fail)
    with pytest.raises(StoreError):
        await store.count_events(summarize)
    assert await tallies(store) == {}
    await count(store)
    assert await tallies(store) == {(START, "mailbox_full"): 1}


@on_both
async def test_a_second_conclusion_counts_nothing(store, conclude, make_message, conclude_as):
    await conclude()
    assert not await store.conclude(conclude_as(make_message(), recipients=("other@example.com",)))
    await count(store)
    assert await tallies(store, Dimension.TYPE) == {(START, EventType.BOUNCE): 1}


@on_both
async def test_an_event_that_is_erased_before_it_is_counted_holds_nothing_up(store, conclude):
    await conclude(1, recipients=("gone@example.com",))
    await conclude(2)
    await store.recipients.erase("gone@example.com")
    await count(store)
    assert await tallies(store) == {(START, "mailbox_full"): 1}
    assert await store.archive.count_uncounted() == 0


@on_both
async def test_keys_without_number_become_one(store, conclude):
    for number in range(130):
        await conclude(number, document=document(original={"from": f"news@d{number:03}.example"}))
    await count(store)
    found = await tallies(store, Dimension.DOMAIN)
    assert len(found) == 101
    assert found[START, OTHER] == 30


@on_both
async def test_counts_are_forgotten_with_their_hours(store, conclude):
    await conclude(1)
    await conclude(2, document=json.dumps({"time": (START - timedelta(days=3)).isoformat(), "data": {"reason": "old"}}))
    await count(store)
    assert await store.forget_tallies(START - timedelta(days=1)) > 0
    assert await tallies(store) == {(START, "mailbox_full"): 1}


@on_both
async def test_an_event_is_found_by_recipient_message_id_and_return_path(store, conclude):
    told = document(original={"message_id": "<News.1@Example.com>"}, verp={"id": "Cust-7"})
    [event_id] = await conclude(1, recipients=("Ann@Example.com",), document=told)
    await conclude(2, recipients=("ben@example.com",))
    await count(store)
    for question in ("ann@example.com", " ANN@EXAMPLE.COM ", "<News.1@Example.com>", "News.1@Example.com", "Cust-7"):
        found, following = await store.archive.list_events(EventFilters(about=question))
        assert ([each.event.id for each in found], following) == ([event_id], None)
    assert await store.archive.list_events(EventFilters(about="nobody@example.com")) == ([], None)


@on_both
async def test_a_pseudonymous_store_finds_by_address_and_keeps_none(url, open_store, conclude):
    store = await open_store(url, pseudonymize=True)
    [event_id] = await conclude(on=store, recipients=("Ann@Example.com",))
    await count(store)
    [found], _ = await store.archive.list_events(EventFilters(about="ann@example.com"))
    assert found.event.id == event_id
    kept = read_mentions(url)
    assert len(kept) == 1
    assert "example" not in kept[0]


@on_both
async def test_pages_show_every_event_once_the_latest_first(store, conclude, clock):
    for number in range(7):
        await conclude(number, recipients=("a@example.com", "b@example.com"))
        clock.pass_(minutes=number % 2)
    seen, after = [], None
    while True:
        page, after = await store.archive.list_events(EventFilters(), after=after, limit=3)
        seen += page
        if after is None:
            break
    assert len({each.event.id for each in seen}) == len(seen) == 14
    assert [each.created_at for each in seen] == sorted((each.created_at for each in seen), reverse=True)


@on_both
async def test_events_that_somebody_has_to_look_at_are_found_page_by_page(store, conclude):
    wanted = set(await conclude(1, recipients=tuple(f"{number}@example.com" for number in range(10))))

    def accept(event: Event) -> bool:
        return event.recipient in {"3@example.com", "7@example.com", "8@example.com"}

    filters, seen, after = EventFilters(accept=accept), [], None
    while True:
        page, after = await store.archive.list_events(filters, after=after, limit=2)
        seen += page
        if after is None:
            break
    assert {each.event.recipient for each in seen} == {"3@example.com", "7@example.com", "8@example.com"}
    assert {each.event.id for each in seen} <= wanted


@on_both
@pytest.mark.parametrize("filters", [{}, {"sink": "app"}, {"state": DeliveryState.DELIVERED, "sink": "app"}])
async def test_pages_show_every_delivery_once(store, conclude, clock, filters):
    for number in range(5):
        ids = await conclude(number, recipients=("a@example.com", "b@example.com"), sinks=("app", "log"))
        for event_id in ids:
            await store.settle(Settlement.delivered((event_id, "app"), 1))
        clock.pass_(minutes=number % 2)
    seen, after = [], None
    while True:
        page, after = await store.archive.list_deliveries(**filters, after=after, limit=3)
        seen += [(each.event_id, each.sink) for each in page]
        if after is None:
            break
    assert len(set(seen)) == len(seen) == (10 if filters else 20)


@on_both
async def test_the_latest_attempts_tell_whether_a_sink_takes_events(store, conclude, clock):
    first, second = await conclude(
        recipients=("a@example.com", "b@example.com"), sinks=("app", "log", "new"), leased=("app",)
    )
    for event_id in (first, second):
        clock.pass_(minutes=1)
        await store.settle(Settlement.delivered((event_id, "log"), 1))
    await store.settle(Settlement.delivered((first, "app"), 1))
    delivered_at = clock.now
    clock.pass_(minutes=1)
    await store.settle(Settlement.retry((second, "app"), 1, after=timedelta(minutes=5), error="503"))
    app, log = await store.archive.list_sinks()
    assert app == SinkState("app", is_failing=True, error="503", failed=1, delivered_at=delivered_at)
    assert log == SinkState("log", is_failing=False, error=None, failed=0, delivered_at=delivered_at)


@on_both
async def test_a_message_tells_how_far_it_has_come(store, conclude, make_message):
    assert await store.archive.fetch_message("msg_none") is None
    await store.accept(make_message(), lease=False)
    waiting = await store.archive.fetch_message(make_message().id)
    assert (waiting.state, waiting.kind, waiting.report, waiting.concluded_at) == ("waiting", None, None, None)
    assert waiting.envelope == make_message().envelope
    await conclude(2)
    concluded = await store.archive.fetch_message(make_message(2).id)
    assert (concluded.state, concluded.kind, concluded.report) == ("concluded", "bounce", "{}")


@on_both
async def test_erasing_an_address_leaves_nothing_to_find_it_by(url, store, conclude):
    await conclude(1, recipients=("ann@example.com",), document=document(verp={"id": "ann=example.com"}))
    await count(store)
    await store.recipients.erase("ann@example.com")
    assert read_mentions(url) == []
    assert await tallies(store) == {(START, "mailbox_full"): 1}


@on_both
async def test_events_from_before_the_upgrade_are_counted(url, open_store, monkeypatch):
    monkeypatch.setattr(upgrade.command, "upgrade", partial(upgrade_no_further, upgrade.command.upgrade))
    engine_ = engine.writing_engine(engine.parse_url(url))
    if path := engine.database_path(engine.parse_url(url)):
        engine.create_file(path)
    with engine_.begin() as connection:
        upgrade.upgrade(connection)
        monkeypatch.undo()
        connection.execute(text(OLD_MESSAGE), {"now": START.isoformat()})
        connection.execute(text(OLD_EVENT), {"now": START.isoformat(), "document": document()})
    engine_.dispose()
    store = await open_store(url)
    await count(store)
    assert await tallies(store) == {(START, "mailbox_full"): 1}
    [found], _ = await store.archive.list_events(EventFilters(about="ann@example.com"))
    assert found.event.id == "evt_1"


def upgrade_no_further(to, config, _head):
    to(config, "0002")


OLD_MESSAGE = """
    INSERT INTO message (id, received_at, envelope, size, state, attempts)
    VALUES ('msg_1', :now, '{}', 1, 'concluded', 1)
"""
OLD_EVENT = """
    INSERT INTO event (id, message_id, type, recipient, routing_key, created_at, document)
    VALUES ('evt_1', 'msg_1', 'bounced.bounce', 'ann@example.com', 'bounced.bounce', :now, :document)
"""


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("end", ["ROLLBACK", "COMMIT"])
async def test_who_erases_is_not_waited_for_and_nothing_is_lost(url, store, conclude, end):
    ids = await conclude(recipients=("ann@example.com", "ben@example.com"))
    with psycopg.connect(url, autocommit=True) as eraser:
        eraser.execute("BEGIN")
        eraser.execute("DELETE FROM event WHERE id = %s", [ids[0]])
        await count(store)
        assert await store.archive.count_uncounted() == 1
        eraser.execute(end)
    await count(store)
    assert await store.archive.count_uncounted() == 0
    is_erased = end == "COMMIT"
    found, _ = await store.archive.list_events(EventFilters(about="ann@example.com"))
    assert [each.event.id for each in found] == ([] if is_erased else [ids[0]])
    assert await tallies(store) == {(START, "mailbox_full"): 1 if is_erased else 2}
