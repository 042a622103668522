"""What the daemon says 250 to is on the disk by then, seen in what it asks of the system."""

import re
import shutil
import subprocess

import pytest

from tests.daemon.mail import dsn, send

MARK = "this-is-on-the-disk"
CALLS = "trace=pwrite64,fsync,fdatasync,write,writev,sendto,sendmsg"
WRITTEN = re.compile(rf"pwrite64\(\d+<[^>]*-wal>.*{MARK}")
SYNCED = re.compile(
    r"(\d+) +(?:f(?:data)?sync\(\d+<[^>]*-wal>(\).*= 0| <unfinished)|<\.\.\. f(?:data)?sync (resumed>\).*= 0))"
)


def steps(lines):
    """Yield what matters of a trace, in order: the mark is written, the log is synced, 250 is said."""
    syncing = set()
    for line in lines:
        if WRITTEN.search(line):
            yield "written"
        elif "250 2.0.0 Ok: msg_" in line:
            yield "250"
        elif found := SYNCED.search(line):
            thread, begun, ended = found.groups()
            if begun == " <unfinished":
                syncing.add(thread)
            elif begun or (ended and thread in syncing):
                syncing.discard(thread)
                yield "synced"


async def test_250_is_said_after_the_message_is_written_and_synced(site, tmp_path):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    if subprocess.run(["strace", "-o", "/dev/null", "true"], check=False).returncode != 0:  # noqa: ASYNC221 - at once
        pytest.skip("strace may not trace here")
    trace = tmp_path / "trace"
    daemon = await site.start(through=("strace", "-D", "-f", "-y", "-qq", "-s", "5000", "-o", str(trace), "-e", CALLS))
    await send(daemon.port, dsn(header=f"X-Mark: {MARK}"))
    assert await daemon.stop() == 0
    seen = list(steps(trace.read_text().splitlines()))
    before = seen[: seen.index("250")]
    assert "synced" in before[len(before) - before[::-1].index("written") :]
