import json
import os
from contextlib import AsyncExitStack, suppress
from typing import Protocol
from urllib.parse import urlsplit

import pytest

from bounced.deliver import kafka, nats, rabbitmq, redis
from bounced.deliver.broker import Broker
from bounced.model import Event, EventType
from tests.brokers.kafka import KafkaCluster
from tests.brokers.places import KafkaPlace, NatsPlace, RabbitmqPlace, RedisPlace
from tests.brokers.private import nats_server, redis_server
from tests.brokers.relay import Relay
from tests.deliver.receiver import listening


@pytest.fixture
def make_events():
    """Make events whose documents are not ASCII, as diagnostics sometimes are."""

    def make(count):
        return [
            Event(
                id=f"evt_{number}",
                type=EventType.BOUNCE,
                recipient="ann@example.com",
                routing_key="bounced.bounce.hard.suppress",
                document=json.dumps({"id": f"evt_{number}", "data": "Postfach gelöscht"}, ensure_ascii=False),
            )
            for number in range(count)
        ]

    return make


@pytest.fixture
async def receiver():
    async with listening() as receiver:
        yield receiver


@pytest.fixture
def pipe():
    """Return the reading and the writing end; the test may close the reading end itself."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield reading, writing
    os.close(writing)
    with suppress(OSError):
        os.close(reading)


class Line(Protocol):
    """What is between us and a broker."""

    async def cut(self) -> None: ...

    async def restore(self) -> None: ...


class KafkaLine:
    """A Kafka client is told by the cluster where it is, so no relay can stand between: the cluster goes down."""

    def __init__(self, cluster):
        self._cluster = cluster

    async def cut(self):
        self._cluster.go_down()

    async def restore(self):
        self._cluster.come_up()

    def answer_after(self, seconds):
        self._cluster.answer_after(seconds)


@pytest.fixture
async def make_queue():
    """Return a function that makes a sink to a place of its own on a broker, and the line between them."""
    async with AsyncExitStack() as stack:

        async def make(kind, line_tls=None, **options):
            if kind == "kafka":
                cluster = KafkaCluster()
                stack.callback(cluster.close)
                place, line, url = KafkaPlace(f"kafka://{cluster.address}"), KafkaLine(cluster), None
            else:
                place = {"nats": NatsPlace, "rabbitmq": RabbitmqPlace, "redis": RedisPlace}[kind]()
                try:
                    await place.open()
                except OSError as error:
                    pytest.skip(f"no {kind} at {place.url}: {error}")
                stack.push_async_callback(place.close)
                parts = urlsplit(place.url)
                line = Relay(parts.hostname, parts.port, tls=line_tls)
                await line.restore()
                stack.push_async_callback(line.cut)
                login = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
                url = parts._replace(netloc=f"{login}127.0.0.1:{line.port}").geturl()
            return make_sink(place, url or place.url, **options), place, line

        yield make


def make_sink(place, url, **options):
    match place:
        case NatsPlace():
            broker = Broker.parse(url, nats.SCHEME, sink="app")
            return nats.Nats("app", broker, stream=place.name, prefix=place.name, **options)
        case RabbitmqPlace():
            return rabbitmq.Rabbitmq(
                "app", Broker.parse(url, rabbitmq.SCHEME, sink="app"), exchange=place.name, **options
            )
        case RedisPlace():
            return redis.Redis("app", Broker.parse(url, redis.SCHEME, sink="app"), stream=place.name, **options)
        case KafkaPlace():
            return kafka.Kafka("app", Broker.parse(url, kafka.SCHEME, sink="app"), topic=place.name, **options)


@pytest.fixture
async def private_server(tmp_path):
    """Return a function that starts a server of our own, with options of its command line."""
    async with AsyncExitStack() as stack:

        async def start(kind, *options, **features):
            server = {"nats": nats_server, "redis": redis_server}[kind](tmp_path, *options, **features)
            stack.push_async_callback(server.stop)
            await server.start()
            return server

        yield start
