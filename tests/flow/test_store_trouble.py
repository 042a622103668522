"""What is done is not forgotten because the store cannot be written for a while."""

import asyncio
from datetime import UTC, datetime

import pytest

from bounced.errors import StoreError
from bounced.model import Envelope, Message
from bounced.pipeline import understand
from bounced.store import DeliveryState


async def until_refused(store):
    """Wait until the store has refused whatever was asked of it before."""
    for number in range(2):  # the first attempt may overtake what was about to be asked
        probe = Message.of(Envelope("", (f"probe{number}@example.com",), datetime.now(UTC)), b"")
        with pytest.raises(StoreError):
            await store.accept(probe, lease=True)


async def test_a_conclusion_is_repeated_until_the_store_takes_it(make_flow, make_dsns, sink, store, locked):
    loop, has_read = asyncio.get_running_loop(), asyncio.Event()

    def read(raw, envelope):
        loop.call_soon_threadsafe(has_read.set)
        return understand(raw)

    flow = make_flow(sink, read=read)
    await flow.accept(make_dsns(3))
    async with flow.running():
        async with locked():
            await has_read.wait()
            await until_refused(store)
            assert not sink.sent  # nothing is told that is not written down
        await flow.until_idle()
    assert sink.sent.total() == 3
    assert await store.count_backlog() == await settled(store, 3)


async def test_a_settlement_is_repeated_until_the_store_takes_it(make_flow, make_dsns, sink, store, locked):
    flow = make_flow(sink)
    sink.hold_up()
    await flow.accept(make_dsns(3))
    async with flow.running():
        await sink.until_sent(3)
        async with locked():
            sink.go_on()
            await until_refused(store)
        await flow.until_idle()
    assert sink.sent.total() == 3
    assert await store.count_backlog() == await settled(store, 3)


async def settled(store, count):
    """Return a backlog that is empty, after making sure that so many deliveries are done."""
    assert len(await store.list_deliveries(state=DeliveryState.DELIVERED)) == count
    backlog = await store.count_backlog()
    return type(backlog)(messages=0, pending={}, dead={})


async def test_a_message_that_the_store_refuses_is_not_accepted(make_flow, make_dsns, sink, store, locked):
    flow = make_flow(sink)
    async with flow.running():
        async with locked():
            with pytest.raises(ExceptionGroup) as refused:
                await flow.accept(make_dsns(1))
            assert refused.group_contains(StoreError)
        await flow.accept(make_dsns(1))
        await sink.until_sent(1)
        await flow.until_idle()
    assert sink.sent.total() == 1
