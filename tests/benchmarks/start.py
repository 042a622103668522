"""How soon the program is there, and how much memory it takes."""

import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from tests.benchmarks.scale import Scale
from tests.benchmarks.servers import SAMPLE, daemon, warm, with_bytecode
from tests.benchmarks.tables import Figures, Table, compared, take_turns

LIBRARIES = (
    "import aiohttp.web, aiosmtpd.smtp, prometheus_client, pydantic_settings, rich.table, sqlalchemy.dialects.sqlite,"
    "structlog, typer, uvloop"
)
IDLE = 2000


def measure(scale: Scale) -> Iterator[Table]:
    """Yield the time of a start, and the memory with idle connections."""
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
    yield Table("Memory", ("", "MiB"), list(measure_memory(scale(IDLE))))


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


def measure_memory(connections: int) -> Iterator[tuple[str, float]]:
    """Yield what the daemon and its reader hold, before and with idle connections."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with daemon() as server, ExitStack() as stack:
        warm(server)
        yield "the daemon at rest", resident_mib(server.pid)
        yield "the process that reads", sum(map(resident_mib, server.pids[1:]))
        for _ in range(connections):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            assert client.recv(100).startswith(b"220")
        yield f"the daemon with {connections} idle connections", resident_mib(server.pid)


def resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
