"""How long it takes to remember bounces of many recipients, and to ask about 1,000 of them.

Run by hand; PostgreSQL only where a URL is given (its tables are left behind)::

    python tests/benchmarks/recipients.py --recipients 100000 --bounces 10 --postgresql postgresql://localhost/test
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta

from bounced.escalate import Fact, FactKind
from bounced.model import Envelope, Fault, Kind, Message
from bounced.store import Conclusion, Store

START = datetime(2026, 1, 1, tzinfo=UTC)
ASKED = 1000


async def conclude(store: Store, number: int, address: str) -> None:
    """Take one bounce from accepted to concluded."""
    moment = START + timedelta(seconds=number)
    message = Message.of(Envelope("", ("bounces@example.com",), moment), str(number).encode())
    await store.accept(message, lease=True)
    fact = Fact(address, message.id, moment, FactKind.SOFT, "mailbox_full", Fault.RECIPIENT, "522")
    await store.conclude(Conclusion(message.id, Kind.BOUNCE, "{}", facts=(fact,)))


async def fill(store: Store, recipients: int, bounces: int, concurrency: int) -> float:
    """Conclude all bounces, in rounds over the recipients; return the seconds."""
    numbers = iter(range(recipients * bounces))

    async def work() -> None:
        for number in numbers:
            await conclude(store, number, f"user{number % recipients}@example.com")

    begin = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(concurrency)))
    return time.perf_counter() - begin


async def ask(store: Store, recipients: int, times: int) -> list[float]:
    """Check addresses, half of them known, again and again; return the milliseconds of each."""
    took = []
    for _ in range(times):
        numbers = random.sample(range(recipients * 2), ASKED)
        addresses = [f"user{number}@example.com" for number in numbers]
        begin = time.perf_counter()
        await store.check_recipients(addresses)
        took.append((time.perf_counter() - begin) * 1000)
    return took


async def measure(name: str, url: str, options: argparse.Namespace) -> None:
    async with await Store.open(url, owner="benchmark") as store:
        seconds = await fill(store, options.recipients, options.bounces, options.concurrency)
        total = options.recipients * options.bounces
        print(f"{name:<12} {total:>9} bounces in {seconds:7.1f} s: {total / seconds:6.0f}/s accepted and concluded")
        took = await ask(store, options.recipients, 100)
        quantile = statistics.quantiles(took, n=20)[-1]
        print(f"{name:<12} check of {ASKED}: median {statistics.median(took):.1f} ms, 95 % within {quantile:.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipients", type=int, default=100_000)
    parser.add_argument("--bounces", type=int, default=10)
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--postgresql", help="URL of an empty database or schema")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(measure("SQLite", f"sqlite:///{directory}/bench.db", options))
    if options.postgresql:
        asyncio.run(measure("PostgreSQL", options.postgresql, options))


if __name__ == "__main__":
    main()
