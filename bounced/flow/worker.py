"""The process that reads messages: the only one that looks inside them.

It is started as a program of its own, talks to the daemon over one socket,
and ends with it. It has no listener, no database and no sink; memory, and the
time of each message on the processor, are limited.
"""

import resource
import signal
import sys
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection

from bounced.flow.reading import Reading, Understand, read_message
from bounced.model import Message

READY = "ready"
_MEMORY_BYTES = 2 << 30
# The daemon decides when we end: by closing the socket.
_NOT_OURS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def serve(connection: Connection) -> None:
    """Read what comes until the daemon closes its end.

    First comes a function that makes what understands messages, how the
    installation names itself, and how long one message may keep the processor
    busy and take in all; then messages, many at a time, each of which is
    answered with a `Reading`, or with the traceback of what went wrong.
    """
    make_understand, source, cpu_seconds, all_seconds = connection.recv()
    understand: Understand = make_understand()
    connection.send(READY)
    while True:
        for message in connection.recv():
            # The default action of these alarms ends the process, whatever it is doing, also without the daemon.
            signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
            signal.setitimer(signal.ITIMER_REAL, all_seconds)
            answer = _read(message, understand, source)
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
            connection.send(answer)


def _read(message: Message, understand: Understand, source: str) -> Reading | str:
    try:
        return read_message(message, understand, source=source)
    except Exception:  # noqa: BLE001 - one message must not stop the others; the daemon logs it
        return traceback.format_exc()


def main() -> None:
    """Serve the socket whose descriptor is the first argument."""
    for number in _NOT_OURS:
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError, ValueError):  # a service manager may not let us, and limit us itself
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(EOFError, ConnectionError):
        serve(Connection(int(sys.argv[1])))


if __name__ == "__main__":
    main()
