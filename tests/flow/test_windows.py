"""What does not fit into memory waits in the store, and comes in its turn."""

import asyncio

from bounced.flow.window import Window
from bounced.store import DeliveryState

COUNT = 2600  # more than the 512 messages and the 2000 events that are held in memory


async def count_leased(store):
    pending = await store.list_deliveries(state=DeliveryState.PENDING, limit=2 * COUNT)
    return len(pending), sum(each.lease_owner is not None for each in pending)


async def test_a_sink_that_hangs_bounds_the_memory_and_loses_nothing(make_flow, make_dsns, sink, store):
    flow = make_flow(sink)
    sink.hold_up()
    await flow.accept(make_dsns(COUNT))
    async with flow.running():
        await flow.incoming.until_idle()
        await sink.until_sent(sink.concurrency)
        while (await store.count_backlog()).messages:
            await flow.incoming.until_idle()
        pending, leased = await count_leased(store)
        assert (pending, leased) == (COUNT, 2000)
        sink.go_on()
        await sink.until_sent(COUNT)
        await flow.until_idle()
    assert set(sink.sent.values()) == {1}
    assert (await store.count_backlog()).pending == {}
    assert sink.largest_batch == sink.batch_size


async def test_messages_that_wait_in_the_store_are_taken_at_the_start(make_flow, make_dsns, sink, store):
    await make_flow(sink).accept(make_dsns(700))  # a daemon that ends before it works on any of them
    assert await store.release_own() == 512
    flow = make_flow(sink)
    async with flow.running():
        await sink.until_sent(700)
        await flow.until_idle()
    assert set(sink.sent.values()) == {1}


def test_a_window_is_full_by_number_or_by_size():
    window = Window(max_items=2, max_bytes=100)
    assert [window.reserve(10), window.reserve(10), window.reserve(10)] == [True, True, False]
    window.release(10)
    assert [window.reserve(91), window.reserve(90)] == [False, True]


def test_one_item_is_let_in_however_large_it_is():
    window = Window(max_items=2, max_bytes=100)
    assert window.reserve(1000)
    assert not window.reserve(1)
    window.release(1000)
    assert window.reserve(1)


async def test_an_empty_window_is_filled_at_once_where_something_was_left_behind():
    window = Window(max_items=1, max_bytes=100)
    waiting = ["second", "third"]
    taken = asyncio.Queue()

    async def claim(limit):
        assert limit == 1
        if not waiting:
            return 0
        window.add(1)
        taken.put_nowait(waiting.pop(0))
        return 1

    assert window.reserve(1)
    assert not window.reserve(1)
    async with asyncio.TaskGroup() as tasks:
        filling = tasks.create_task(window.keep_filled(claim, poll_seconds=3600))
        for name in ("second", "third"):
            window.release(1)
            assert await asyncio.wait_for(taken.get(), 5) == name
        filling.cancel()
