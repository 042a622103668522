"""The daemon with a reader that headers kill, make raise or hold up; started as ``python -m``.

This is the only way to have a parser that crashes for real: the one we ship
is not supposed to.
"""

import os
import threading
from dataclasses import dataclass

from bounced.app import daemon
from bounced.cli import main
from bounced.flow.reader import Reader
from bounced.flow.reading import Recipe
from bounced.store import promises

DEADLY = "X-Test: end the daemon"
FATAL = "X-Test: end the process that reads"
BAD = "X-Test: raise"
ENDLESS = "X-Test: never come to an end"
BUSY = "X-Test: go round in circles"
GREEDY = "X-Test: want all memory"
UNWRITABLE = "X-Test: hold up the writer"

_make_recipe, _accept = daemon.make_recipe, promises.accept


@dataclass(frozen=True)
class FragileRecipe:
    """Makes a reader that obeys the headers, in whatever process it is made."""

    recipe: Recipe

    @property
    def rule_files(self):
        return self.recipe.rule_files

    def __call__(self):
        understand = self.recipe()

        def understand_or_die(raw, envelope):
            if FATAL.encode() in raw:
                os._exit(9)
            if BAD.encode() in raw:
                raise RuntimeError("this message is too much for me")
            if ENDLESS.encode() in raw:
                threading.Event().wait()
            if GREEDY.encode() in raw:
                hoard = []
                while True:
                    hoard.append(bytearray(1 << 26))
            if BUSY.encode() in raw:
                while True:
                    pass
            return understand(raw, envelope)

        return understand_or_die


def _accept_or_wait(connection, acceptances):
    if any(UNWRITABLE.encode() in acceptance.message.raw for acceptance in acceptances):
        threading.Event().wait()
    return _accept(connection, acceptances)


class FragileReader(Reader):
    """Takes the daemon along with it, and has little patience."""

    def __init__(self, recipe, *, source):
        super().__init__(recipe, source=source, cpu_seconds=0.5, all_seconds=3)

    def read(self, messages):
        if any(DEADLY.encode() in message.raw for message in messages):
            os._exit(9)
        return super().read(messages)


if __name__ == "__main__":
    # What goes to the reading process is imported there, so it must not come from __main__.
    from tests.daemon import fragile

    daemon.make_recipe = lambda config: fragile.FragileRecipe(_make_recipe(config))
    daemon.Reader = FragileReader
    promises.accept = _accept_or_wait
    main()
