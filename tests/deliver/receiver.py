"""A real HTTP server that plays the other side of a webhook."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(frozen=True)
class Received:
    headers: dict[str, str]
    body: str
    client_port: int


@dataclass
class Receiver:
    """What arrived, and what is answered: `answer` may be replaced at any time."""

    port: int = 0
    scheme: str = "http"
    received: list[Received] = field(default_factory=list)
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}/hook?token=hidden"

    async def handle(self, request):
        body = await request.text()
        self.received.append(Received(dict(request.headers), body, request.transport.get_extra_info("peername")[1]))
        return await self.answer(request) if self.answer else web.Response()

    def answer_with(self, status, **headers):
        async def answer(_request):
            return web.Response(status=status, headers={name.replace("_", "-"): text for name, text in headers.items()})

        self.answer = answer


@asynccontextmanager
async def listening(tls=None, host="127.0.0.1") -> AsyncIterator[Receiver]:
    """Listen on a free port; whoever is still waiting for an answer at the end is cut off."""
    receiver = Receiver(scheme="https" if tls else "http")
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, 0, ssl_context=tls).start()
        receiver.port = runner.addresses[0][1]
        yield receiver
    finally:
        await runner.cleanup()


async def never(_request):
    """Answer nothing."""
    await asyncio.Event().wait()


async def endless(request):
    """Say yes and then never stop talking."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"yes " * 1024)


async def halting(request):
    """Say yes and then stop in the middle of the body."""
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"yes")
    await asyncio.Event().wait()
