"""Have messages read in a process that may die without harm.

A message that crashes the interpreter, loops for ever or wants all memory
takes only that process with it. The next one goes on with the messages after
it; the guilty one is tried again alone, and set aside by the caller.
"""

import mmap
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any, Self

from bounced import log
from bounced.flow.crossing import Packed, pack_message, unpack_reading
from bounced.flow.reading import Reading, Understand
from bounced.flow.worker import PLACE, READY
from bounced.model import Message

_log = log.get("parse")

_START_SECONDS = 60.0
# The process keeps the time itself; this is for one that cannot any more.
_GRACE_SECONDS = 5.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 15.0
# Where systemd passes secrets, and what only one process may answer to.
_WITHHELD = ("BOUNCED_", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_")


class Reader:
    """Owns the process; used as a context, read from one thread.

    Args:
        make_understand: Makes what understands messages, over there; it can be pickled.
        source: How this installation names itself in events.
        cpu_seconds: How long one message may keep the processor busy.
        all_seconds: How long one message may take in all.
    """

    def __init__(
        self,
        make_understand: Callable[[], Understand],
        *,
        source: str,
        cpu_seconds: float = 10.0,
        all_seconds: float = 30.0,
    ) -> None:
        self._make_understand, self._source = make_understand, source
        self._cpu_seconds, self._all_seconds = cpu_seconds, all_seconds
        self._worker: _Worker | None = None
        self._is_closed = threading.Event()

    def __enter__(self) -> Self:
        self._worker = _Worker(self._make_understand)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        if worker := self._worker:
            worker.end()

    def close(self) -> None:
        """End the process; what it was reading counts as not read."""
        self._is_closed.set()
        if worker := self._worker:
            worker.stop()

    def replace(self, make_understand: Callable[[], Understand]) -> None:
        """Read what comes from now on with something else."""
        self._make_understand = make_understand

    def read(self, messages: Sequence[Message]) -> Iterator[Reading | None]:
        """Yield what follows from each message, in order; None where reading it failed."""
        begin = done = 0
        while done < len(messages):
            worker = self._ready_worker()
            if worker is None:
                yield from [None] * (len(messages) - done)
                return
            try:
                begin = done
                worker.send(messages[begin:])
                while done < len(messages):
                    for answer in worker.receive(self._all_seconds + _GRACE_SECONDS):
                        yield _told(answer, messages[done])
                        done += 1
            except (EOFError, OSError) as error:
                # One that has just been answered is not guilty: the next had not been begun.
                guilty, code = max(done, begin + worker.place), worker.end()
                if not self._is_closed.is_set():
                    _log.error("reader_died", message=messages[guilty].id, exit_code=code, error=repr(error))
                yield from self.read(messages[done:guilty])  # they were read, but their answers are lost
                yield None
                done = guilty + 1

    def _ready_worker(self) -> "_Worker | None":
        """Return a process that is ready; None once this is closed."""
        pause = _FIRST_PAUSE_SECONDS
        while not self._is_closed.is_set():
            try:
                return self._start_worker()
            except (EOFError, OSError) as error:
                _log.error("reader_not_started", error=repr(error), retry_seconds=pause)
                if worker := self._worker:
                    worker.end()  # one that is only late has been told already what to read with
            self._is_closed.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        return None

    def _start_worker(self) -> "_Worker":
        worker = self._worker
        if worker is None or not worker.serves(self._make_understand):
            if worker:
                worker.end()
            self._worker = worker = _Worker(self._make_understand)
        worker.wait_until_ready(self._source, self._cpu_seconds, self._all_seconds)
        return worker


def _told(answer: Packed | str, message: Message) -> Reading | None:
    """Return what the worker read, or log what went wrong there."""
    if isinstance(answer, str):
        _log.error("message_not_readable", message=message.id, exception=answer)
        return None
    return unpack_reading(answer, message)


class _Worker:
    """One process, our end of the socket to it, and a number that it writes into memory which both see."""

    def __init__(self, make_understand: Callable[[], Understand]) -> None:
        self._make_understand, self._is_ready = make_understand, False
        ours, theirs = socket.socketpair()
        memory = os.memfd_create("place")
        os.truncate(memory, 8)
        self._place = memoryview(mmap.mmap(memory, 0)).cast(PLACE)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                # Without -P the directory we stand in, which others may write to, would come first.
                [sys.executable, "-P", "-m", "bounced.flow.worker", str(theirs.fileno()), str(memory)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno(), memory],
                env=_environment(),
            )
        os.close(memory)
        self._connection = Connection(ours.detach())

    def serves(self, make_understand: Callable[[], Understand]) -> bool:
        """Whether it is alive and reads with this."""
        return self._make_understand == make_understand and self._process.poll() is None

    def wait_until_ready(self, source: str, cpu_seconds: float, all_seconds: float) -> None:
        """Say what to read with, and wait for its first word; raises EOFError or OSError where it cannot start."""
        if not self._is_ready:
            self._connection.send((self._make_understand, source, cpu_seconds, all_seconds))
            self._is_ready = self.receive(_START_SECONDS) == READY

    def send(self, messages: Sequence[Message]) -> None:
        """Give it messages to read."""
        self._place[0] = 0
        self._connection.send(list(map(pack_message, messages)))

    @property
    def place(self) -> int:
        """Which of the messages it was given last it is reading, or was when it ended."""
        return self._place[0]

    def receive(self, patience_seconds: float) -> Any:
        """Return its next answer; raises EOFError, or OSError where there is none in time."""
        if not self._connection.poll(patience_seconds):
            raise TimeoutError(f"no answer within {patience_seconds:g} seconds")
        return self._connection.recv()

    def stop(self) -> int:
        """End the process at once, and return its exit code; who waits for an answer gets EOFError."""
        self._process.kill()
        return self._process.wait()

    def end(self) -> int:
        """End the process and close the socket; return the exit code."""
        self._connection.close()
        return self.stop()


def _environment() -> dict[str, str]:
    """Return what the worker needs of our environment: no secrets, and our own path to the package."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_WITHHELD)}
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
