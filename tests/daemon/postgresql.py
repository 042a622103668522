"""A PostgreSQL server of a test's own, which it may stop and start again."""

import asyncio
import os
import shutil
import socket
import tempfile
from glob import glob
from pathlib import Path

DEADLINE_SECONDS = 60


def find_binaries() -> Path | None:
    """Return where the newest installed server has its programs."""
    found = sorted(glob("/usr/lib/postgresql/*/bin/initdb"))  # noqa: PTH207 - an absolute pattern
    return Path(found[-1]).parent if found else None


class Server:
    """A server on a free port of 127.0.0.1, with its data in a directory that is removed at the end."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._folder = Path(tempfile.mkdtemp(prefix="bounced-postgresql-"))
        if os.geteuid() == 0:  # the server refuses to run as root
            shutil.chown(self._folder, "postgres", "postgres")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = probe.getsockname()[1]
        self.url = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    async def create(self) -> None:
        await self._run("initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8")

    async def start(self) -> None:
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c shared_buffers=16MB"
        await self._run("pg_ctl", "--wait", "--log", str(self._folder / "log"), "--options", options, "start")

    async def crash(self) -> None:
        """End it as a crash would: nothing is written down, no connection ended in peace."""
        await self._run("pg_ctl", "--wait", "--mode=immediate", "stop")

    async def close(self) -> None:
        if (self._folder / "data" / "postmaster.pid").exists():
            await self.crash()
        shutil.rmtree(self._folder)

    async def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), "--pgdata", str(self._folder / "data"), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "--user", "postgres", "--", *command]
        process = await asyncio.create_subprocess_exec(
            *command, cwd="/", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert await process.wait() == 0, command
