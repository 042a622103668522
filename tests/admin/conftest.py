import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import quote

import aiohttp
import pytest
import structlog

from bounced import log
from bounced.admin import middleware
from bounced.admin import server as server_module
from bounced.admin.server import Address, AdminServer
from bounced.admin.sources import Sources
from bounced.admin.tokens import Tokens
from bounced.escalate import State, find_facts
from bounced.event import describe_understanding, make_events
from bounced.knowledge import shipped_knowledge
from bounced.model import Envelope, Message
from bounced.pipeline import understand
from bounced.store import Conclusion, ImportedRecipient, Store
from tests.daemon.mail import dsn

TOKEN = "a-token-of-some-length"
ROOT = "/api/v1/recipients"
SINCE = datetime(2025, 11, 1, 9, 30, tzinfo=UTC)


@pytest.fixture
async def store(tmp_path):
    async with await Store.open(f"sqlite:///{tmp_path}/bounced.db", owner="test") as store:
        yield store


@pytest.fixture
def serve(store):
    """Return a context with an admin server on a free port."""

    @asynccontextmanager
    async def serve_(*tokens: str, read_tokens: tuple[str, ...] = (), on: Store = store) -> AsyncIterator[AdminServer]:
        sources = Sources(on, Tokens(tokens, read_tokens), shipped_knowledge)
        async with AdminServer(Address("127.0.0.1", 0), sources) as server:
            yield server

    return serve_


@pytest.fixture
async def server(serve):
    async with serve(TOKEN) as server:
        yield server


@pytest.fixture
async def client(server):
    """A session that has a token."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(f"http://{server.address}", headers=headers) as session:
        yield session


@pytest.fixture
def ask(client):
    """Return a function that makes a request and returns status, headers, and the body as it was meant."""

    async def ask_(method: str, path: str, **options):
        async with client.request(method, path, **options) as answer:
            text = await answer.text()
            is_json = answer.content_type.endswith("json")
            return answer.status, answer.headers, json.loads(text) if is_json else text

    return ask_


@pytest.fixture
def suppress(store):
    """Put recipients on the suppression list."""

    async def suppress_(*addresses: str, state: State = State.SUPPRESSED, **more) -> None:
        entries = [ImportedRecipient(address, state, since=SINCE, **more) for address in addresses]
        await store.recipients.take_over(entries, by="test")

    return suppress_


@pytest.fixture
def bounce(store):
    """Let the mail to a recipient bounce hard, and return the id of the message that says so."""

    async def bounce_(recipient: str) -> str:
        message = Message.of(Envelope("", ("bounce@example.com",), SINCE), dsn(recipient))
        found = understand(message.raw)
        await store.accept(message, lease=True)
        facts = find_facts(message, found)
        await store.conclude(Conclusion(message.id, found.kind, "{}", facts=facts))
        return message.id

    return bounce_


@pytest.fixture
def tell(store):
    """Let a message come in and be told to the sink `app`; return the ids of its events."""

    async def tell_(raw: bytes, *, at: datetime = SINCE, sinks: tuple[str, ...] = ("app",)) -> list[str]:
        message = Message.of(Envelope("", ("bounce@example.com",), at), raw)
        found = understand(message.raw)
        events = make_events(message, found, source="/test")
        await store.accept(message, lease=True)
        keys = tuple((event.id, sink) for event in events for sink in sinks)
        report = json.dumps(describe_understanding(found))
        facts = find_facts(message, found)
        await store.conclude(Conclusion(message.id, found.kind, report, events, keys, frozenset(keys), facts))
        return [event.id for event in events]

    return tell_


@pytest.fixture
def path_of():
    return lambda address: f"{ROOT}/{quote(address, safe='')}"


@pytest.fixture
def logged(monkeypatch):
    """Return a function that returns what was logged, one object a line; to be asked for first."""
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    log.configure(level="info", format_="json")
    for module in (middleware, server_module):  # a logger remembers the first standard error it wrote to
        monkeypatch.setattr(module, "_log", log.get("admin"))
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    structlog.reset_defaults()
