"""The application at the other end of a webhook: it believes nothing that is not signed."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any, Self

from aiohttp import web
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

DEADLINE_SECONDS = 30


def make_secret(seed: str) -> str:
    return "whsec_" + b64encode(seed.encode().ljust(32, b"-")).decode()


class Receiver:
    """Listens on a port that it keeps while it is away.

    Attributes:
        secret: What signatures are verified with.
        status: What is answered to a good signature.
        bodies: The texts that came under each event id, repeats included.
        sources: Who wrote the events that were brought, those included that were not answered.
        forged: How many requests had a bad signature; they are answered 401 and not kept.
    """

    def __init__(self) -> None:
        self.secret = make_secret("first")
        self.status = 204
        self.bodies: dict[str, list[str]] = {}
        self.requests = 0
        self.sources: set[str] = set()
        self.forged = 0
        self.port = 0
        self._changed = asyncio.Condition()
        self._open = asyncio.Event()
        self._open.set()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/bounces"

    @property
    def events(self) -> list[dict[str, Any]]:
        """Each event once, in order of first arrival."""
        return [json.loads(bodies[0]) for bodies in self.bodies.values()]

    @property
    def recipients(self) -> set[str | None]:
        return {event["data"]["recipient"] for event in self.events}

    @property
    def told(self) -> dict[str, str]:
        """The id of the message that told of each recipient."""
        return {event["data"]["recipient"]: event["data"]["message"]["id"] for event in self.events}

    def sink(self, name: str = "app", **keys: Any) -> dict[str, Any]:
        """Return the section of a sink that posts here, and tries again soon and often."""
        about = {"name": name, "type": "webhook", "url": self.url, "secrets": [self.secret], "timeout_seconds": 10}
        return about | {"allow_private_addresses": True, "retry_seconds": [0.2] * 50} | keys

    async def __aenter__(self) -> Self:
        await self.come_back()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.go_away()

    async def come_back(self) -> None:
        application = web.Application()
        application.router.add_post("/hooks/bounces", self._take)
        self._runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def go_away(self) -> None:
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    def hang(self) -> None:
        """Leave every request without an answer from now on."""
        self._open.clear()

    def answer_again(self) -> None:
        self._open.set()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.text()
        async with self._changed:
            self.requests += 1
            self.sources.add(json.loads(body)["source"])
            self._changed.notify_all()
        await self._open.wait()
        try:
            Verifier(self.secret).verify(body, dict(request.headers))
        except WebhookVerificationError:
            self.forged += 1
            return web.Response(status=401)
        if self.status < 300:
            async with self._changed:
                self.bodies.setdefault(request.headers["webhook-id"], []).append(body)
                self._changed.notify_all()
        return web.Response(status=self.status)

    async def until(self, is_reached: Callable[[], bool], *, seconds: float = DEADLINE_SECONDS) -> None:
        """Wait until `is_reached`, asked after each request."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(is_reached)

    async def until_events(self, count: int, *, seconds: float = DEADLINE_SECONDS) -> list[dict[str, Any]]:
        await self.until(lambda: len(self.bodies) >= count, seconds=seconds)
        return self.events

    async def until_recipient(self, recipient: str) -> dict[str, Any]:
        await self.until(lambda: recipient in self.recipients)
        return next(event for event in self.events if event["data"]["recipient"] == recipient)

    async def until_requests(self, count: int) -> None:
        await self.until(lambda: self.requests >= count)
