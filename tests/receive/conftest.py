"""A real server on a real socket, and a client that sees every octet."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields
from pathlib import Path

import pytest

from bounced import metrics
from bounced.model import Message
from bounced.receive import Accept, Certificate, Endpoint, Limits, Recipients, Servers, Settings, serve
from tests import certificate

PATTERNS = ("bounce@example.com", "bounces+*@example.com", "bounces.example.com")
LIMITS = {limit.name for limit in fields(Limits)}
DEADLINE_SECONDS = 10


@dataclass
class Client:
    """Speaks octets; every wait has a deadline."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def reply(self) -> str:
        """Return the next reply, its lines joined by newlines; empty at the end of the connection."""
        lines = []
        async with asyncio.timeout(DEADLINE_SECONDS):
            while line := (await self.reader.readline()).decode():
                assert line.endswith("\r\n")
                lines.append(line.removesuffix("\r\n"))
                if line[3:4] != "-":
                    break
        return "\n".join(lines)

    def send(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def ask(self, line: str | bytes) -> str:
        """Send one command and return the reply to it."""
        self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return await self.reply()

    async def begin(self, *, recipients: tuple[str, ...] = ("bounce@example.com",), hello: str = "EHLO") -> None:
        """Go as far as the octets after DATA."""
        assert (await self.ask(f"{hello} client.example")).startswith("250")
        assert await self.ask("MAIL FROM:<>") == "250 2.1.0 Ok"
        for recipient in recipients:
            assert await self.ask(f"RCPT TO:<{recipient}>") == "250 2.1.5 Ok"
        assert (await self.ask("DATA")).startswith("354 ")

    async def rest(self) -> bytes:
        """Return everything until the server closes."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self.reader.read()


@dataclass
class Server:
    """A running server, and what it has accepted."""

    servers: Servers
    messages: list[Message] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)

    @property
    def endpoint(self) -> Endpoint:
        return self.servers.addresses[0]

    async def connect(self) -> Client:
        """Return a client that has read the greeting."""
        client = await self.connect_silently()
        assert (await client.reply()).startswith("220 ")
        return client

    async def connect_silently(self) -> Client:
        """Return a client that has read nothing yet."""
        self.clients.append(Client(*await self._open()))
        return self.clients[-1]

    async def close(self) -> None:
        self.servers.stop_listening()
        for client in self.clients:
            client.writer.transport.abort()
        await self.servers.drain(0)

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.endpoint.path:
            return await asyncio.open_unix_connection(self.endpoint.path)
        return await asyncio.open_connection(self.endpoint.host, self.endpoint.port)


Start = Callable[..., Awaitable[Server]]


def count_cut_off(cause: str) -> float:
    """Return how many sessions were cut off for `cause` so far."""
    return metrics.REGISTRY.get_sample_value("bounced_sessions_cut_off_total", {"cause": cause}) or 0


@pytest.fixture
async def start():
    """Return a function that starts a server; its keywords are those of Settings and of Limits."""
    started: list[Server] = []

    async def start_one(url: str = "smtp://127.0.0.1:0", *, accept: Accept | None = None, **settings) -> Server:
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            if accept:
                await accept(message)
            messages.append(message)

        limits = Limits(**{name: settings.pop(name) for name in LIMITS & settings.keys()})
        values = {"hostname": "mx.example.com", "recipients": Recipients(PATTERNS), "limits": limits} | settings
        server = Server(await serve([Endpoint.parse(url)], Settings(**values), keep), messages)
        started.append(server)
        return server

    yield start_one
    for server in started:
        await server.close()


@pytest.fixture
async def client(start: Start):
    """A client of a server with default settings, which has read the greeting."""
    server = await start()
    return await server.connect()


@pytest.fixture(scope="session")
def make_certificate(tmp_path_factory: pytest.TempPathFactory):
    """Return a function that makes a certificate for a name, or skips."""

    def make(name: str) -> Certificate:
        files = certificate.make_certificate(tmp_path_factory.mktemp("tls"), name)
        return Certificate(Path(files["certificate"]), Path(files["key"]))

    return make


@pytest.fixture
def trusting():
    """A client's TLS context that trusts everyone."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
