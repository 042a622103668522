"""How long the store takes to conclude and to be asked, by the rows that are in it."""

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bounced.escalate import Fact, FactKind
from bounced.model import Envelope, Event, EventType, Fault, Kind, Message
from bounced.store import Conclusion, Store
from tests.benchmarks.scale import Scale
from tests.benchmarks.tables import Table

ROWS = (0, 10_000, 100_000)
MEASURED = 2000
ASKED = 1000
AT_ONCE = 256
START = datetime(2026, 1, 1, tzinfo=UTC)


def measure(scale: Scale) -> Iterator[Table]:
    """Yield the figures at each number of rows; the store is SQLite."""
    rows = asyncio.run(grow([scale(rows) if rows else 0 for rows in ROWS], scale(MEASURED)))
    columns = (
        "messages in the store",
        "accepted and concluded/s",
        "x",
        f"check of {ASKED} addresses: ms",
        "x check",
    )
    yield Table("The store, by rows", columns, rows)


async def grow(levels: list[int], measured: int) -> list[tuple[str | float, ...]]:
    found: list[tuple[str | float, ...]] = []
    with tempfile.TemporaryDirectory() as directory:
        async with await Store.open(f"sqlite:///{directory}/bench.db", owner="benchmark") as store:
            done = 0
            for level in levels:
                await conclude_all(store, range(done, level))
                begin = time.perf_counter()
                done = max(level, done) + measured
                await conclude_all(store, range(done - measured, done))
                rate = measured / (time.perf_counter() - begin)
                asked = await ask(store, done)
                first = found[0] if found else ("", rate, 1.0, asked, 1.0)
                found.append((f"{level:,}", rate, rate / float(first[1]), asked, asked / float(first[3])))
    return found


async def conclude_all(store: Store, numbers: range) -> None:
    """Take one bounce of each recipient from accepted to concluded."""
    left = iter(numbers)

    async def work() -> None:
        for number in left:
            await conclude(store, number)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


async def conclude(store: Store, number: int) -> None:
    address, moment = f"user{number}@example.com", START + timedelta(seconds=number)
    message = Message.of(Envelope("", ("bounces@example.com",), moment), b"%d" % number)
    await store.accept(message, lease=True)
    fact = Fact(address, message.id, moment, FactKind.SOFT, "mailbox_full", Fault.RECIPIENT, "522")
    id_ = Event.derive_id(message.id, EventType.BOUNCE, address)
    event = Event(id_, EventType.BOUNCE, address, "bounced.bounce.soft.retry", "{}")
    key = (id_, "app")
    await store.conclude(Conclusion(message.id, Kind.BOUNCE, "{}", (event,), (key,), frozenset([key]), (fact,)))


async def ask(store: Store, recipients: int) -> float:
    """Check addresses, half of them known, again and again; return the median of the milliseconds."""
    took = []
    for _ in range(20):
        addresses = [f"user{number}@example.com" for number in random.choices(range(recipients * 2), k=ASKED)]  # noqa: S311 - any will do
        begin = time.perf_counter()
        await store.recipients.check(list(dict.fromkeys(addresses)))
        took.append((time.perf_counter() - begin) * 1000)
    return statistics.median(took)
