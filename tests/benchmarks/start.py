"""How soon the program is there."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.benchmarks.scale import Scale
from tests.benchmarks.servers import SAMPLE, daemon, with_bytecode
from tests.benchmarks.tables import Figures, Table, compared, take_turns

LIBRARIES = (
    "import aiohttp.web, aiosmtpd.smtp, prometheus_client, pydantic_settings, rich.table, sqlalchemy.dialects.sqlite,"
    "structlog, typer, uvloop"
)


def measure(scale: Scale) -> Iterator[Table]:
    """Yield the time of a start."""
    medians = take_turns(
        {
            "importing our libraries alone": partial(run, "-c", LIBRARIES),
            "start to READY, with a new database": until_ready,
            "`bounced parse` of one message": partial(run, "-m", "bounced", "parse", str(SAMPLE)),
        },
        scale.runs + 2,
    )
    columns = ("", "seconds", "x as fast", "CPU seconds")
    yield Table("Start", columns, compared(medians, less_is_better=True))


def run(*arguments: str) -> Figures:
    """Return the seconds that Python takes, and those of the processor."""
    begin = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, env=with_bytecode())
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    return time.perf_counter() - begin, used.ru_utime + used.ru_stime


def until_ready() -> Figures:
    """Return the seconds until the first connection, and those of the processor for the process that took it."""
    with daemon() as server:
        fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
        return server.start_seconds, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
