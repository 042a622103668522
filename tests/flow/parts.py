"""The real store and the real pipeline, with a sink that the test can hold up."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bounced.flow.incoming import Incoming
from bounced.flow.outgoing import Outgoing
from bounced.model import Delivered, Envelope, Event, Message, SendResult
from bounced.store import Store

DEADLINE_SECONDS = 30


class Recorder:
    """A sink in memory; while it is held up, no send ends."""

    def __init__(self, name: str = "app", *, batch_size: int = 10, concurrency: int = 4) -> None:
        self.name, self.batch_size, self.concurrency = name, batch_size, concurrency
        self.sent: Counter[str] = Counter()
        self.largest_batch = 0
        self.is_open = False
        self.answer: SendResult | Exception = Delivered()
        self._may_end = asyncio.Event()
        self._may_end.set()
        self._changed = asyncio.Condition()

    async def open(self) -> None:
        self.is_open = True

    async def close(self) -> None:
        self.is_open = False

    async def send(self, events: Sequence[Event]) -> Sequence[SendResult]:
        assert self.is_open
        async with self._changed:
            self.sent.update(event.recipient for event in events)
            self.largest_batch = max(self.largest_batch, len(events))
            self._changed.notify_all()
        await self._may_end.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return [self.answer] * len(events)

    def hold_up(self) -> None:
        self._may_end.clear()

    def go_on(self) -> None:
        self._may_end.set()

    async def until_sent(self, count: int) -> None:
        """Wait until this many sends of events have begun, repeats included."""
        async with asyncio.timeout(DEADLINE_SECONDS), self._changed:
            await self._changed.wait_for(lambda: self.sent.total() >= count)


@dataclass
class Flow:
    """Both loops of the daemon on one store."""

    store: Store
    incoming: Incoming
    outgoing: Outgoing
    messages: list[Message] = field(default_factory=list)

    async def accept(self, raws: Iterable[bytes]) -> None:
        """Take all messages at the same time."""
        messages = [
            Message.of(Envelope("", (f"bounces+{number}@example.com",), datetime.now(UTC)), raw)
            for number, raw in enumerate(raws)
        ]
        async with asyncio.TaskGroup() as tasks:
            for message in messages:
                tasks.create_task(self.incoming.accept(message))
        self.messages += messages

    @asynccontextmanager
    async def running(self):
        async with asyncio.TaskGroup() as tasks:
            loops = [tasks.create_task(self.outgoing.run()), tasks.create_task(self.incoming.run())]
            yield
            for loop in loops:
                loop.cancel()

    async def until_idle(self) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await self.incoming.until_idle()
            await self.outgoing.until_idle()
