"""The process that reads messages: the only one that looks inside them.

It is started as a program of its own, talks to the daemon over one socket,
and ends with it. It has no listener, no database and no sink; memory, and the
time of each message on the processor, are limited.
"""

import mmap
import os
import resource
import signal
import sys
import time
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Final

from bounced.flow.crossing import Packed, pack_reading, unpack_message
from bounced.flow.reading import Understand, read_message
from bounced.model import Message

READY = "ready"
PLACE: Final = "Q"  # how the number is written in the shared memory
_PATIENCE_SECONDS = 0.05
_NICENESS = 5  # who accepts comes first: what was accepted is safe, and can wait to be read
_MEMORY_BYTES = 2 << 30
# The daemon decides when we end: by closing the socket.
_NOT_OURS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def serve(connection: Connection, place: memoryview) -> None:
    """Read what comes until the daemon closes its end.

    First comes a function that makes what understands messages, how the
    installation names itself, and how long one message may keep the processor
    busy and take in all; then groups of messages, each of which is answered
    with its reading, or with the traceback of what went wrong. Answers go back
    together, but none waits for others that take long.

    Args:
        connection: Our end of the socket.
        place: Memory that the daemon sees as well: which message of the group is being read.
    """
    make_understand, source, cpu_seconds, all_seconds = connection.recv()
    understand: Understand = make_understand()
    connection.send(READY)
    with suppress(OSError):  # a service manager may not let us
        os.nice(_NICENESS)
    while True:
        answers: list[Packed | str] = []
        told_at = time.monotonic()
        for place[0], packed in enumerate(connection.recv()):
            # The default action of these alarms ends the process, whatever it is doing, also without the daemon.
            signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
            signal.setitimer(signal.ITIMER_REAL, all_seconds)
            answers.append(_read(unpack_message(packed), understand, source))
            if time.monotonic() - told_at > _PATIENCE_SECONDS:
                connection.send(answers)
                answers, told_at = [], time.monotonic()
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        if answers:
            connection.send(answers)


def _read(message: Message, understand: Understand, source: str) -> Packed | str:
    try:
        return pack_reading(read_message(message, understand, source=source))
    except Exception:  # noqa: BLE001 - one message must not stop the others; the daemon logs it
        return traceback.format_exc()


def main() -> None:
    """Serve the socket whose descriptor is the first argument; the second is that of the shared memory."""
    for number in _NOT_OURS:
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError, ValueError):  # a service manager may not let us, and limit us itself
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(EOFError, ConnectionError):
        serve(Connection(int(sys.argv[1])), memoryview(mmap.mmap(int(sys.argv[2]), 0)).cast(PLACE))


if __name__ == "__main__":
    main()
