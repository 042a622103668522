"""Servers that are ours alone, and can be stopped and started again with their data and port."""

import asyncio
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

_DEADLINE_SECONDS = 60
_RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PrivateServer:
    """One process; it answers on its port as soon as `start` returns."""

    def __init__(self, port: int, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        if not shutil.which(command[0]):
            pytest.skip(f"there is no {command[0]}")
        self.port, self._command = port, command
        self._environment = {**os.environ, **environment}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *map(str, self._command),
            env=self._environment,
            cwd=tempfile.gettempdir(),  # where one that crashes leaves its dump
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while not await self._answers():
            assert self._process.returncode is None, f"{self._command[0]} ended with {self._process.returncode}"
            assert time.monotonic() < deadline, f"{self._command[0]} does not answer"
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """End it; to stop what is stopped does nothing."""
        if self._process and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True


def nats_server(folder: Path, *options: str | Path) -> PrivateServer:
    port = free_port()
    command = ["nats-server", "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", folder / "nats", *options]
    return PrivateServer(port, command, {})


def redis_server(folder: Path, *options: str | Path, has_tls: bool = False) -> PrivateServer:
    """Make one that has on disk what it answers for."""
    port = free_port()
    (folder / "redis").mkdir()
    ports = ("--port", "0", "--tls-port", str(port)) if has_tls else ("--port", str(port))
    durable = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")
    command = ["redis-server", *ports, "--bind", "127.0.0.1", "--dir", folder / "redis", *durable, *options]
    return PrivateServer(port, command, {})


def rabbitmq_server(folder: Path) -> PrivateServer:
    """Make one whose node, cookie and data are its own; it takes some seconds to start."""
    home, port = folder / "rabbitmq", free_port()
    home.mkdir()
    (home / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\n")
    (home / "environment").touch()
    (home / "plugins").touch()
    environment = {
        "HOME": str(home),
        "RABBITMQ_NODENAME": f"bounced-test-{port}@localhost",
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": str(home / "environment"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
        "RABBITMQ_LOG_BASE": str(home / "log"),
        "RABBITMQ_PID_FILE": str(home / "pid"),
    }
    return PrivateServer(port, [_RABBITMQ], environment)
