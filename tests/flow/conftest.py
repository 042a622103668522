import random
import sqlite3
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from bounced.flow.incoming import Incoming
from bounced.flow.outgoing import Feed, Outgoing, Subscription
from bounced.pipeline import understand
from bounced.store import Store
from tests.daemon.mail import dsn
from tests.flow.parts import Flow, Recorder


def read_without_envelope(raw, envelope):
    return understand(raw)


@pytest.fixture
def database(tmp_path):
    return tmp_path / "bounced.db"


@pytest.fixture
async def store(database):
    async with await Store.open(f"sqlite:///{database}?timeout=0.1", owner="one", exclusive=True) as store:
        yield store


@pytest.fixture
def sink():
    return Recorder()


@pytest.fixture
def make_flow(store):
    """Return a function that makes a flow to the given sinks, which are tried again soon."""

    def make(*sinks: Recorder, read=read_without_envelope, retry_seconds=(0.01,) * 3, on: Store = store) -> Flow:
        subscriptions = [Subscription(each, None, retry_seconds) for each in sinks]
        outgoing = Outgoing(
            Feed(on, each, clock=lambda: datetime.now(UTC), chance=random.random) for each in subscriptions
        )
        return Flow(on, Incoming(on, outgoing, read=read, source="/bounced/test"), outgoing)

    return make


@pytest.fixture
def locked(database, store):
    """Return a context in which nobody can write to the store."""

    @asynccontextmanager
    async def lock():
        other = sqlite3.connect(database, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.close()

    return lock


@pytest.fixture
def make_dsns():
    return lambda count: [dsn(f"user{number}@example.com") for number in range(count)]
