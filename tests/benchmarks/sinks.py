"""Events per second from the acceptance of mail to the confirmation of the sink, for each sink and each store.

The servers are those that the tests use. Each message is a report of a recipient of its own, accepted, understood,
concluded and sent within one process; the clock stops when the sink has
confirmed the last event. The sinks take turns within each run, and the ratios
are of the medians. The webhook's other side is a process that answers 204.
"""

import asyncio
import logging
import random
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from pathlib import Path

import psycopg
import uvloop

from bounced.classify import Profile
from bounced.deliver import kafka, nats, rabbitmq, redis
from bounced.deliver.broker import Broker
from bounced.deliver.jsonl import JsonlFile
from bounced.deliver.sink import Sink
from bounced.deliver.webhook import Webhook
from bounced.flow.incoming import Incoming
from bounced.flow.outgoing import Feed, Outgoing, Subscription
from bounced.flow.reader import Reader
from bounced.flow.reading import Recipe
from bounced.identify import VerpSettings
from bounced.model import Delivered, Envelope, Event, Message, SendResult
from bounced.store import Store
from tests.benchmarks.scale import Scale
from tests.benchmarks.servers import endpoint
from tests.benchmarks.tables import Figures, Table, take_turns
from tests.brokers.kafka import KafkaCluster
from tests.brokers.places import KafkaPlace, NatsPlace, RabbitmqPlace, RedisPlace
from tests.conftest import POSTGRES

SINKS = ["jsonl", "webhook", "nats", "rabbitmq", "redis", "kafka"]
STORES = ["SQLite", "PostgreSQL"]
SAMPLE = files("bounced.samples").joinpath("2-mailbox-full.eml").read_bytes()
RECIPE = Recipe({}, Profile.RULES, (), VerpSettings())
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
MESSAGES = 1500
AT_ONCE = 50
DEADLINE_SECONDS = 300


def measure(scale: Scale) -> Iterator[Table]:
    """Yield events per second of each sink, beside those of the file."""
    logging.disable(logging.ERROR)
    ways = {f"{store} {sink}": partial(run, store, sink, scale(MESSAGES)) for store in STORES for sink in SINKS}
    medians = {name: rate for name, (rate,) in take_turns(ways, scale.runs).items()}
    for store in STORES:
        rates = {sink: medians[f"{store} {sink}"] for sink in SINKS}
        rows = [(f"`{sink}`", rate, rate / rates["jsonl"]) for sink, rate in rates.items()]
        yield Table(f"From acceptance to the sink's confirmation, {store}", ("sink", "events/s", "x `jsonl`"), rows)


def run(store: str, sink: str, count: int) -> Figures:
    return uvloop.run(tell(store, sink, count))


class Counted:
    """A sink that says when it has confirmed so many events."""

    def __init__(self, sink: Sink, awaited: int) -> None:
        self._sink, self._awaited = sink, awaited
        self.name, self.batch_size, self.concurrency = sink.name, sink.batch_size, sink.concurrency
        self.open, self.close = sink.open, sink.close
        self.is_done = asyncio.Event()

    async def send(self, events: Sequence[Event]) -> Sequence[SendResult]:
        results = await self._sink.send(events)
        self._awaited -= sum(isinstance(result, Delivered) for result in results)
        if self._awaited <= 0:
            self.is_done.set()
        return results


def make_messages(count: int) -> list[Message]:
    now = datetime.now(UTC)
    return [
        Message.of(
            Envelope("", (f"bounces+{number}@example.com",), now),
            SAMPLE.replace(b"ben@example.net", f"ben{number}@example.net".encode()),
        )
        for number in range(count)
    ]


async def make_sink(kind: str, folder: Path, stack: AsyncExitStack) -> Sink:
    match kind:
        case "jsonl":
            return JsonlFile("app", folder / "events.jsonl")
        case "webhook":
            application = stack.enter_context(endpoint())
            return Webhook("app", application.url, secrets=[SECRET], allow_private_addresses=True)
        case "kafka":
            cluster = KafkaCluster()
            stack.callback(cluster.close)
            place = KafkaPlace(f"kafka://{cluster.address}")
            return kafka.Kafka("app", Broker.parse(place.url, kafka.SCHEME, sink="app"), topic=place.name)
        case "nats":
            stream = NatsPlace()
            await stream.open()
            stack.push_async_callback(stream.close)
            broker = Broker.parse(stream.url, nats.SCHEME, sink="app")
            return nats.Nats("app", broker, stream=stream.name, prefix=stream.name)
        case "rabbitmq":
            queue = RabbitmqPlace()
            await queue.open()
            stack.push_async_callback(queue.close)
            return rabbitmq.Rabbitmq("app", Broker.parse(queue.url, rabbitmq.SCHEME, sink="app"), exchange=queue.name)
        case _:
            entries = RedisPlace()
            await entries.open()
            stack.push_async_callback(entries.close)
            return redis.Redis("app", Broker.parse(entries.url, redis.SCHEME, sink="app"), stream=entries.name)


@asynccontextmanager
async def fresh_url(store: str, folder: Path) -> AsyncIterator[str]:
    if store == "SQLite":
        yield f"sqlite:///{folder}/bench.db"
        return
    schema = f"bounced_{uuid.uuid4().hex}"
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        try:
            yield f"{POSTGRES}{'&' if '?' in POSTGRES else '?'}options=-csearch_path%3D{schema}"
        finally:
            connection.execute(f"DROP SCHEMA {schema} CASCADE")


async def tell(store_kind: str, sink_kind: str, count: int) -> Figures:
    """Return events per second."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = await stack.enter_async_context(fresh_url(store_kind, folder))
        store = await stack.enter_async_context(await Store.open(url, owner="bench", exclusive=True))
        sink = Counted(await make_sink(sink_kind, folder, stack), count)
        feed = Feed(store, Subscription(sink, None, [1]), chance=random.random)
        outgoing = Outgoing([feed])
        reader = stack.enter_context(Reader(RECIPE, source="/bounced/bench"))
        list(reader.read(list(make_messages(1))))  # it has started
        incoming = Incoming(store, outgoing, read=reader.read, source="/bounced/bench")
        messages = iter(make_messages(count))

        async def bring() -> None:
            for message in messages:
                await incoming.accept(message)

        async with asyncio.TaskGroup() as tasks, asyncio.timeout(DEADLINE_SECONDS):
            loops = [tasks.create_task(outgoing.run()), tasks.create_task(incoming.run())]
            begin = time.perf_counter()
            bringing = [tasks.create_task(bring()) for _ in range(AT_ONCE)]
            await sink.is_done.wait()
            taken_seconds = time.perf_counter() - begin
            await asyncio.gather(*bringing)
            await incoming.until_idle()
            await outgoing.until_idle()
            for loop in loops:
                loop.cancel()
    return (count / taken_seconds,)
