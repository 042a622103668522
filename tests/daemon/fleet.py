"""Several daemons on one database, and clients that try one after the other as RFC 5321 section 5.1 asks."""

import asyncio
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.daemon.mail import Session
from tests.daemon.process import Running, Site

_PAUSE_SECONDS = 0.2


@dataclass(eq=False)
class Host:
    """A place for one daemon, how it is launched, and the one that runs there now."""

    site: Site
    daemon: Running | None = None
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.site.sections["receive"]["hostname"]

    async def start(self) -> Running:
        self.daemon = await self.site.start(**self.options)
        return self.daemon

    async def kill(self) -> None:
        daemon, self.daemon = self.daemon, None
        await daemon.kill()

    async def restart(self) -> None:
        assert await self.daemon.stop() == 0
        await self.start()


@dataclass
class Clients:
    """Mail servers with a queue: a message that no host takes is tried again.

    Attributes:
        taken: The ids under which messages were taken, by what was sent.
        deferred: How often no host at all took a message.
        refused: Replies that would have made a mail server give up.
    """

    hosts: list[Host]
    taken: dict[bytes, str] = field(default_factory=dict)
    deferred: int = 0
    refused: list[str] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def send_all(self, mails: Iterable[bytes], *, connections: int = 8) -> None:
        waiting = iter(mails)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(connections):
                tasks.create_task(self._send_some(waiting))

    async def until_taken(self, count: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.taken) >= count)

    async def _send_some(self, mails: Iterable[bytes]) -> None:
        for raw in mails:
            while not await self._offer(raw):
                self.deferred += 1
                await asyncio.sleep(_PAUSE_SECONDS)  # a mail server's pause between two runs of its queue

    async def _offer(self, raw: bytes) -> bool:
        """Offer a message to each host in turn; return whether one took it."""
        for host in random.sample(self.hosts, len(self.hosts)):
            reply = await _try(host, raw)
            if reply.startswith("5"):
                self.refused.append(reply)
            if reply.startswith("250 "):
                async with self._changed:
                    self.taken[raw] = reply.split()[-1]
                    self._changed.notify_all()
                return True
        return False


async def _try(host: Host, raw: bytes) -> str:
    """Return the last reply; a host that is not there, or goes away meanwhile, has none."""
    if host.daemon is None:
        return ""
    try:
        async with await Session.open(host.daemon.port) as session:
            for command in ("MAIL FROM:<>", "RCPT TO:<bounce@bounces.example.com>", "DATA"):
                reply = await session.ask(command)
                if reply[0] not in "23":
                    return reply
            return await session.finish(raw)
    except (OSError, AssertionError):  # refused, reset, or 421 instead of a greeting
        return ""
