"""The daemon with a clock that a file puts ahead; started as ``python -m``.

Only what it stores and decides by goes with that clock: webhooks are signed
with the right time, or no receiver would take them.
"""

import os
from datetime import datetime, timedelta
from pathlib import Path

from bounced.app import daemon
from bounced.cli import main
from bounced.receive import transaction
from bounced.store import store

FILE = "TEST_CLOCK"


class ShiftedTime(datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + timedelta(hours=int(Path(os.environ[FILE]).read_text()))


if __name__ == "__main__":
    for module in (daemon, store, transaction):
        module.datetime = ShiftedTime
    main()
