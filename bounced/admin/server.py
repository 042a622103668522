"""Open the port of the admin server, and close it without cutting answers off."""

import asyncio
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from bounced import log
from bounced.admin.sources import Sources
from bounced.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp.web import AppRunner

_log = log.get("admin")

_BACKLOG = 128


@dataclass(frozen=True, slots=True)
class Address:
    """Where the admin server listens; port 0 takes a free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``HOST:PORT``; an IPv6 address stands in brackets.

        Raises:
            ConfigurationError: It is not that.
        """
        try:
            parts = urlsplit(f"//{text}")
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if not host or port is None or not set(text).isdisjoint("@/?#"):
            raise ConfigurationError(
                f"cannot listen on {text!r}: it is not HOST:PORT",
                where="admin.listen",
                remedy='write "127.0.0.1:8025" or "[::1]:8025", or "" for no admin server',
            )
        return cls(host, port)

    def __str__(self) -> str:
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


class AdminServer:
    """The HTTP server beside the daemon; used with ``async with``.

    It listens at once. What answers is loaded in a thread meanwhile, because
    that takes as long as all the rest of a start; until then requests wait.

    Args:
        address: Where to listen.
        sources: What it answers from.

    Attributes:
        address: Where it listens, with the port that was found for port 0.
        sources: What it answers from; a reload changes it.
    """

    def __init__(self, address: Address, sources: Sources) -> None:
        self.address, self.sources = address, sources

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            ConfigurationError: The port cannot be opened.
        """
        try:
            self._listeners = self._listen()
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {self.address}: {error.strerror or error}",
                where="admin.listen",
                remedy="choose a port that is free and that the daemon's user may open",
            ) from error
        self.address = Address(*self._listeners[0].getsockname()[:2])
        self._answering = asyncio.create_task(self._answer())
        self._answering.add_done_callback(_tell_failure)
        _log.info("listening", endpoints=[f"http://{self.address}"])
        return self

    def _listen(self) -> list[socket.socket]:
        host, port = self.address.host, self.address.port
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        with ExitStack() as stack:
            listeners = [
                stack.enter_context(socket.create_server(name[:2], family=family, backlog=_BACKLOG))
                for family, _, _, _, name in found
            ]
            stack.pop_all()
        return listeners

    async def _answer(self) -> "AppRunner":
        start = await asyncio.to_thread(_load)
        return await start(self.sources, self._listeners)

    async def __aexit__(self, *_: object) -> None:
        """Take no new requests and let those under way end."""
        await asyncio.wait([self._answering])
        if not self._answering.exception():
            await self._answering.result().cleanup()
        for listener in self._listeners:
            listener.close()


def _tell_failure(answering: "asyncio.Task[AppRunner]") -> None:
    if not answering.cancelled() and (error := answering.exception()):
        _log.error("admin_server_failed", error=repr(error), consequence="mail is taken, but nobody is answered")


def _load() -> "Callable[[Sources, list[socket.socket]], Awaitable[AppRunner]]":
    from bounced.admin.application import start  # noqa: PLC0415 - see `AdminServer`

    return start
