"""Each sink at its own pace, and every attempt ends."""

from datetime import UTC, datetime, timedelta

import pytest

from bounced.backoff import JITTER, RETRY_SECONDS
from bounced.flow.outgoing import Subscription
from bounced.model import Delivered, Failed
from bounced.store import DeliveryState, Store
from tests.flow.parts import Recorder


async def test_an_exception_of_a_sink_is_a_failure_that_is_tried_again(make_flow, make_dsns, sink, store):
    flow = make_flow(sink)
    sink.answer = RuntimeError("a bug")
    await flow.accept(make_dsns(1))
    async with flow.running():
        await sink.until_sent(1)
        sink.answer = Delivered()
        await sink.until_sent(2)
        await flow.until_idle()
    [delivered] = await store.list_deliveries(state=DeliveryState.DELIVERED)
    assert delivered.attempts == 2


async def test_the_schedule_ends_with_a_dead_delivery_that_names_its_last_error(make_flow, make_dsns, sink, store):
    flow = make_flow(sink, retry_seconds=(0.01,))
    sink.answer = Failed("the reason")
    await flow.accept(make_dsns(1))
    async with flow.running():
        await sink.until_sent(2)
        await flow.until_idle()
    [dead] = await store.list_deliveries(state=DeliveryState.DEAD)
    assert (dead.attempts, dead.last_error) == (2, "the reason")


async def test_a_dead_delivery_that_is_brought_back_has_all_its_attempts_again(make_flow, make_dsns, sink, store):
    flow = make_flow(sink, retry_seconds=())
    sink.answer = Failed("the reason")
    await flow.accept(make_dsns(1))
    async with flow.running():
        await sink.until_sent(1)
        await flow.until_idle()
        assert await store.retry_deliveries() == 1
        await sink.until_sent(2)
        await flow.until_idle()
    [dead] = await store.list_deliveries(state=DeliveryState.DEAD)
    assert dead.attempts == 1


async def test_a_sink_that_hangs_holds_up_no_other(make_flow, make_dsns):
    slow, quick = Recorder("slow"), Recorder("quick")
    flow = make_flow(slow, quick)
    slow.hold_up()
    async with flow.running():
        await flow.accept(make_dsns(100))
        await quick.until_sent(100)
        slow.go_on()
        await slow.until_sent(100)
        await flow.until_idle()


async def test_a_sink_that_is_gone_is_asked_again_only_when_told(make_flow, make_dsns, sink, store):
    flow = make_flow(sink)
    sink.answer = Failed("gone", is_final=True, is_gone=True)
    raws = make_dsns(2)
    async with flow.running():
        await flow.accept(raws[:1])
        await sink.until_sent(1)
        await flow.until_idle()
        await flow.accept(raws)
        await flow.until_idle()
        assert sink.sent.total() == 1
        [pending] = await store.list_deliveries(state=DeliveryState.PENDING)
        assert (pending.attempts, pending.lease_owner) == (0, None)
        sink.answer = Delivered()
        flow.outgoing.resume()
        await sink.until_sent(2)
        await flow.until_idle()


async def test_a_sink_that_is_replaced_finishes_what_it_was_given(make_flow, make_dsns, sink, store):
    flow = make_flow(sink)
    sink.hold_up()
    new = Recorder(sink.name, batch_size=1)
    raws = make_dsns(5)
    async with flow.running():
        await flow.accept(raws[:1])
        await sink.until_sent(1)
        await flow.outgoing.replace([Subscription(new, None, (0.01,))])
        await flow.accept(raws)
        await new.until_sent(4)
        assert sink.is_open
        sink.go_on()
        await flow.until_idle()
        assert not sink.is_open
    assert not new.is_open
    assert (set(sink.sent), len(new.sent)) == ({"user0@example.com"}, 4)
    assert len(await store.list_deliveries(state=DeliveryState.DELIVERED)) == 5


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1)])
async def test_a_sink_that_is_replaced_is_sent_as_much_at_a_time_as_the_new_one_takes(
    make_flow, make_dsns, before, after
):
    old, new = (Recorder(batch_size=1, concurrency=number) for number in (before, after))
    flow = make_flow(old)
    async with flow.running():
        await flow.accept(make_dsns(1))
        await old.until_sent(1)
        await flow.until_idle()
        new.hold_up()
        await flow.outgoing.replace([Subscription(new, None, (0.01,))])
        await flow.accept(make_dsns(8)[1:])
        await new.until_sent(after)
        await flow.incoming.until_idle()
        assert new.sent.total() == after
        new.go_on()
        await flow.until_idle()
    assert new.sent.total() == 7


async def test_an_idle_sink_that_is_replaced_is_closed_at_once(make_flow, make_dsns, sink):
    flow = make_flow(sink)
    async with flow.running():
        await flow.accept(make_dsns(1))
        await sink.until_sent(1)
        await flow.until_idle()
        await flow.outgoing.replace([Subscription(Recorder(sink.name), None, (0.01,))])
        assert not sink.is_open


async def test_an_event_that_no_sink_wants_is_kept_without_deliveries(make_flow, make_dsns, store):
    flow = make_flow()
    await flow.accept(make_dsns(1))
    async with flow.running():
        await flow.until_idle()
    assert await store.list_deliveries() == []
    assert (await store.count_backlog()).messages == 0
    assert len(await store.archive.list_reports()) == 1


async def test_a_sink_that_is_away_for_an_hour_gets_all_it_missed_once(make_flow, make_dsns, sink, tmp_path):
    now = datetime(2026, 11, 23, 9, tzinfo=UTC)
    back = now + timedelta(hours=1)
    sink.answer = Failed("away")
    async with await Store.open(f"sqlite:///{tmp_path}/hours.db", owner="one", clock=lambda: now) as store:
        flow = make_flow(sink, retry_seconds=RETRY_SECONDS, on=store)
        await flow.accept(make_dsns(3))
        async with flow.running():
            await sink.until_sent(3)
            await flow.until_idle()
            for attempt, seconds in enumerate(RETRY_SECONDS, start=2):
                now += timedelta(seconds=seconds * (1 + JITTER))
                sink.answer = Delivered() if now >= back else sink.answer
                await sink.until_sent(3 * attempt)
                await flow.until_idle()
                if now >= back:
                    break
        delivered = await store.list_deliveries(state=DeliveryState.DELIVERED)
    assert [one.attempts for one in delivered] == [5, 5, 5]
    assert sink.sent.total() == 15
