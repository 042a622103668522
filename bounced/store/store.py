"""The store as the rest of the program sees it."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Self, TypeVar, TypeVarTuple

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from bounced.errors import StoreError
from bounced.escalate import DEFAULT_POLICY, Policy
from bounced.model import Delivery, Message
from bounced.store import counting, engine, housekeeping, leases, promises, reading, retention
from bounced.store.archive import Archive
from bounced.store.connect import Resources, connect
from bounced.store.corrections import Corrections
from bounced.store.counting import Forgetting, Summarize
from bounced.store.housekeeping import Alive, Retirement, Revival
from bounced.store.leases import DeliveryClaim, Lease, MessageClaim, Renewal
from bounced.store.promises import Acceptance, Concluding, Settling
from bounced.store.recipients import Memory
from bounced.store.records import (
    Backlog,
    Claimed,
    Conclusion,
    DeliveryState,
    Horizon,
    Settlement,
    StoredDelivery,
    StoredEvent,
)
from bounced.store.retention import BATCH, FOUND_AT_ONCE, SWEEPS, Removal
from bounced.store.standing import Recipients
from bounced.store.trouble import store_error
from bounced.store.writer import Writer

_CLAIM_MAX_BYTES = 16 * 1024 * 1024

Clock = Callable[[], datetime]
_Answer = TypeVar("_Answer")
_Arguments = TypeVarTuple("_Arguments")


def _system_clock() -> datetime:
    return datetime.now(UTC)


class Store:
    """Messages, events and deliveries in one database; made by `open`, used with ``async with``.

    Every method that writes returns after the commit, and raises StoreError if
    nothing was written. A method that reads never waits for one that writes.

    Attributes:
        archive: What operators look up.
        corrections: Concludes anew what was concluded.
        recipients: Says how recipients stand.
    """

    def __init__(
        self,
        writer: Writer,
        readers: Engine,
        resources: Resources,
        memory: Memory,
        *,
        owner: str,
        lease_time: timedelta,
        clock: Clock,
    ) -> None:
        self._writer = writer
        self._readers = readers
        self._reader_threads = ThreadPoolExecutor(engine.READERS, thread_name_prefix="store-reader")
        self._resources = resources
        self.archive = Archive(self._read, memory.names)
        self._owner = owner
        self._lease_time = lease_time
        self._clock = clock
        self._is_closed = False
        self._use(memory)

    def judge_by(self, policy: Policy) -> None:
        """Judge recipients by `policy` from now on; one that is not heard of again stands as he stood."""
        self._use(Memory(policy, self._memory.names))

    def _use(self, memory: Memory) -> None:
        self._memory = memory
        # Bound once: the writer groups operations by their function.
        self._conclude = partial(promises.conclude, memory)
        self.corrections = Corrections(self._read, self._writer, memory)
        self.recipients = Recipients(self._read, self._writer, memory, self._clock)

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        owner: str,
        lease_seconds: float = 60,
        exclusive: bool = False,
        policy: Policy = DEFAULT_POLICY,
        pseudonymize: bool = False,
        clock: Clock = _system_clock,
    ) -> Self:
        """Connect, bring the schema up to date and start the writer.

        Args:
            url: ``sqlite:////absolute/path``, ``sqlite:///relative/path`` or ``postgresql://…``.
            owner: The name in which this process leases; no two running processes share one.
            lease_seconds: How long work may take between two calls of `renew`.
            exclusive: Whether this is the daemon of an SQLite file, of which there is one.
                PostgreSQL takes any number of daemons.
            policy: By what recipients are judged; the same for all that write to one database.
            pseudonymize: Whether recipients are known by salted hashes only. A database for which
                this was ever true stays so.
            clock: Tells the time in UTC.

        Raises:
            ConfigurationError: The URL cannot be used, or a newer version wrote the database.
            StoreError: The database cannot be reached, or another daemon runs on the file.
        """
        writers, readers, resources, names = await asyncio.to_thread(
            connect, engine.parse_url(url), exclusive=exclusive, pseudonymize=pseudonymize
        )
        lease_time, memory = timedelta(seconds=lease_seconds), Memory(policy, names)
        return cls(Writer(writers), readers, resources, memory, owner=owner, lease_time=lease_time, clock=clock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Write what waits, then let go of everything; leases stay until they run out."""
        self._is_closed = True
        await asyncio.to_thread(self._reader_threads.shutdown)
        await self._writer.close()
        await asyncio.to_thread(self._resources.close)

    async def accept(self, message: Message, *, lease: bool) -> bool:
        """Keep a message for good.

        Args:
            message: What arrived.
            lease: Whether this process goes on with it at once, which counts as its first
                attempt. Otherwise it waits until somebody claims it.

        Returns:
            Whether it was new; a message whose id is known adds nothing.

        Raises:
            StoreFullError: The disk or quota is full.
            StoreError: It was not kept, for any other reason.
        """
        acceptance = Acceptance(message, self._clock(), self._lease() if lease else None)
        return await self._writer.run(promises.accept, acceptance, weight_bytes=len(message.raw), is_urgent=True)

    async def conclude(self, conclusion: Conclusion) -> bool:
        """Write all that follows from a message, together; its lease ends.

        The facts change the standing of their recipients; who becomes undeliverable by them
        is told with the conclusion's escalation, once.

        Returns:
            Whether this was the first conclusion; nothing of a second one is written.
        """
        return await self._writer.run(self._conclude, Concluding(conclusion, self._clock(), self._lease()))

    async def conclude_all(self, conclusions: Sequence[Conclusion]) -> list[bool | StoreError]:
        """Do the same for many messages, each of which may be refused by itself."""
        now, lease = self._clock(), self._lease()
        return await self._writer.run_all(self._conclude, [Concluding(one, now, lease) for one in conclusions])

    async def settle(self, settlement: Settlement) -> None:
        """Note what became of an attempt; its lease ends."""
        await self._writer.run(promises.settle, Settling(settlement, self._clock()))

    async def settle_all(self, settlements: Sequence[Settlement]) -> list[StoreError | None]:
        """Do the same for many attempts, each of which may be refused by itself."""
        now = self._clock()
        return await self._writer.run_all(promises.settle, [Settling(one, now) for one in settlements])

    async def claim_messages(self, limit: int, *, max_bytes: int = _CLAIM_MAX_BYTES) -> list[Claimed]:
        """Lease messages that are due, the longest waiting first, and count the attempt.

        One that was begun before is suspected of having crashed its process. It
        is returned alone, when no fresh one is due, and should be concluded
        before the next claim.

        Args:
            limit: The largest number to return.
            max_bytes: Return no more than this, but at least one.
        """
        claim = MessageClaim(limit, max_bytes, self._clock(), self._lease())
        return await self._writer.run(leases.claim_messages, claim)

    async def claim_deliveries(self, sink: str, limit: int) -> list[Delivery]:
        """Lease deliveries to `sink` that are due, the longest waiting first, and count the attempt."""
        return await self._writer.run(leases.claim_deliveries, DeliveryClaim(sink, limit, self._clock(), self._lease()))

    async def renew(self, messages: Collection[str], deliveries: Mapping[str, Collection[str]]) -> int:
        """Give the leases of what this process holds their full time again; return how many there are.

        To be called several times within `lease_seconds`. What is leased in our
        name and not named here was lost with the answer to a commit; it is
        claimed again when its lease has run out. What waits for a time that only a
        clock that was ahead can have set is due at once. Messages are named by their
        ids, deliveries for each sink by the ids of their events.
        """
        held = tuple(messages), dict(deliveries)
        return await self._writer.run(leases.renew, Renewal(self._lease(), self._clock(), *held))

    async def release_own(self, *, is_ending: bool = False) -> int:
        """Make due what is leased in the name of this owner; return how much that is.

        To be called at the start, before the first lease: what is found then belongs to a process
        that died. And at the end: an attempt that is left unfinished in order counts as none.
        """
        release = leases.give_back if is_ending else leases.release
        return await self._writer.run(release, Lease(self._owner, self._clock()))

    async def retry_deliveries(
        self,
        *,
        since: datetime | None = None,
        ids: Collection[str] | None = None,
        sink: str | None = None,
        with_delivered: bool = False,
    ) -> int:
        """Make dead deliveries due now, with all their attempts before them again; return how many.

        Args:
            since: Only those that ended at or after this time.
            ids: Only those of these events.
            sink: Only those to this sink.
            with_delivered: Also what the sink has confirmed, and lost.
        """
        return await self._writer.run_in_batches(
            housekeeping.revive, Revival(self._clock(), since, ids, sink, with_delivered)
        )

    async def retire_deliveries(self, sinks: Collection[str]) -> int:
        """Give up what is pending for sinks that no daemon on this database has; return how many that were."""
        return await self._writer.run_in_batches(housekeeping.retire, Retirement(self._clock(), sinks))

    async def purge(self, horizon: Horizon) -> dict[str, int]:
        """Forget what is older than `horizon`, in small batches; what is not finished stays.

        Returns:
            How much is gone of each kind: ``messages`` (raw), ``reports``, ``events``, ``remains``
            (messages of which nothing else is left) and ``recipients``.
        """
        purged: dict[str, int] = {}
        for sweep in SWEEPS:
            is_more = True
            while is_more:
                old = await self._read(retention.find, sweep, horizon)
                for start in range(0, len(old), BATCH):
                    removed = await self._writer.run(retention.remove, Removal(sweep, old[start : start + BATCH]))
                    purged[sweep.name] = purged.get(sweep.name, 0) + removed
                is_more = len(old) == FOUND_AT_ONCE
        return purged

    async def shrink(self) -> int:
        """Give free pages of an SQLite file back, few at a time; return how many."""
        return await self._writer.run_in_batches(retention.shrink, None)

    async def count_events(self, summarize: Summarize) -> bool:
        """Count some of the events that are not counted yet; return whether more may wait."""
        found = await self._read(counting.find, summarize)
        return bool(found.events) and await self._writer.run(counting.count, found) == counting.BATCH

    async def forget_tallies(self, before: datetime) -> int:
        """Remove the counts of hours before this; return how many numbers that were."""
        return await self._writer.run(counting.forget, Forgetting(before))

    async def prove_writable(self) -> None:
        """Write when this daemon was last well; returns when that is on the disk, behind all that waited before."""
        await self._writer.run(housekeeping.note_alive, Alive(self._owner, self._clock()))

    async def fetch_message(self, message_id: str) -> Message | None:
        """Return a message as it was accepted."""
        return await self._read(reading.fetch_message, message_id)

    async def fetch_event(self, event_id: str) -> StoredEvent | None:
        """Return an event with its message's id and report."""
        return await self._read(reading.fetch_event, event_id)

    async def list_deliveries(
        self,
        *,
        state: DeliveryState | None = None,
        sink: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
    ) -> list[StoredDelivery]:
        """Return deliveries that changed at or after `since`, the latest first."""
        return await self._read(reading.list_deliveries, state, sink, since, limit)

    async def count_backlog(self) -> Backlog:
        """Count what is not finished."""
        return await self._read(reading.count_backlog)

    async def next_message_due(self) -> datetime | None:
        """Return when there may be a message to claim; None if none is unfinished."""
        return await self._read(reading.next_message_due)

    async def next_delivery_due(self, sink: str) -> datetime | None:
        """Return when there may be a delivery to claim for `sink`; None if none is pending."""
        return await self._read(reading.next_delivery_due, sink)

    def _lease(self) -> Lease:
        return Lease(self._owner, self._clock() + self._lease_time)

    async def _read(self, query: Callable[[Connection, *_Arguments], _Answer], *arguments: *_Arguments) -> _Answer:
        def run() -> _Answer:
            try:
                with self._readers.connect() as connection:
                    return query(connection, *arguments)
            except SQLAlchemyError as error:
                raise store_error(error) from error

        if self._is_closed:
            raise StoreError("the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._reader_threads, run)
