"""Places of our own on a broker, one class for each kind, seen as a consumer sees them."""

import json
import os
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aio_pika
import nats
import redis.asyncio
from aiokafka import AIOKafkaConsumer
from nats.js.errors import NotFoundError

NATS = os.environ.get("BOUNCED_TEST_NATS", "nats://127.0.0.1:4222")
REDIS = os.environ.get("BOUNCED_TEST_REDIS", "redis://127.0.0.1:6379/0")
RABBITMQ = os.environ.get("BOUNCED_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672/")


def fresh_name() -> str:
    return f"bounced-test-{uuid.uuid4().hex[:12]}"


@dataclass(frozen=True)
class Taken:
    """A message as a consumer gets it."""

    body: str
    headers: dict[str, str]
    subject: str

    @property
    def recipient(self) -> str:
        return json.loads(self.body)["data"]["recipient"]


@dataclass
class NatsPlace:
    url: str = NATS
    name: str = field(default_factory=fresh_name)

    async def open(self) -> None:
        self._client = await nats.connect(self.url, connect_timeout=3, allow_reconnect=False)
        self.jetstream = self._client.jetstream()

    @property
    def section(self) -> dict[str, object]:
        return {"type": "nats", "url": self.url, "stream": self.name, "prefix": self.name}

    async def taken(self) -> Sequence[Taken]:
        try:
            count = (await self.jetstream.stream_info(self.name)).state.messages
        except NotFoundError:
            return []
        messages = [await self.jetstream.get_msg(self.name, number) for number in range(1, count + 1)]
        return [Taken(message.data.decode(), dict(message.headers or {}), message.subject) for message in messages]

    async def close(self) -> None:
        with suppress(NotFoundError):
            await self.jetstream.delete_stream(self.name)
        await self.leave()

    async def leave(self) -> None:
        await self._client.close()


@dataclass
class RabbitmqPlace:
    url: str = RABBITMQ
    name: str = field(default_factory=fresh_name)
    _taken: list[Taken] = field(default_factory=list)

    async def open(self) -> None:
        self._connection = await aio_pika.connect(self.url, timeout=5)
        self.channel = await self._connection.channel()
        await self.channel.declare_exchange(self.name, aio_pika.ExchangeType.TOPIC, durable=True)
        self.queue = await self.channel.declare_queue(self.name, durable=True)
        await self.queue.bind(self.name, "bounced.#")

    @property
    def section(self) -> dict[str, object]:
        return {"type": "rabbitmq", "url": self.url, "exchange": self.name}

    async def taken(self) -> Sequence[Taken]:
        while message := await self.queue.get(no_ack=True, fail=False):
            headers = {**message.headers, "content-type": message.content_type, "message-id": message.message_id}
            self._taken.append(Taken(message.body.decode(), headers, message.routing_key))
        return self._taken

    async def close(self) -> None:
        await self.queue.delete(if_unused=False, if_empty=False)
        await self.channel.exchange_delete(self.name)
        await self.leave()

    async def leave(self) -> None:
        await self._connection.close()


@dataclass
class RedisPlace:
    url: str = REDIS
    name: str = field(default_factory=fresh_name)

    async def open(self) -> None:
        self.client = redis.asyncio.from_url(self.url, decode_responses=True, socket_connect_timeout=3)
        await self.client.ping()

    @property
    def section(self) -> dict[str, object]:
        return {"type": "redis", "url": self.url, "stream": self.name}

    async def taken(self) -> Sequence[Taken]:
        entries = [fields for _, fields in await self.client.xrange(self.name)]
        return [Taken(fields.pop("data"), fields, fields["routing_key"]) for fields in entries]

    async def close(self) -> None:
        await self.client.delete(self.name)
        await self.leave()

    async def leave(self) -> None:
        await self.client.aclose()


@dataclass
class KafkaPlace:
    url: str
    name: str = field(default_factory=fresh_name)

    async def open(self) -> None:
        """Do nothing: the topic is made by its first use."""

    @property
    def section(self) -> dict[str, object]:
        return {"type": "kafka", "url": self.url, "topic": self.name}

    async def taken(self) -> Sequence[Taken]:
        server = urlsplit(self.url).netloc
        consumer = AIOKafkaConsumer(self.name, bootstrap_servers=server, auto_offset_reset="earliest")
        await consumer.start()
        try:
            partitions = consumer.assignment()
            missing = sum((await consumer.end_offsets(partitions)).values())
            records = [await consumer.getone() for _ in range(missing)]
        finally:
            await consumer.stop()
        return [
            Taken(record.value.decode(), {name: value.decode() for name, value in record.headers}, record.key.decode())
            for record in records
        ]

    async def close(self) -> None:
        """Do nothing: the cluster forgets it."""

    async def leave(self) -> None:
        """Do nothing: there is no connection."""
