"""What the store promises, whichever database it is in."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bounced.errors import StoreError
from bounced.model import Delivery, Envelope, Message
from bounced.store import Backlog, DeliveryState, Settlement

pytestmark = pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)


async def conclude(store, message, conclusion):
    """Bring a message as far as its deliveries and return their keys."""
    await store.accept(message, lease=True)
    assert await store.conclude(conclusion)
    return conclusion.deliveries


class TestAccept:
    async def test_an_accepted_message_outlives_the_store(self, url, open_store, make_message):
        async with await open_store(url) as store:
            assert await store.accept(make_message(), lease=False)
        store = await open_store(url)
        assert await store.fetch_message(make_message().id) == make_message()

    async def test_a_known_message_adds_nothing(self, store, make_message):
        assert await store.accept(make_message(), lease=False)
        assert not await store.accept(make_message(), lease=True)
        assert (await store.count_backlog()).messages == 1
        assert len(await store.claim_messages(10)) == 1

    async def test_the_same_message_twice_at_once_is_new_once(self, store, make_message):
        answers = await asyncio.gather(*(store.accept(make_message(), lease=False) for _ in range(5)))
        assert sorted(answers) == [False, False, False, False, True]

    async def test_messages_that_come_together_share_commits(self, store, make_message, listen):
        commits = []
        listen("commit", commits.append)
        messages = [make_message(number) for number in range(200)]
        assert all(await asyncio.gather(*(store.accept(message, lease=False) for message in messages)))
        assert len(commits) < 20
        for message in messages:
            assert await store.fetch_message(message.id) == message

    async def test_an_envelope_comes_back_as_it_was(self, store):
        envelope = Envelope("a\udcff\x00@b", ("x@y", "z@y"), datetime(2026, 1, 2, 3, 4, 5, 678901, UTC))
        message = Message("msg_odd", envelope, bytes(range(256)), 999)
        await store.accept(message, lease=False)
        assert await store.fetch_message("msg_odd") == message

    async def test_an_unknown_id_is_none(self, store):
        assert await store.fetch_message("msg_\x00") is None
        assert await store.fetch_event("evt_none") is None

    async def test_a_closed_store_refuses(self, store, make_message):
        await store.close()
        with pytest.raises(StoreError):
            await store.accept(make_message(), lease=False)
        with pytest.raises(StoreError):
            await store.count_backlog()

    async def test_what_waits_at_close_is_written(self, url, store, open_store, make_message):
        tasks = [asyncio.create_task(store.accept(make_message(number), lease=False)) for number in range(5)]
        await asyncio.sleep(0)
        await store.close()
        assert all(await asyncio.gather(*tasks))
        assert (await (await open_store(url)).count_backlog()).messages == 5

    async def test_a_caller_that_gives_up_harms_nobody(self, store, make_message):
        given_up = asyncio.create_task(store.accept(make_message(1), lease=False))
        other = asyncio.create_task(store.accept(make_message(2), lease=False))
        await asyncio.sleep(0)
        given_up.cancel()
        assert await other
        await store.accept(make_message(1), lease=False)
        assert await store.fetch_message(make_message(1).id)


class TestConclude:
    async def test_report_events_and_deliveries_come_together(self, store, make_message, conclude_as, clock):
        conclusion = conclude_as(
            make_message(),
            recipients=("ann@example.com", "bob@example.com"),
            sinks=("app", "log"),
            report='{"a": 1}',
            document='{"née": "\\u0000 �"}',
        )
        await conclude(store, make_message(), conclusion)
        for event in conclusion.events:
            stored = await store.fetch_event(event.id)
            assert stored.event == event
            assert (stored.message_id, stored.report, stored.created_at) == (make_message().id, '{"a": 1}', clock.now)
        assert {(each.event_id, each.sink) for each in await store.list_deliveries()} == set(conclusion.deliveries)
        assert await store.count_backlog() == Backlog(messages=0, pending={"app": 2, "log": 2}, dead={})

    async def test_the_second_conclusion_writes_nothing(self, store, make_message, conclude_as):
        await conclude(store, make_message(), conclude_as(make_message()))
        other = conclude_as(make_message(), recipients=("other@example.com",))
        assert not await store.conclude(other)
        assert await store.fetch_event(other.events[0].id) is None

    async def test_two_conclusions_at_once_are_one(self, store, make_message, conclude_as):
        await store.accept(make_message(), lease=True)
        both = [conclude_as(make_message(), recipients=(name,)) for name in ("a@example.com", "b@example.com")]
        assert sorted(await asyncio.gather(*map(store.conclude, both))) == [False, True]
        assert len(await store.list_deliveries()) == 1

    async def test_an_unknown_message_cannot_be_concluded(self, store, make_message, conclude_as):
        assert not await store.conclude(conclude_as(make_message()))

    async def test_an_event_named_twice_is_told_once(self, store, make_message, conclude_as):
        await conclude(
            store, make_message(), conclude_as(make_message(), recipients=("a@example.com", "a@example.com"))
        )
        assert len(await store.claim_deliveries("app", 10)) == 1

    async def test_all_of_a_failed_conclusion_is_undone_and_others_go_on(self, store, make_message, conclude_as):
        messages = [make_message(number) for number in range(20)]
        await asyncio.gather(*(store.accept(message, lease=True) for message in messages))
        conclusions = [conclude_as(message) for message in messages]
        guilty = conclude_as(messages[7])
        conclusions[7] = type(guilty)(
            guilty.message_id, guilty.kind, "{}", guilty.events, (*guilty.deliveries, ("evt_of_nobody", "app"))
        )
        answers = await asyncio.gather(*map(store.conclude, conclusions), return_exceptions=True)
        assert isinstance(answers.pop(7), StoreError)
        assert answers == [True] * 19
        assert await store.fetch_event(guilty.events[0].id) is None
        assert await store.conclude(guilty)

    async def test_text_no_database_can_hold_is_replaced(self, store, make_message, conclude_as):
        conclusion = conclude_as(make_message(), recipients=("nul\x00@example.com",), report='"\x00 \udc80"')
        await conclude(store, make_message(), conclusion)
        stored = await store.fetch_event(conclusion.events[0].id)
        assert stored.event.recipient == "nul�@example.com"
        assert stored.report == '"� �"'

    async def test_a_crash_between_accept_and_conclude_repeats_the_same_ids(
        self, url, open_store, make_message, conclude_as
    ):
        async with await open_store(url, owner="one") as crashed:
            await crashed.accept(make_message(), lease=True)
        restarted = await open_store(url, owner="one")
        assert await restarted.claim_messages(10) == []
        assert await restarted.release_own() == 1
        [claimed] = await restarted.claim_messages(10)
        assert claimed.message == make_message()
        assert claimed.attempts == 2
        assert await restarted.conclude(conclude_as(claimed.message))

    async def test_a_quarantined_message_never_comes_back(self, store, make_message, conclude_as, clock):
        await conclude(store, make_message(), conclude_as(make_message(), is_quarantined=True))
        clock.pass_(days=1)
        assert await store.claim_messages(10) == []


class TestSettle:
    async def test_what_this_process_sends_at_once_is_leased(self, store, make_message, conclude_as):
        await conclude(store, make_message(), conclude_as(make_message(), sinks=("app", "log"), leased=("app",)))
        assert await store.claim_deliveries("app", 10) == []
        [delivery] = await store.claim_deliveries("log", 10)
        assert delivery.attempt == 1

    async def test_a_delivered_event_is_over(self, store, make_message, conclude_as, clock):
        [key] = await conclude(store, make_message(), conclude_as(make_message(), leased=("app",)))
        await store.settle(Settlement.delivered(key, 1))
        clock.pass_(days=1)
        assert await store.claim_deliveries("app", 10) == []
        assert await store.next_delivery_due("app") is None
        [listed] = await store.list_deliveries(state=DeliveryState.DELIVERED)
        assert (listed.attempts, listed.due_at, listed.last_error) == (1, None, None)

    async def test_a_retry_is_due_when_it_was_said(self, store, make_message, conclude_as, clock):
        conclusion = conclude_as(make_message(), leased=("app",))
        [key] = await conclude(store, make_message(), conclusion)
        due = clock.now + timedelta(seconds=5)
        await store.settle(Settlement.retry(key, 1, after=timedelta(seconds=5), error="503"))
        assert await store.next_delivery_due("app") == due
        clock.pass_(seconds=4)
        assert await store.claim_deliveries("app", 10) == []
        clock.pass_(seconds=1)
        assert await store.claim_deliveries("app", 10) == [Delivery(conclusion.events[0], "app", 2)]
        [listed] = await store.list_deliveries(state=DeliveryState.PENDING)
        assert (listed.last_error, listed.lease_owner) == ("503", "one")

    async def test_a_late_failure_does_not_undo_what_another_worker_did(self, store, make_message, conclude_as, clock):
        [key] = await conclude(store, make_message(), conclude_as(make_message(), leased=("app",)))
        clock.pass_(minutes=5)
        assert len(await store.claim_deliveries("app", 1)) == 1
        await store.settle(Settlement.dead(key, 1, error="late"))
        assert await store.list_deliveries(state=DeliveryState.DEAD) == []
        await store.settle(Settlement.delivered(key, 2))
        await store.settle(Settlement.retry(key, 2, after=timedelta(0), error="later"))
        assert len(await store.list_deliveries(state=DeliveryState.DELIVERED)) == 1

    async def test_a_dead_delivery_is_kept_and_can_be_retried(self, store, make_message, conclude_as):
        [key] = await conclude(store, make_message(), conclude_as(make_message(), leased=("app",)))
        await store.settle(Settlement.dead(key, 1, error="410 Gone"))
        assert (await store.count_backlog()).dead == {"app": 1}
        [listed] = await store.list_deliveries(state=DeliveryState.DEAD, sink="app")
        assert (listed.recipient, listed.last_error, listed.due_at) == ("ann@example.com", "410 Gone", None)
        assert await store.retry_deliveries() == 1
        [delivery] = await store.claim_deliveries("app", 10)
        assert delivery.attempt == 1

    async def test_retry_takes_only_what_was_asked_for(self, store, make_message, conclude_as, clock):
        keys = []
        for number in range(3):
            message = make_message(number)
            keys += await conclude(store, message, conclude_as(message, sinks=("app", "log"), leased=("app", "log")))
        for key in keys:
            clock.pass_(seconds=1)
            await store.settle(Settlement.dead(key, 1, error="no"))
        assert await store.retry_deliveries(ids=[]) == 0
        assert await store.retry_deliveries(sink="other") == 0
        assert await store.retry_deliveries(ids=[keys[0][0]], sink="log") == 1
        assert await store.retry_deliveries(since=clock.now) == 1
        assert await store.retry_deliveries(sink="app") == 3
        assert [(each.event_id, each.sink) for each in await store.list_deliveries(state=DeliveryState.DEAD)] == [
            keys[3]
        ]

    async def test_lists_are_filtered_limited_and_begin_with_the_latest(self, store, make_message, conclude_as, clock):
        for number in range(3):
            clock.pass_(seconds=1)
            await conclude(store, make_message(number), conclude_as(make_message(number), sinks=("app", "log")))
        assert len(await store.list_deliveries(since=clock.now)) == 2
        assert [each.updated_at for each in await store.list_deliveries(sink="app", limit=2)] == [
            clock.now,
            clock.now - timedelta(seconds=1),
        ]


class TestRetire:
    async def test_what_goes_to_a_sink_that_is_no_more_is_dead_and_can_come_back(
        self, store, make_message, conclude_as
    ):
        await conclude(store, make_message(), conclude_as(make_message(), sinks=("app", "gone"), leased=("app",)))
        assert await store.retire_deliveries(["app", "other"]) == 1
        assert [one.sink for one in await store.list_deliveries(state=DeliveryState.DEAD)] == ["gone"]
        assert await store.retire_deliveries(["app", "other"]) == 0
        assert await store.retry_deliveries(sink="gone") == 1
        assert [one.sink for one in await store.claim_deliveries("gone", 10)] == ["gone"]
