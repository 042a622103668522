"""Daemons on one PostgreSQL that meet new recipients in the same moment."""

import asyncio
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from bounced.escalate import Fact, FactKind, Policy, Threshold
from bounced.store.engine import parse_url, writing_engine
from bounced.store.pseudonym import Names
from bounced.store.recipients import Memory, remember

ANN, BEN = "ann@example.com", "ben@example.com"
NOW = datetime(2025, 11, 1, 9, 30, tzinfo=UTC)
MEMORY = Memory(Policy(Threshold(bounces=2, days=1)), Names(None))
WAITING = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE application_name = current_setting('application_name') AND wait_event_type = 'Lock'"
)


def soft(recipient, message_id):
    return Fact(recipient, message_id, NOW, FactKind.SOFT)


@pytest.fixture
async def connect(postgresql_url, open_store):
    """Return a function that connects as a daemon does."""
    await open_store(postgresql_url)
    with ExitStack() as stack:

        def connect_():
            engine = writing_engine(parse_url(postgresql_url))
            stack.callback(engine.dispose)
            return stack.enter_context(engine.connect())

        yield connect_


async def test_who_becomes_undeliverable_is_told_though_another_daemon_meets_somebody_new(connect):
    one, other, watching = connect(), connect(), connect()
    remember(MEMORY, other, [soft(ANN, "1")], NOW)
    facts = [soft(ANN, "2"), soft(BEN, "3"), soft(BEN, "4")]
    remembering = asyncio.create_task(asyncio.to_thread(remember, MEMORY, one, facts, NOW))
    async with asyncio.timeout(10):
        while not watching.scalar(WAITING):
            watching.rollback()
            await asyncio.sleep(0.01)
    other.commit()
    assert [crossing.fact.recipient for crossing in await remembering] == [ANN, BEN]
