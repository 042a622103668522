"""The one thread that writes.

Whatever waits when the thread turns becomes one transaction and one fsync;
the queue that formed meanwhile is the next one. There is no timer: a lone
operation waits for nothing, a crowd shares a commit.

What a client waits for comes first: while mail comes in a crowd, whatever
else is to be written stands back, but never for longer than a second. It is
then written in large groups, which also costs less.

The thread knows no tables. An operation is a function that does its kind of
work for many payloads at once, and one payload.
"""

import asyncio
import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from bounced import log, metrics
from bounced.crowd import Crowd
from bounced.errors import StoreError
from bounced.store.trouble import is_storage_trouble, store_error

Payload = TypeVar("Payload")
Answer = TypeVar("Answer")
Work = Callable[[Connection, Sequence[Payload]], Sequence[Answer]]
"""Does one kind of work for all payloads of a group; one answer for each, in their order."""

_MAX_GROUP_OPERATIONS = 512
_MAX_GROUP_BYTES = 16 * 1024 * 1024
_MAX_WAITING_BYTES = 256 * 1024 * 1024
_PATIENCE_SECONDS = 1.0

_log = log.get("store")


@dataclass(eq=False, slots=True)
class _Operation:
    """One thing to write, and who waits for it."""

    work: Work[Any, Any]
    payload: Any
    weight_bytes: int
    future: asyncio.Future[Any]
    since: float


_Outcome = tuple[_Operation, Any]
"""An operation with its answer, or with the StoreError that it met."""


class Writer:
    """Owns the thread and, through it, the only connection that writes.

    The thread outlives every failure: what went wrong is told to those who
    waited, and the next group begins on a connection that works again.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None  # the thread's own
        self._loop = asyncio.get_running_loop()
        self._changed = threading.Condition()
        self._urgent: deque[_Operation] = deque()
        self._patient: deque[_Operation] = deque()
        self._waiting_bytes = 0
        self._crowd = Crowd()
        self._is_open = True
        self._is_in_trouble = False
        self._thread = threading.Thread(target=self._serve, name="store-writer", daemon=True)
        self._thread.start()

    async def run(
        self, work: Work[Payload, Answer], payload: Payload, *, weight_bytes: int = 0, is_urgent: bool = False
    ) -> Answer:
        """Do `work` for `payload` and return its answer once that is committed.

        A caller that is cancelled before its turn has done nothing; afterwards
        the work is done all the same and only the answer is lost.

        Raises:
            StoreError: Nothing was written. Only where the connection broke during the commit
                does nobody know; to repeat is always safe.
        """
        operation = self._make(work, payload, weight_bytes)
        if is_urgent:
            self._add(self._urgent, [operation])
            self._crowd.arrive(operation.since)
        else:
            self._add(self._patient, [operation])
        answer: Answer = await operation.future
        return answer

    async def run_all(self, work: Work[Payload, Answer], payloads: Sequence[Payload]) -> list[Answer | StoreError]:
        """Do `work` for many payloads; return for each its answer, or why nothing was written for it."""
        operations = [self._make(work, payload) for payload in payloads]
        try:
            self._add(self._patient, operations)
        except StoreError as error:
            return [error] * len(operations)
        answers: list[Answer | StoreError] = []
        for operation in operations:
            try:
                answers.append(await operation.future)
            except StoreError as error:
                answers.append(error)
        return answers

    async def run_in_batches(self, work: Work[Payload, int], payload: Payload) -> int:
        """Repeat `work` until nothing is left, and return how much it was; others write between two batches."""
        total = 0
        while done := await self.run(work, payload):
            total += done
        return total

    def _make(self, work: Work[Payload, Answer], payload: Payload, weight_bytes: int = 0) -> _Operation:
        return _Operation(work, payload, weight_bytes, self._loop.create_future(), time.monotonic())

    def _add(self, queue: deque[_Operation], operations: Sequence[_Operation]) -> None:
        weight_bytes = sum([operation.weight_bytes for operation in operations])
        with self._changed:
            if not self._is_open:
                raise StoreError("the store is closed")
            if weight_bytes and self._waiting_bytes and self._waiting_bytes + weight_bytes > _MAX_WAITING_BYTES:
                raise StoreError("more waits to be written than may wait")
            queue.extend(operations)
            self._waiting_bytes += weight_bytes
            self._changed.notify()

    async def close(self) -> None:
        """Write what waits, then end the thread."""
        with self._changed:
            self._is_open = False
            self._changed.notify()
        await asyncio.to_thread(self._thread.join)

    def _serve(self) -> None:
        group: list[_Operation] = []
        try:
            while group := self._next_group():
                self._tell(self._perform(group))
        finally:
            with self._changed:
                self._is_open = False
                left = [*group, *self._urgent, *self._patient]
            self._disconnect()
            self._tell([(operation, StoreError("the store is closed")) for operation in left])

    def _next_group(self) -> list[_Operation]:
        """Wait for work and take as much as one transaction may hold; nothing at the end."""
        group: list[_Operation] = []
        with self._changed:
            while self._is_open and not self._urgent and (seconds := self._seconds_to_stand_back()) > 0:
                self._changed.wait(min(seconds, threading.TIMEOUT_MAX))
            self._move(self._urgent, group)
            if not self._is_open or self._seconds_to_stand_back() <= 0:
                self._move(self._patient, group)
            self._waiting_bytes -= sum([operation.weight_bytes for operation in group])
        return group

    def _seconds_to_stand_back(self) -> float:
        """Tell how long the operations that are not urgent wait for others; for ever where there are none."""
        if not self._patient:
            return math.inf
        patience_ends = self._patient[0].since + _PATIENCE_SECONDS
        return self._crowd.seconds_to_stand_back(time.monotonic(), until=patience_ends)

    def _move(self, queue: deque[_Operation], group: list[_Operation]) -> None:
        """Take from `queue` what still goes into one transaction."""
        group_bytes = sum([operation.weight_bytes for operation in group])
        while queue and len(group) < _MAX_GROUP_OPERATIONS:
            group_bytes += queue[0].weight_bytes
            if group and group_bytes > _MAX_GROUP_BYTES:
                break
            group.append(queue.popleft())

    def _perform(self, group: list[_Operation]) -> list[_Outcome]:
        """Commit `group`; if it fails by one of its members, let only that one fail."""
        try:
            outcomes = self._commit(group)
        except Exception as error:  # noqa: BLE001 - a thread that dies takes all later mail with it
            if len(group) == 1 or is_storage_trouble(error):
                self._note(error, operations=len(group))
                return [(operation, store_error(error)) for operation in group]
        else:
            self._note(None)
            return outcomes
        # The guilty one is found by halves: 18 commits for one among 512, where one by one were 512.
        middle = len(group) // 2
        return [*self._perform(group[:middle]), *self._perform(group[middle:])]

    def _commit(self, group: list[_Operation]) -> list[_Outcome]:
        kinds: dict[Work[Any, Any], list[_Operation]] = {}
        for operation in group:
            if not operation.future.cancelled():
                kinds.setdefault(operation.work, []).append(operation)
        outcomes: list[_Outcome] = []
        started = time.perf_counter()
        with self._transaction() as connection:
            for work, operations in kinds.items():
                answers = work(connection, [operation.payload for operation in operations])
                outcomes.extend(zip(operations, answers, strict=True))
        # CRASH HERE: all is stored and nobody was told. What repeats stands beside each kind of work.
        metrics.commit_seconds.observe(time.perf_counter() - started)
        metrics.commit_operations.observe(len(outcomes))
        return outcomes

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """Begin on the connection of the group before, unless that failed."""
        connection = self._connection = self._connection or self._engine.connect()
        try:
            with connection.begin():
                yield connection
        except BaseException:
            self._disconnect()
            raise

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.close()

    def _note(self, error: Exception | None, **fields: Any) -> None:
        """Log when trouble of the storage begins and ends, and every other failure."""
        was_in_trouble, self._is_in_trouble = self._is_in_trouble, error is not None and is_storage_trouble(error)
        if error is not None:
            metrics.commit_failures("storage" if self._is_in_trouble else "operation").inc()
        if error is None:
            if was_in_trouble:
                _log.info("storage_recovered")
        elif not self._is_in_trouble:
            _log.error("operation_failed", error=str(store_error(error)), type=type(error).__name__)
        elif not was_in_trouble:
            _log.warning("storage_failed", error=str(store_error(error)), **fields)

    def _tell(self, outcomes: list[_Outcome]) -> None:
        """Wake everybody of a group with one call into the event loop."""
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
            self._loop.call_soon_threadsafe(_resolve, outcomes)


def _resolve(outcomes: list[_Outcome]) -> None:
    for operation, outcome in outcomes:
        if operation.future.done():
            continue
        if isinstance(outcome, StoreError):
            operation.future.set_exception(outcome)
        else:
            operation.future.set_result(outcome)
