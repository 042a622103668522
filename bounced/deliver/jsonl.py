"""Write events as lines: to a file that stays, or to a stream such as standard output.

An event's document is one line. A line that was cut short, by a crash or a
full disk, is ended before the next one is written, so a reader loses no event
by skipping what is not JSON: the event that was cut is written again.
"""

import asyncio
import errno
import os
import select
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock

from bounced.model import Delivered, Event, Failed, SendResult
from bounced.visible import escape_json


class JsonlFile:
    """Append events to a regular file and sync it.

    The file is opened for each batch, which costs little beside the sync: it
    may be rotated, truncated or removed at any time, and nobody has to tell us.

    Args:
        name: What the operator calls the sink.
        path: The file; created readable by its owner only, in a directory that exists.
        batch_size: How many events share one write and one sync.
    """

    concurrency = 1

    def __init__(self, name: str, path: Path, *, batch_size: int = 100) -> None:
        self.name = name
        self.batch_size = batch_size
        self._path = path

    async def open(self) -> None:
        """Do nothing: a file that cannot be written is told by every send."""

    async def send(self, events: Sequence[Event]) -> Sequence[SendResult]:
        """Append one line per event; delivered means synced."""
        return await _send_lines(events, self._append, target=str(self._path))

    async def close(self) -> None:
        """Do nothing: no file is kept open."""

    def _append(self, lines: bytes) -> None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, 'not a regular file (the path "-" is standard output)')
            if status.st_size == 0:
                _sync_directory(self._path.parent)
            elif os.pread(descriptor, 1, status.st_size - 1) != b"\n":
                lines = b"\n" + lines
            _write_all(descriptor, lines)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class JsonlStream:
    """Write events to a stream that somebody else opened and will close.

    Delivered means that the stream has taken the line; nobody can tell whether
    it was read.

    Args:
        name: What the operator calls the sink.
        descriptor: The stream; 1 is standard output.
        timeout_seconds: How long a reader may stall before a batch has failed.
        batch_size: How many events are written together.
    """

    concurrency = 1

    def __init__(self, name: str, descriptor: int = 1, *, timeout_seconds: float = 20, batch_size: int = 100) -> None:
        self.name = name
        self.batch_size = batch_size
        self._descriptor = descriptor
        self._timeout_seconds = timeout_seconds
        self._is_line_open = False
        # A cancelled send leaves its thread writing for up to the timeout; the next one waits for it.
        self._lock = Lock()

    async def open(self) -> None:
        """Do nothing: the stream is open."""

    async def send(self, events: Sequence[Event]) -> Sequence[SendResult]:
        """Write one line per event."""
        return await _send_lines(events, self._write, target="the stream")

    async def close(self) -> None:
        """Do nothing: the stream belongs to others."""

    def _write(self, lines: bytes) -> None:
        with self._lock:
            if self._is_line_open:
                lines = b"\n" + lines
            self._is_line_open = True
            _write_patiently(self._descriptor, lines, timeout_seconds=self._timeout_seconds)
            self._is_line_open = False


async def _send_lines(events: Sequence[Event], write: Callable[[bytes], None], *, target: str) -> Sequence[SendResult]:
    """Let `write` put all events on `target`, in a thread; they arrive or fail together."""
    lines = "".join(f"{escape_json(event.document)}\n" for event in events).encode()
    try:
        await asyncio.to_thread(write, lines)
    except OSError as error:
        return [Failed(f"cannot write to {target}: {error.strerror}")] * len(events)
    return [Delivered()] * len(events)


def _write_all(descriptor: int, data: bytes) -> None:
    """Write `data`, in one piece where the system takes it; a full disk takes a part first."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _write_patiently(descriptor: int, data: bytes, *, timeout_seconds: float) -> None:
    """Write `data` without ever blocking for longer than the timeout.

    A pipe that can be written takes PIPE_BUF octets without blocking. Making
    it non-blocking instead would change it for every process that shares it.
    """
    deadline = time.monotonic() + timeout_seconds
    rest = memoryview(data)
    while rest:
        _, writable, _ = select.select([], [descriptor], [], max(0, deadline - time.monotonic()))
        if not writable:
            raise TimeoutError(errno.ETIMEDOUT, f"its reader has stalled for {timeout_seconds:g} s")
        rest = rest[os.write(descriptor, rest[: select.PIPE_BUF]) :]


def _sync_directory(path: Path) -> None:
    """Make the name of a new file survive a crash, where the file system can."""
    with suppress(OSError):  # some network file systems cannot, and need not
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
