"""One call erases all that is known of an address, and nothing that is known of others."""

import json
from datetime import timedelta
from itertools import count

import pytest
import sqlalchemy

from bounced.escalate import State, find_facts
from bounced.event import describe_understanding, make_events
from bounced.identify import VerpSettings, make_form
from bounced.model import Envelope, Message
from bounced.pipeline import understand
from bounced.store import Conclusion, EventFilters, Horizon, engine, schema
from bounced.tallies import summarize

pytestmark = pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
ANN, BEN, JOANN = "ann@example.com", "ben@example.com", "joann@example.com"

VERP_OF_ANN = "bounces+ann=example.com@lists.example.net"
NO_SETTINGS = VerpSettings()

REPORT = """\
From: MAILER-DAEMON@mx.example.net
To: bounces+ann=example.com@lists.example.net
Content-Type: multipart/report; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
{blocks}
--b
Content-Type: text/rfc822-headers

From: news@example.net
To: {to}

--b--
"""
BLOCK = "\n{}Final-Recipient: rfc822; {}\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 <{}>?\n"


@pytest.fixture
def come_back(store, clock):
    """Take a report from accepted to concluded by the real pipeline; return its events by their recipients.

    A recipient is written as Final-Recipient, or as "Original-Recipient > Final-Recipient".
    """

    numbers = count()

    async def come_back_(
        *recipients, to="news@lists.example.net", on=store, return_path=VERP_OF_ANN, settings=NO_SETTINGS
    ):
        clock.pass_(minutes=1)
        header = f"Message-ID: <{next(numbers)}@mx.example.net>\n"
        raw = (header + REPORT.format(blocks="".join(map(block, recipients)), to=to)).encode()
        message = Message.of(Envelope("", (return_path,), clock.now), raw)
        understanding = understand(raw, recipients=() if settings is NO_SETTINGS else (return_path,), verp=settings)
        events = make_events(message, understanding, source="/bounced/test")
        report = json.dumps(describe_understanding(understanding), ensure_ascii=False)
        facts = find_facts(message, understanding)
        deliveries = tuple((each.id, "app") for each in events)
        await on.accept(message, lease=True)
        assert await on.conclude(Conclusion(message.id, understanding.kind, report, events, deliveries, facts=facts))
        await on.count_events(summarize)
        return {each.recipient: each for each in events}

    return come_back_


def block(recipient):
    original, _, final = recipient.rpartition(" > ")
    return BLOCK.format(f"Original-Recipient: rfc822; {original}\n" if original else "", final, final)


def everything(url):
    """Return all that any table holds, as one text."""
    reading = engine.reading_engine(engine.parse_url(url))
    queries = map(sqlalchemy.select, schema.metadata.tables.values())
    with reading.connect() as connection:
        rows = [str(row) for query in queries for row in connection.execute(query)]
    reading.dispose()
    return "\n".join(rows).lower()


async def test_nothing_of_the_address_is_left_and_all_of_the_others(url, store, come_back):
    events = await come_back("Ann@Example.com", BEN, to=f"Ann <{ANN}>, {BEN}")
    assert await store.recipients.erase("ANN@example.com") > 0
    assert ANN not in everything(url)
    assert "ann=example.com" not in everything(url)
    assert await store.fetch_event(events["Ann@Example.com"].id) is None
    kept = await store.fetch_event(events[BEN].id)
    data, report = json.loads(kept.event.document)["data"], json.loads(kept.report)
    assert (data["recipient"], data["diagnostic"]) == (BEN, f"smtp; 550 5.1.1 <{BEN}>?")
    assert data["original"]["to"] == f"Ann <[erased]>, {BEN}"
    assert [one["recipient"] for one in report["recipients"]] == [BEN]
    assert len((await store.recipients.fetch(BEN)).facts) == 1
    assert [each.event.id for each in await store.claim_deliveries("app", 10)] == [events[BEN].id]
    assert await store.recipients.erase(ANN) == 0


@pytest.mark.parametrize(
    ("told", "asked"),
    [
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@xn--bcher-kva.example", "ann@bücher.example"),
        ('"ann..b"@example.com', "ann..b@example.com"),
    ],
)
async def test_nothing_is_left_in_whatever_form_the_address_was_written(url, store, come_back, told, asked):
    await come_back(told, BEN, to=f"Ann <{told}>, {BEN}")
    assert len((await store.archive.list_events(EventFilters(about=asked)))[0]) == 1
    assert await store.recipients.erase(asked) > 0
    assert not [form for form in (told, asked, "ann..b") if form in everything(url)]
    assert (await store.recipients.fetch(BEN)).state is State.SUPPRESSED


async def test_a_final_recipient_is_taken_out_of_the_event_about_another(url, store, come_back):
    events = await come_back(f"list@example.com > {ANN}", to="list@example.com")
    assert set(events) == {"list@example.com"}
    assert await store.recipients.erase(ANN) == 1  # the raw message
    assert ANN not in everything(url)
    kept = await store.fetch_event(events["list@example.com"].id)
    data = json.loads(kept.event.document)["data"]
    assert (data["final_recipient"], data["original_recipient"]) == (None, "list@example.com")
    assert len((await store.recipients.fetch("list@example.com")).facts) == 1


async def test_an_original_recipient_is_taken_out_of_the_event_about_another(url, store, come_back):
    events = await come_back(f"{ANN} > {BEN}")
    assert set(events) == {BEN}
    assert await store.recipients.erase(ANN) == 1
    assert ANN not in everything(url)
    assert json.loads((await store.fetch_event(events[BEN].id)).event.document)["data"]["original_recipient"] is None


async def test_an_id_in_a_return_path_that_is_the_address_is_no_word_to_find_an_event_by(url, store, come_back):
    settings = VerpSettings(patterns=(make_form("mine", "(?P<id>ann@example\\.com)@bounce"),))
    events = await come_back(BEN, return_path='"ann@example.com"@bounce', settings=settings)
    assert json.loads(events[BEN].document)["data"]["verp"]["id"] == ANN
    await store.recipients.erase(ANN)
    assert len((await store.archive.list_events(EventFilters(about=BEN)))[0]) == 1
    assert ANN not in everything(url)


async def test_who_has_a_longer_address_loses_nothing(url, store, come_back):
    for address in (JOANN, f"{ANN}.au", f"x+{ANN}"):
        await come_back(address)
    before = everything(url)
    assert await store.recipients.erase(ANN) == 0
    assert everything(url) == before


async def test_more_messages_than_one_batch_are_erased(url, store, come_back):
    for _ in range(101):
        await come_back(ANN, BEN)
    await store.recipients.erase(ANN)
    assert ANN not in everything(url)
    assert len(await store.list_deliveries(limit=1000)) == 101


async def test_what_retention_left_is_erased(url, store, come_back, clock):
    await come_back(ANN, BEN)
    clock.pass_(days=10)
    past = clock.now - timedelta(days=100)
    await store.claim_deliveries("app", 10)
    await store.purge(Horizon(messages=clock.now, reports=past, events=past, recipients=clock.now))
    assert ANN in everything(url)
    assert await store.recipients.erase(ANN) > 0
    assert ANN not in everything(url)


async def test_a_pseudonym_erases_what_its_events_tell(url, open_store, come_back):
    store = await open_store(url, pseudonymize=True)
    await come_back(ANN, BEN, to=f"{ANN}, {BEN}", on=store)
    name = (await store.recipients.check([ANN]))[ANN].address
    assert await store.recipients.erase(name) > 0
    assert ANN not in everything(url)
    assert BEN in everything(url)
    assert await store.recipients.fetch(ANN) is None
