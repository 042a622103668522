import random
import sqlite3
from contextlib import asynccontextmanager

import pytest

from bounced.flow.incoming import Incoming
from bounced.flow.outgoing import Feed, Outgoing, Subscription
from bounced.flow.reading import read_message
from bounced.pipeline import understand
from bounced.store import Store
from tests.daemon.mail import dsn
from tests.flow.parts import Flow, Recorder


def understand_without_envelope(raw, envelope):
    return understand(raw)


def read_with(understand_one):
    """Return a reader in this process, which a test can look into."""

    def read(messages):
        for message in messages:
            try:
                yield read_message(message, understand_one, source="/bounced/test")
            except Exception:  # noqa: BLE001 - as in the process that reads
                yield None

    return read


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

    def make(*sinks: Recorder, read=understand_without_envelope, retry_seconds=(0.01,) * 3, on: Store = store) -> Flow:
        subscriptions = [Subscription(each, None, retry_seconds) for each in sinks]
        outgoing = Outgoing(Feed(on, each, chance=random.random) for each in subscriptions)
        return Flow(on, Incoming(on, outgoing, read=read_with(read), source="/bounced/test"), outgoing)

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
