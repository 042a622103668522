"""What is old goes, each at its age, in small batches; what is not finished stays."""

import asyncio
import os
from dataclasses import replace
from datetime import timedelta

import pytest

from bounced.errors import StoreError
from bounced.store import Horizon, Settlement

on_both = pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
EVER = timedelta(days=36_500)


@pytest.fixture
def keep(clock):
    """Return the horizon that keeps what is named for so many days and all else for ever."""

    def make(**days):
        ages = dict.fromkeys(("messages", "reports", "events", "recipients"), clock.now - EVER)
        return Horizon(**ages | {name: clock.now - timedelta(days=count) for name, count in days.items()})

    return make


async def finish(store, message, conclusion):
    await store.accept(message, lease=True)
    await store.conclude(conclusion)
    for key in conclusion.deliveries:
        await store.settle(Settlement.delivered(key, 1))


@on_both
async def test_each_kind_goes_at_its_age_and_the_message_with_the_last(store, make_message, conclude_as, clock, keep):
    conclusion = conclude_as(make_message(), leased=("app",))
    await finish(store, make_message(), conclusion)
    event_id = conclusion.events[0].id
    clock.pass_(days=10)
    assert await store.purge(keep(messages=11, reports=11, events=11)) == {}

    assert await store.purge(keep(messages=9)) == {"messages": 1}
    assert await store.fetch_message(make_message().id) is None
    assert (await store.fetch_event(event_id)).report == "{}"
    assert not await store.accept(make_message(), lease=False)

    assert await store.purge(keep(messages=9, reports=9)) == {"reports": 1}
    assert (await store.fetch_event(event_id)).report is None
    assert await store.archive.list_reports() == []

    assert await store.purge(keep(messages=9, reports=9, events=9)) == {"events": 1, "remains": 1}
    assert await store.fetch_event(event_id) is None
    assert await store.list_deliveries() == []
    assert await store.purge(keep(messages=9, reports=9, events=9)) == {}
    assert await store.accept(make_message(), lease=False)


@on_both
async def test_what_is_not_finished_stays(store, make_message, conclude_as, clock, keep):
    await store.accept(make_message(1), lease=False)
    pending = conclude_as(make_message(2), recipients=("a@example.com", "b@example.com"), leased=("app",))
    await store.accept(make_message(2), lease=True)
    await store.conclude(pending)
    await store.settle(Settlement.delivered(pending.deliveries[0], 1))
    clock.pass_(days=30)
    assert await store.purge(keep(messages=1, reports=1, events=1)) == {"messages": 1, "reports": 1, "events": 1}
    assert await store.fetch_message(make_message(1).id)
    assert [each.event_id for each in await store.list_deliveries()] == [pending.events[1].id]


@on_both
async def test_recipients_are_forgotten_when_nothing_was_heard_for_long(store, bounce, clock, keep):
    await bounce("ann@example.com")
    clock.pass_(days=20)
    await bounce("ben@example.com")
    assert await store.purge(keep(recipients=10)) == {"recipients": 1}
    assert await store.recipients.fetch("ann@example.com") is None
    assert (await store.recipients.fetch("ben@example.com")).facts


@on_both
async def test_more_than_a_batch_goes_in_several_commits(store, make_message, conclude_as, clock, keep, listen):
    messages = [make_message(number) for number in range(1100)]
    await asyncio.gather(*(store.accept(message, lease=True) for message in messages))
    await asyncio.gather(*(store.conclude(conclude_as(message, sinks=())) for message in messages))
    clock.pass_(days=2)
    commits = []
    listen("commit", commits.append)
    assert (await store.purge(keep(messages=1)))["messages"] == 1100
    assert len(commits) >= 3


@on_both
async def test_a_time_without_zone_is_refused(store, keep, clock):
    with pytest.raises(StoreError):
        await store.purge(replace(keep(), messages=clock.now.replace(tzinfo=None)))


async def test_the_file_shrinks(sqlite_url, open_store, make_message, conclude_as, clock, keep):
    file = sqlite_url.removeprefix("sqlite:///").partition("?")[0]
    store = await open_store(sqlite_url)
    messages = [make_message(number, raw=b"x" * 100_000) for number in range(100)]
    for message in messages:
        await finish(store, message, conclude_as(message, sinks=()))
    clock.pass_(days=2)
    await store.purge(keep(messages=1))
    assert await store.shrink() > 2000
    assert await store.shrink() == 0
    await store.close()
    assert os.path.getsize(file) < 1_000_000  # noqa: ASYNC240, PTH202 - nobody waits for this loop


async def test_postgresql_shrinks_by_itself(postgresql_url, open_store):
    assert await (await open_store(postgresql_url)).shrink() == 0
