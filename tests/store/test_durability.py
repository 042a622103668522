"""What was promised is on the disk, however the process ends."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ACCEPT_FOR_EVER = """
import asyncio, os, sys
from datetime import UTC, datetime
from bounced.model import Envelope, Message
from bounced.store import Store

async def main(url, lanes, count):
    async with await Store.open(url, owner="killed") as store:
        async def accept_some(lane):
            for number in range(count):
                message = Message.of(Envelope("", (f"{lane}-{number}@example.com",), datetime.now(UTC)), b"x" * 3000)
                await store.accept(message, lease=True)
                os.write(1, f"{message.id}\\n".encode())
        await asyncio.gather(*map(accept_some, range(lanes)))

asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
"""


def accepting(url, *, lanes, count):
    return [sys.executable, "-c", ACCEPT_FOR_EVER, url, str(lanes), str(count)]


def confirmed_before_a_kill(url):
    """Return the ids that a process had accepted when it was killed at full speed."""
    with subprocess.Popen(accepting(url, lanes=8, count=10**9), stdout=subprocess.PIPE, cwd=ROOT) as process:
        lines = [process.stdout.readline() for _ in range(400)]
        process.kill()
        lines += process.stdout.readlines()
    return [line.decode().strip() for line in lines if line.endswith(b"\n")]


@pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
async def test_every_message_that_was_confirmed_survives_kill_9(url, open_store):
    ids = await asyncio.to_thread(confirmed_before_a_kill, url)
    assert len(ids) >= 400
    store = await open_store(url, owner="killed")
    for id_ in ids:
        assert await store.fetch_message(id_), id_
    assert await store.release_own() >= len(ids)


def test_sqlite_syncs_its_log_before_it_confirms(sqlite_url, tmp_path):
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    trace = tmp_path / "trace"
    calls = "trace=write,pwrite64,fsync,fdatasync"
    command = [strace, "-f", "-y", "-qq", "-o", str(trace), "-e", calls, *accepting(sqlite_url, lanes=1, count=20)]
    if subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode != 0 or not trace.exists():
        pytest.skip("strace may not trace here")
    unsynced = 0
    unsynced_at_confirmation = []
    for line in trace.read_text().splitlines():
        if re.search(r"pwrite64\(\d+<[^>]*-wal>", line):
            unsynced += 1
        elif re.search(r"(fsync|fdatasync)\(\d+<[^>]*-wal>", line):
            unsynced = 0
        elif re.search(r'write\(1<[^>]*>, "msg_', line):
            unsynced_at_confirmation.append(unsynced)
    assert unsynced_at_confirmation == [0] * 20


async def test_the_connection_that_writes_to_sqlite_waits_for_the_disk(sqlite_url, open_store, make_message, listen):
    store = await open_store(sqlite_url)
    seen = []

    def look(connection):
        seen.extend(connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("synchronous", "journal_mode"))

    listen("begin", look)
    await store.accept(make_message(), lease=False)
    assert seen == [2, "wal"]


async def test_the_connection_that_writes_to_postgresql_waits_for_the_disk(
    postgresql_url, open_store, make_message, listen
):
    store = await open_store(postgresql_url.replace("options=", "options=-csynchronous_commit%3Doff%20"))
    seen = []
    listen("begin", lambda connection: seen.append(connection.exec_driver_sql("SHOW synchronous_commit").scalar()))
    await store.accept(make_message(), lease=False)
    assert seen == ["on"]


async def test_only_the_owner_can_read_the_database(tmp_path, open_store, make_message):
    store = await open_store(f"sqlite:///{tmp_path}/new/bounced.db", exclusive=True)
    await store.accept(make_message(), lease=False)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert {each.stat().st_mode & 0o777 for each in (tmp_path / "new").iterdir()} == {0o600}
    assert {each.name for each in (tmp_path / "new").iterdir()} >= {"bounced.db", "bounced.db-wal", "bounced.db.lock"}
    assert str(os.getpid()) in (tmp_path / "new" / "bounced.db.lock").read_text()
