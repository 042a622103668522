"""The real program as processes: a daemon to talk to, commands to wait for."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 30

Sections = dict[str, Any]


def environment(**variables: str) -> dict[str, str]:
    """Return our environment without anything that configures the program, and with `variables`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("BOUNCED_")}
    return inherited | {"PYTHONPATH": str(ROOT)} | variables


def to_toml(sections: Sections) -> str:
    """Write tables and lists of tables; their plain values look the same in TOML as in JSON."""
    lines: list[str] = []
    for name, content in sections.items():
        tables, heading = (content, f"[[{name}]]") if isinstance(content, list) else ([content], f"[{name}]")
        for table in tables:
            lines += [heading, *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    return "\n".join(lines)


@dataclass
class Finished:
    """What a command left behind."""

    code: int
    out: str
    err: str


class Running:
    """A daemon's process, seen by what it logs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._changed = asyncio.Condition()
        self._is_over = False
        self.lines: list[dict[str, Any]] = []
        self.other_lines: list[str] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stderr
        async for line in self._process.stderr:
            async with self._changed:
                try:
                    self.lines.append(json.loads(line))
                except ValueError:
                    self.other_lines.append(line.decode())
                self._changed.notify_all()
        async with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def logged(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line.get("event") == event]

    async def until_logged(self, event: str, *, count: int = 1) -> dict[str, Any]:
        """Wait for the `count`-th line of this event; a daemon that ends before fails the test with its words."""
        async with asyncio.timeout(DEADLINE_SECONDS), self._changed:
            await self._changed.wait_for(lambda: len(self.logged(event)) >= count or self._is_over)
        assert len(self.logged(event)) >= count, (event, self.lines[-5:], "".join(self.other_lines))
        return self.logged(event)[count - 1]

    async def until_said(self, words: str) -> None:
        """Wait for a line that is no log line, such as another program writes before it turns into the daemon."""
        async with asyncio.timeout(DEADLINE_SECONDS), self._changed:
            await self._changed.wait_for(lambda: any(words in line for line in self.other_lines))

    @property
    def port(self) -> int:
        """The port of its SMTP listener, a new one for each start."""
        [ready] = self.logged("ready")
        return next(port for address in ready["addresses"] if (port := urlsplit(address).port))

    @property
    def pid(self) -> int:
        return self._process.pid

    async def until_reading(self) -> int:
        """Wait until a process reads messages for it, whichever thread started that, and return its number."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not (pids := self._children()):  # noqa: ASYNC110 - a process tells nobody that it starts
                await asyncio.sleep(0.02)
        [pid] = pids
        return pid

    def _children(self) -> list[int]:
        threads = Path(f"/proc/{self.pid}/task").iterdir()
        return [int(pid) for thread in threads for pid in (thread / "children").read_text().split()]

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def kill(self) -> None:
        """End it by kill -9."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self.ended()

    async def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        self.signal(signal.SIGTERM)
        return await self.ended()

    async def ended(self) -> int:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await self._reading
            return await self._process.wait()


@dataclass
class Site:
    """A place with a configuration, where daemons and commands are run."""

    folder: Path
    sections: Sections
    started: list[Running] = field(default_factory=list)

    @property
    def config(self) -> Path:
        """The configuration file as `sections` are now."""
        path = self.folder / "bounced.toml"
        path.write_text(to_toml(self.sections))
        return path

    async def start(self, **options: Any) -> Running:
        """Start a daemon and wait until it takes mail; the options are those of `launch`."""
        running = await self.launch(**options)
        await running.until_logged("ready")
        return running

    async def launch(
        self,
        *,
        module: str = "bounced",
        through: Sequence[str] = (),
        descriptors: Sequence[int] = (),
        **variables: str,
    ) -> Running:
        """Start a daemon.

        Args:
            module: What is run by ``python -m``.
            through: A program and its arguments that turns into the daemon.
            descriptors: What that program inherits.
            variables: What stands in the daemon's environment.
        """
        process = await asyncio.create_subprocess_exec(
            *(*through, sys.executable, "-m", module, "run", "--config", str(self.config)),
            cwd=self.folder,
            env=environment(**variables),
            pass_fds=descriptors,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            limit=1024 * 1024,
        )
        running = Running(process)
        self.started.append(running)
        return running

    async def run(self, *arguments: str | Path, stdin: bytes = b"") -> Finished:
        """Run a command with this site's configuration to its end."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bounced", *map(str, arguments), "--config", str(self.config)),
            cwd=self.folder,
            env=environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                out, err = await process.communicate(stdin)
        except TimeoutError:
            process.kill()
            raise
        assert process.returncode is not None
        return Finished(process.returncode, out.decode(), err.decode())

    async def close(self) -> None:
        for running in self.started:
            await running.kill()


MakeSite = Callable[..., Site]
