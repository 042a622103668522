"""Take a message from accepted to concluded.

Accept makes it safe; then it is read, in a process of its own, and what follows
is written down in one transaction together with the deliveries. A message
that makes the reader fail three times is quarantined, never tried in a circle.

Clients come first: while messages come in a crowd, reading stands back. After
a few seconds it has its share again, and who brings more than can be read
waits a moment for each reply.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from bounced import log
from bounced.crowd import Crowd
from bounced.errors import StoreError
from bounced.event import make_quarantine_event
from bounced.flow.measuring import count_conclusion, tell_undeliverable
from bounced.flow.outgoing import Outgoing, Plan
from bounced.flow.reading import Reading
from bounced.flow.window import Window, store_all
from bounced.model import EventType, Kind, Message
from bounced.store import Claimed, Conclusion, Escalation, Store

_log = log.get("parse")

Read = Callable[[Sequence[Message]], Iterable[Reading | None]]
"""Tells one by one, in order, what follows from messages; None where reading failed."""

_WINDOW_MESSAGES, _WINDOW_BYTES = 512, 64 * 1024 * 1024
_BATCH = 64
_BATCHES_AT_HAND = 2  # while one is read, the next waits at the door
_POLL_SECONDS = 1.0
_PATIENCE_SECONDS = 5.0
_SLOW_SECONDS = 0.5  # Postfix has the same under the name of in_flow_delay
_MOST_ATTEMPTS = 3


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """A message in memory, under a lease of this process."""

    claimed: Claimed
    done: asyncio.Event

    @property
    def message(self) -> Message:
        return self.claimed.message

    @property
    def size(self) -> int:
        return len(self.claimed.message.raw)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A conclusion that is not stored yet, with what goes on when it is."""

    job: _Job
    reading: Reading | None
    conclusion: Conclusion
    plan: Plan


class Incoming:
    """The way of every message through the stages.

    Attributes:
        held: The ids of the messages in memory, whose leases are ours.

    Args:
        store: Where messages are kept.
        outgoing: Where their events go.
        read: Reads messages; called in a thread.
        source: How this installation names itself in events.
    """

    def __init__(self, store: Store, outgoing: Outgoing, *, read: Read, source: str) -> None:
        self._store, self._outgoing, self._read, self._source = store, outgoing, read, source
        self._window = Window(_WINDOW_MESSAGES, _WINDOW_BYTES)
        self._queue: asyncio.Queue[_Job] = asyncio.Queue()
        self.held: set[str] = set()
        self._crowd = Crowd()
        self._unread, self._moved_at, self._waiting_since = 0, 0.0, 0.0

    @property
    def stalled_seconds(self) -> float:
        """How long the reader has read nothing although something waits to be read."""
        return time.monotonic() - self._moved_at if self._unread else 0.0

    async def accept(self, message: Message) -> None:
        """Make a message safe; when this returns, the client may be told 250.

        Raises:
            StoreError: It is not safe.
        """
        self._crowd.arrive(time.monotonic())
        is_at_hand = self._window.reserve(len(message.raw))
        is_new = False
        try:
            is_new = await self._store.accept(message, lease=is_at_hand)
        finally:
            if is_at_hand and not is_new:
                self._window.release(len(message.raw))
        # CRASH HERE: the message is claimed again when its lease is given back; its id stays.
        if is_at_hand and is_new:
            self.held.add(message.id)
            self._push(_Job(Claimed(message, 1), asyncio.Event()))
        elif is_new and time.monotonic() > self._waiting_since + _PATIENCE_SECONDS:
            await asyncio.sleep(_SLOW_SECONDS)

    def _push(self, job: _Job) -> None:
        if not self._unread:
            self._moved_at = time.monotonic()
            if not self._window.is_left_behind:
                self._waiting_since = self._moved_at
        self._unread += 1
        self._queue.put_nowait(job)

    async def run(self) -> None:
        """Work until cancelled."""
        with ThreadPoolExecutor(1, thread_name_prefix="parser") as parser:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._window.keep_filled(self._claim, poll_seconds=_POLL_SECONDS))
                for _ in range(_BATCHES_AT_HAND):
                    tasks.create_task(self._work(parser, tasks))

    async def _work(self, parser: ThreadPoolExecutor, tasks: asyncio.TaskGroup) -> None:
        while True:
            batch = [await self._queue.get()]
            await self._stand_back()
            while len(batch) < _BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            readings = await asyncio.get_running_loop().run_in_executor(parser, self._read_all, batch)
            self._unread -= len(batch)
            tasks.create_task(self._conclude_all(batch, readings))

    async def _stand_back(self) -> None:
        """Let a crowd of clients pass, unless something has waited for long."""
        while True:
            until = self._waiting_since + _PATIENCE_SECONDS
            seconds = self._crowd.seconds_to_stand_back(time.monotonic(), until=until)
            if seconds <= 0:
                return
            await asyncio.sleep(seconds)

    async def until_idle(self) -> None:
        """Wait until every message in memory is concluded."""
        await self._window.until_empty()

    async def _claim(self, limit: int) -> int:
        """Take messages from the store; one that may have crashed its reader is finished before the next claim."""
        jobs = [_Job(claimed, asyncio.Event()) for claimed in await self._store.claim_messages(limit)]
        for job in jobs:
            self._window.add(job.size)
            self.held.add(job.message.id)
            self._push(job)
        for job in jobs:
            if job.claimed.attempts > 1:
                await job.done.wait()
        return len(jobs)

    def _read_all(self, jobs: Sequence[_Job]) -> list[Reading | None]:
        """Read messages, but those that have had all their attempts."""
        readings: dict[str, Reading | None] = {}
        to_read = [job.message for job in jobs if job.claimed.attempts <= _MOST_ATTEMPTS]
        for message, reading in zip(to_read, self._read(to_read), strict=True):
            self._moved_at = time.monotonic()
            readings[message.id] = reading
        return [readings.get(job.message.id) for job in jobs]

    async def _conclude_all(self, jobs: Sequence[_Job], readings: Sequence[Reading | None]) -> None:
        drafts = [
            self._draft(job, reading)
            for job, reading in zip(jobs, readings, strict=True)
            if self._is_over(job, reading)
        ]
        await store_all(self._store_drafts, drafts, self._go_on)

    def _is_over(self, job: _Job, reading: Reading | None) -> bool:
        """Tell whether a message was read, or not again; otherwise it is put at the end of the queue."""
        if reading is None and job.claimed.attempts < _MOST_ATTEMPTS:
            self._push(replace(job, claimed=Claimed(job.message, job.claimed.attempts + 1)))
            return False
        return True

    def _draft(self, job: _Job, reading: Reading | None) -> _Draft:
        if reading is None:
            return self._quarantine(job)
        _tell(job.message, reading)
        plan = self._outgoing.plan(reading.events)
        conclusion = Conclusion(
            job.message.id,
            reading.kind,
            reading.report,
            reading.events,
            plan.deliveries,
            plan.leased,
            reading.facts,
            self._escalation(reading) if reading.facts else None,
        )
        return _Draft(job, reading, conclusion, plan)

    def _escalation(self, reading: Reading) -> Escalation:
        """Say how to tell that a bounce was one too many; only the store, which knows those before, can know."""
        return Escalation(
            partial(tell_undeliverable, reading.events), self._outgoing.sinks_for(EventType.UNDELIVERABLE)
        )

    def _quarantine(self, job: _Job) -> _Draft:
        _log.error("message_quarantined", message=job.message.id, attempts=job.claimed.attempts)
        events = (make_quarantine_event(job.message, source=self._source),)
        plan = self._outgoing.plan(events)
        conclusion = Conclusion(
            job.message.id, Kind.NOT_BOUNCE, "{}", events, plan.deliveries, plan.leased, is_quarantined=True
        )
        return _Draft(job, None, conclusion, plan)

    async def _store_drafts(self, drafts: Sequence[_Draft]) -> list[bool | StoreError]:
        return await self._store.conclude_all([draft.conclusion for draft in drafts])

    def _go_on(self, draft: _Draft, is_first: bool) -> None:  # noqa: FBT001 - the answer of the store
        # CRASH HERE: nothing repeats; the deliveries are claimed from the store.
        if is_first:
            count_conclusion(draft.reading, draft.conclusion.events)
            self._outgoing.start(draft.plan)
        else:
            self._outgoing.forget(draft.plan)
        self.held.discard(draft.job.message.id)
        self._window.release(draft.job.size)
        draft.job.done.set()


def _tell(message: Message, reading: Reading) -> None:
    """Log what was concluded."""
    for one in reading.judged:
        _log.info(
            "recipient_concluded",
            stage="classify",
            message=message.id,
            kind=reading.kind,
            recipient=one.recipient,
            reason=one.reason,
            advice=one.advice,
            rule=one.rule,
        )
    if not reading.judged:
        _log.info("message_concluded", stage="classify", message=message.id, kind=reading.kind)
