"""Brokers that are stopped and started again in the middle of a run."""

import asyncio
import os
from collections import Counter
from contextlib import AsyncExitStack
from signal import SIGHUP

import pytest

from tests.brokers.kafka import KafkaCluster
from tests.brokers.places import KafkaPlace, NatsPlace, RabbitmqPlace, RedisPlace
from tests.brokers.private import nats_server, rabbitmq_server, redis_server
from tests.daemon.mail import dsn, send

# How long a broker is away at least; it is always away until deliveries have failed.
OUTAGE_SECONDS = 20 if os.environ.get("BOUNCED_LONG") == "1" else 0
DEADLINE_SECONDS = 60
BEFORE, MEANWHILE, AFTER = 40, 60, 20


class Cluster:
    """The Kafka cluster, told to start and stop like the servers."""

    def __init__(self):
        self._cluster = KafkaCluster()
        self.address, self.close = self._cluster.address, self._cluster.close

    async def start(self):
        self._cluster.come_up()

    async def stop(self):
        self._cluster.go_down()


@pytest.fixture(params=["nats", "redis", "rabbitmq", "kafka"])
async def broker(request, tmp_path):
    """A server of our own with a place on it."""
    async with AsyncExitStack() as stack:
        match request.param:
            case "nats":
                server = nats_server(tmp_path)
                place = NatsPlace(f"nats://127.0.0.1:{server.port}")
            case "redis":
                server = redis_server(tmp_path)
                place = RedisPlace(f"redis://127.0.0.1:{server.port}/0")
            case "rabbitmq":
                server = rabbitmq_server(tmp_path)
                place = RabbitmqPlace(f"amqp://guest:guest@127.0.0.1:{server.port}/")
            case "kafka":
                server = Cluster()
                stack.callback(server.close)
                place = KafkaPlace(f"kafka://{server.address}")
        stack.push_async_callback(server.stop)
        await server.start()
        yield server, place


async def recipients_of(place):
    """Return how often each recipient's event arrived."""
    return Counter(taken.recipient for taken in await place.taken())


async def until_arrived(place, count):
    async with asyncio.timeout(DEADLINE_SECONDS):
        while len(arrived := await recipients_of(place)) < count:  # noqa: ASYNC110 - a broker tells nobody
            await asyncio.sleep(0.1)
    return arrived


async def test_a_broker_that_is_stopped_for_a_while_misses_nothing(broker, make_site, request):
    server, place = broker
    await place.open()
    site = make_site({"name": "queue", "timeout_seconds": 2, "retry_seconds": [0.5] * 500, **place.section})
    daemon = await site.start()
    sent = []

    async def bring(count):
        recipients = [f"user{len(sent) + number}@example.com" for number in range(count)]
        sent.extend(recipients)
        await send(daemon.port, *map(dsn, recipients))

    await bring(BEFORE)
    await until_arrived(place, BEFORE // 2)
    await place.leave()
    await server.stop()
    for _ in range(1 + OUTAGE_SECONDS):
        await asyncio.gather(bring(MEANWHILE), asyncio.sleep(min(OUTAGE_SECONDS, 1)))
    await daemon.until_logged("delivery_failed", count=MEANWHILE)
    await server.start()
    await place.open()
    await bring(AFTER)
    arrived = await until_arrived(place, len(sent))
    request.node.user_properties.append(("events and repeats", (len(sent), arrived.total() - len(arrived))))
    assert set(arrived) == set(sent)
    assert not daemon.logged("delivery_dead")
    if isinstance(place, NatsPlace):
        assert arrived.total() == len(arrived)
    await place.close()


async def test_a_password_in_a_file_is_read_again_at_hup(make_site, tmp_path):
    server = redis_server(tmp_path, "--requirepass", "s3cret")
    await server.start()
    place = RedisPlace(f"redis://:s3cret@127.0.0.1:{server.port}/0")
    await place.open()
    password = tmp_path / "password"
    password.write_text("old\n")
    reading = {"url": f"redis://127.0.0.1:{server.port}/0", "password_file": str(password)}
    try:
        site = make_site({"name": "queue", "retry_seconds": [0.2] * 100, **place.section, **reading})
        daemon = await site.start()
        await send(daemon.port, dsn("ann@example.com"))
        await daemon.until_logged("delivery_failed")
        password.write_text("s3cret\n")
        daemon.signal(SIGHUP)
        assert set(await until_arrived(place, 1)) == {"ann@example.com"}
    finally:
        await place.close()
        await server.stop()
