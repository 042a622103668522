"""The pulse beats while everything answers, and says what does not."""

import asyncio
import threading
from contextlib import asynccontextmanager

import pytest

from bounced.flow.pulse import Pulse
from bounced.pipeline import understand
from tests.flow.parts import DEADLINE_SECONDS

INTERVAL_SECONDS = 0.01


class Watcher:
    """Counts beats, and looks at the pulse whenever it has beaten or a moment has passed."""

    def __init__(self, pulse: Pulse) -> None:
        self.pulse = pulse
        self.beats = 0

    def beat(self) -> None:
        self.beats += 1

    async def until(self, is_so) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not is_so():  # noqa: ASYNC110 - a pulse is for those who look now and then
                await asyncio.sleep(INTERVAL_SECONDS)


@pytest.fixture
def watching(store):
    @asynccontextmanager
    async def watch(flow, *, patience_seconds):
        watcher = Watcher(Pulse(store, flow.incoming, patience_seconds=patience_seconds))
        beating = asyncio.create_task(watcher.pulse.run(interval_seconds=INTERVAL_SECONDS, on_beat=watcher.beat))
        yield watcher
        beating.cancel()
        with pytest.raises(asyncio.CancelledError):
            await beating

    return watch


async def test_it_beats_while_there_is_nothing_to_do(make_flow, sink, watching):
    flow = make_flow(sink)
    async with flow.running(), watching(flow, patience_seconds=10) as watcher:
        await watcher.until(lambda: watcher.beats > 3)
        assert watcher.pulse.stuck is None


async def test_it_stops_while_the_reader_stands_still_and_goes_on_with_it(make_flow, make_dsns, sink, watching):
    may_go_on = threading.Event()

    def read(raw, envelope):
        may_go_on.wait(DEADLINE_SECONDS)
        return understand(raw)

    flow = make_flow(sink, read=read)
    async with flow.running(), watching(flow, patience_seconds=0.2) as watcher:
        try:
            await flow.accept(make_dsns(2))
            await watcher.until(lambda: watcher.pulse.stuck == "parse")
            beats = watcher.beats
        finally:
            may_go_on.set()
        await watcher.until(lambda: watcher.beats > beats)
        assert watcher.pulse.stuck is None
        await flow.until_idle()
    assert sum(sink.sent.values()) == 2


async def test_a_store_that_refuses_is_told_and_lets_it_beat(make_flow, sink, watching, locked):
    flow = make_flow(sink)
    async with flow.running(), watching(flow, patience_seconds=10) as watcher:
        async with locked():
            await watcher.until(lambda: watcher.pulse.store_error)
            beats = watcher.beats
            await watcher.until(lambda: watcher.beats > beats)
            assert watcher.pulse.stuck is None
        await watcher.until(lambda: watcher.pulse.store_error is None)
