"""The daemon with a reader that one header kills and another makes raise; started as ``python -m``.

This is the only way to have a parser that crashes for real: the one we ship
is not supposed to.
"""

import os

from bounced.app import daemon
from bounced.cli import main

FATAL = "X-Test: end the process"
BAD = "X-Test: raise"

_make_reader = daemon.make_reader


def _make_fragile_reader(config, knowledge):
    read = _make_reader(config, knowledge)

    def read_or_die(raw, envelope):
        if FATAL.encode() in raw:
            os._exit(9)
        if BAD.encode() in raw:
            raise RuntimeError("this message is too much for me")
        return read(raw, envelope)

    return read_or_die


if __name__ == "__main__":
    daemon.make_reader = _make_fragile_reader
    main()
