"""However often the process is killed, every message counts once for each recipient it names."""

import asyncio
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from bounced.escalate import State

ROOT = Path(__file__).parents[2]
PEOPLE = 7
CONCLUDE_ALL = """
import asyncio, os, sys
from datetime import UTC, datetime, timedelta
from bounced.escalate import Fact, FactKind
from bounced.model import Envelope, Event, EventType, Fault, Kind, Message
from bounced.store import Conclusion, Escalation, Store

DAY = datetime(2026, 3, 1, tzinfo=UTC)

def tell(fact, epoch):
    id_ = Event.derive_id(epoch, EventType.UNDELIVERABLE, fact.recipient)
    return Event(id_, EventType.UNDELIVERABLE, fact.recipient, EventType.UNDELIVERABLE, "{}")

def conclusion_of(message):
    number = int(message.raw)
    address = f"user{number % 7}@example.com"
    fact = Fact(address, message.id, message.envelope.received_at, FactKind.SOFT, "mailbox_full", Fault.RECIPIENT)
    return Conclusion(message.id, Kind.BOUNCE, "{}", facts=(fact,), escalation=Escalation(tell, ("app",)))

async def main(url, count):
    async with await Store.open(url, owner="killed") as store:
        await store.release_own()
        async def pass_on(number):
            message = Message.of(Envelope("", ("b@example.com",), DAY + timedelta(hours=number)), str(number).encode())
            if await store.accept(message, lease=True):
                os.write(1, b".")
                await store.conclude(conclusion_of(message))
                os.write(1, b".")
        while claimed := await store.claim_messages(100):
            await asyncio.gather(*(store.conclude(conclusion_of(each.message)) for each in claimed))
            os.write(1, b".")
        for start in range(0, count, 20):
            await asyncio.gather(*map(pass_on, range(start, start + 20)))

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def run(url, count, *, steps=None):
    """Conclude `count` messages; where `steps` is given, be killed after so many steps."""
    with subprocess.Popen(
        [sys.executable, "-c", CONCLUDE_ALL, url, str(count)], stdout=subprocess.PIPE, cwd=ROOT
    ) as it:
        if steps is None:
            it.stdout.read()
        else:
            it.stdout.read(steps)
            it.kill()
    return it.returncode


@pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
async def test_counts_are_exact_after_kill_9_between_any_two_steps(url, open_store, clock):
    for steps in (1, 10, 35, 70, 150):
        await asyncio.to_thread(run, url, 700, steps=steps)
    assert await asyncio.to_thread(run, url, 700) == 0
    clock.pass_(days=1)
    store = await open_store(url)
    people, _ = await store.recipients.list()
    assert [(each.counts, each.state) for each in people] == [({"soft": 100}, State.UNDELIVERABLE)] * PEOPLE
    assert people[0].last_bounce_at - people[0].first_bounce_at == timedelta(hours=693)
    assert len(await store.list_deliveries()) == PEOPLE  # one for each, from how many runs soever
