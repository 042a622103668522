"""From accepted to concluded, whatever a message does to the reader."""

import asyncio
import json

import pytest

from bounced.flow import incoming
from bounced.pipeline import understand
from bounced.store import DeliveryState


async def test_a_message_that_comes_twice_is_told_once(make_flow, make_dsns, sink):
    flow = make_flow(sink)
    raws = make_dsns(20)
    async with flow.running():
        await flow.accept(raws)
        await flow.accept(raws)
        await sink.until_sent(20)
        await flow.until_idle()
    assert set(sink.sent.values()) == {1}


async def test_a_message_that_cannot_be_read_is_quarantined_and_its_neighbours_are_told(
    make_flow, make_dsns, sink, store
):
    attempts = []

    def read(raw, envelope):
        if b"user7@" in raw:
            attempts.append(raw)
            raise RecursionError("too deep")
        return understand(raw)

    flow = make_flow(sink, read=read)
    async with flow.running():
        await flow.accept(make_dsns(20))
        await sink.until_sent(20)
        await flow.until_idle()
    assert len(attempts) == 3
    assert set(sink.sent) == {None, *(f"user{number}@example.com" for number in range(20))} - {"user7@example.com"}
    deliveries = await store.list_deliveries(state=DeliveryState.DELIVERED)
    [event_id] = [each.event_id for each in deliveries if each.type == "bounced.unrecognized"]
    stored = await store.fetch_event(event_id)
    assert stored.message_id == flow.messages[7].id
    assert "quarantined" in json.loads(stored.event.document)["data"]["message"]["notes"][0]


async def test_an_exception_once_is_not_held_against_a_message(make_flow, make_dsns, sink):
    has_failed = []

    def read(raw, envelope):
        if not has_failed:
            has_failed.append(True)
            raise MemoryError
        return understand(raw)

    flow = make_flow(sink, read=read)
    async with flow.running():
        await flow.accept(make_dsns(1))
        await sink.until_sent(1)
        await flow.until_idle()
    assert set(sink.sent) == {"user0@example.com"}


class Rush:
    """A crowd that lasts until it is over."""

    def __init__(self):
        self.is_over = False

    def arrive(self, now):
        pass

    def seconds_to_stand_back(self, now, *, until):
        return 0 if self.is_over else min(0.01, until - now)


@pytest.fixture
def rush(monkeypatch):
    rush = Rush()
    monkeypatch.setattr(incoming, "Crowd", lambda: rush)
    return rush


async def test_reading_waits_for_a_crowd_to_pass(make_flow, make_dsns, sink, rush, monkeypatch):
    monkeypatch.setattr(incoming, "_PATIENCE_SECONDS", 300)
    flow = make_flow(sink)
    async with flow.running():
        await flow.accept(make_dsns(20))
        await asyncio.sleep(0.2)
        assert not sink.sent
        rush.is_over = True
        await sink.until_sent(20)


async def test_reading_does_not_wait_for_a_crowd_that_lasts(make_flow, make_dsns, sink, rush, monkeypatch):
    monkeypatch.setattr(incoming, "_PATIENCE_SECONDS", 0.2)
    flow = make_flow(sink)
    async with flow.running():
        await flow.accept(make_dsns(20))
        await sink.until_sent(20)


@pytest.mark.parametrize(("patience_seconds", "is_slow"), [(300, False), (0, True)])
async def test_who_brings_more_than_can_be_read_waits_for_the_reply_once_that_lasts(
    make_flow, make_dsns, sink, store, monkeypatch, patience_seconds, is_slow
):
    monkeypatch.setattr(incoming, "_WINDOW_MESSAGES", 2)
    monkeypatch.setattr(incoming, "_PATIENCE_SECONDS", patience_seconds)
    monkeypatch.setattr(incoming, "_SLOW_SECONDS", 300)
    flow = make_flow(sink)
    await flow.accept(make_dsns(2))
    third = asyncio.create_task(flow.accept(make_dsns(3)[2:]))
    await asyncio.sleep(0.5)
    assert third.done() is not is_slow
    third.cancel()
    assert len(await store.claim_messages(10)) == 1  # it is safe all the same
