"""Open the port of the admin server, and close it without cutting answers off."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from urllib.parse import urlsplit

from aiohttp import web

from bounced import log
from bounced.admin.access import require_access
from bounced.admin.api import make_routes
from bounced.admin.health import Health, Monitoring
from bounced.admin.middleware import add_headers, explain_errors, limit_time, log_request
from bounced.admin.pages import PUBLIC, Pages
from bounced.admin.sessions import Sessions
from bounced.admin.tokens import Tokens
from bounced.classify import Knowledge
from bounced.errors import ConfigurationError
from bounced.store import Store

_log = log.get("admin")

_MAX_BODY_BYTES = 1024 * 1024
_KEEPALIVE_SECONDS = 30
_LINGERING_SECONDS = 1
_SHUTDOWN_SECONDS = 5
_PUBLIC = PUBLIC | {"/healthz", "/readyz"}


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

    Args:
        address: Where to listen.
        store: What is asked and told.
        tokens: Who may ask.
        knowledge: Tells what codes, reasons and providers are called.
        look: Tells how the daemon is.

    Attributes:
        tokens: Who may ask; a reload replaces it.
        knowledge: Tells what codes, reasons and providers are called; a reload replaces it.
        address: Where it listens, with the port that was found for port 0.
    """

    def __init__(
        self,
        address: Address,
        store: Store,
        tokens: Tokens,
        knowledge: Callable[[], Knowledge],
        *,
        look: Callable[[], Health] = Health,
    ) -> None:
        self.address, self.tokens, self.knowledge = address, tokens, knowledge
        sessions = Sessions(lambda: self.tokens)
        pages = Pages(store, sessions, self._tell_knowledge, _clock)
        application = web.Application(
            middlewares=[
                log_request,
                explain_errors(pages.present_problem),
                limit_time,
                require_access(lambda: self.tokens, sessions, public=_PUBLIC),
            ],
            client_max_size=_MAX_BODY_BYTES,
        )
        application.on_response_prepare.append(add_headers)
        application.add_routes(Monitoring(look).routes())
        application.add_routes(make_routes(store, self._tell_knowledge, _clock))
        application.add_routes(pages.routes())
        # What reaches this logger is what strangers send that is no HTTP; our own errors are in `explain_errors`.
        noise = logging.getLogger("bounced.admin.http")
        noise.setLevel(logging.CRITICAL)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            logger=noise,
            handle_signals=False,
            keepalive_timeout=_KEEPALIVE_SECONDS,
            lingering_time=_LINGERING_SECONDS,
            shutdown_timeout=_SHUTDOWN_SECONDS,
        )

    def _tell_knowledge(self) -> Knowledge:
        return self.knowledge()

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            ConfigurationError: The port cannot be opened.
        """
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self.address.host, self.address.port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise ConfigurationError(
                f"cannot listen on {self.address}: {error.strerror or error}",
                where="admin.listen",
                remedy="choose a port that is free and that the daemon's user may open",
            ) from error
        self.address = Address(*self._runner.addresses[0][:2])
        _log.info("listening", endpoints=[f"http://{self.address}"])
        return self

    async def __aexit__(self, *_: object) -> None:
        """Take no new requests and let those under way end."""
        await self._runner.cleanup()


def _clock() -> datetime:
    return datetime.now(UTC)
