"""The daemon with a reader that headers kill, make raise or hold up; started as ``python -m``.

This is the only way to have a parser that crashes for real: the one we ship
is not supposed to.
"""

import os
import threading

from bounced.app import daemon
from bounced.cli import main
from bounced.store import promises

FATAL = "X-Test: end the process"
BAD = "X-Test: raise"
ENDLESS = "X-Test: never come to an end"
UNWRITABLE = "X-Test: hold up the writer"

_make_reader, _accept = daemon.make_reader, promises.accept


def _make_fragile_reader(config, knowledge):
    read = _make_reader(config, knowledge)

    def read_or_die(raw, envelope):
        if FATAL.encode() in raw:
            os._exit(9)
        if BAD.encode() in raw:
            raise RuntimeError("this message is too much for me")
        if ENDLESS.encode() in raw:
            threading.Event().wait()
        return read(raw, envelope)

    return read_or_die


def _accept_or_wait(connection, acceptances):
    if any(UNWRITABLE.encode() in acceptance.message.raw for acceptance in acceptances):
        threading.Event().wait()
    return _accept(connection, acceptances)


if __name__ == "__main__":
    daemon.make_reader = _make_fragile_reader
    promises.accept = _accept_or_wait
    main()
