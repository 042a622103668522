"""Produce events to a topic of Kafka."""

import asyncio
import hashlib
from collections.abc import Sequence
from contextlib import suppress

from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from bounced.deliver.broker import Broker, Scheme
from bounced.deliver.cloudevents import KAFKA, Mode
from bounced.deliver.link import Link
from bounced.errors import ConfigurationError
from bounced.model import Delivered, Event, Failed, SendResult

SCHEME = Scheme("kafka", "kafka+tls", 9092, 9093)
# What the brokers and the way to them can do; the library says of a producer that was stopped meanwhile a RuntimeError.
_TROUBLE = (KafkaError, OSError, RuntimeError)


class Kafka:
    """Produce to one topic; delivered means that all replicas in sync have the event (``acks=all``).

    The producer is idempotent: what it sends again by itself is not stored
    again. The key is a hash of the recipient, so that what concerns one
    recipient is in one partition.

    Args:
        name: What the operator calls the sink.
        broker: Where some of the cluster are, one or more hosts.
        topic: The topic; whether it is made is the brokers' setting.
        sasl_mechanism: How a user logs in: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
        mode: How events are put into messages.
        timeout_seconds: How long a send may take.
        batch_size: How many events are produced before their confirmations are waited for.

    Raises:
        ConfigurationError: The URL has a path, or a user without a password.
    """

    concurrency = 2

    def __init__(
        self,
        name: str,
        broker: Broker,
        *,
        topic: str = "bounced",
        sasl_mechanism: str = "SCRAM-SHA-512",
        mode: Mode = Mode.STRUCTURED,
        timeout_seconds: float = 20,
        batch_size: int = 100,
    ) -> None:
        self.name, self.batch_size = name, batch_size
        if broker.path or (broker.user and not broker.password):
            raise ConfigurationError(
                "there is a path, or a user without a password",
                where=f'sink "{name}", url',
                remedy="name the topic by the key topic, and the password in the URL or by password_file",
            )
        self._broker = broker
        self._topic, self._sasl_mechanism, self._mode = topic, sasl_mechanism, mode
        self._timeout_seconds = timeout_seconds
        self._link = Link(self._connect, self._disconnect)

    async def open(self) -> None:
        """Do nothing yet: the first send connects."""

    async def send(self, events: Sequence[Event]) -> Sequence[SendResult]:
        """Produce all events, then wait for the confirmation of each."""
        deadline = asyncio.get_running_loop().time() + self._timeout_seconds
        try:
            async with asyncio.timeout_at(deadline):
                producer = await self._link.get()
        except _TROUBLE as error:
            return [Failed(self._broker.explain(error))] * len(events)
        results = await asyncio.gather(*(self._produce(producer, event, deadline) for event in events))
        if any(isinstance(result, Failed) for result in results):
            # A gap in the numbers of an idempotent producer stops it for good; a new one begins anew.
            await self._link.drop(producer)
        return results

    async def close(self) -> None:
        """Stop the producer."""
        await self._link.close()

    async def _produce(self, producer: AIOKafkaProducer, event: Event, deadline: float) -> SendResult:
        packed = KAFKA.pack(event, self._mode)
        headers = {"content-type": packed.content_type, **packed.attributes}
        try:
            async with asyncio.timeout_at(deadline):
                await producer.send_and_wait(
                    self._topic,
                    packed.body,
                    key=_key_of(event),
                    headers=[(name, value.encode()) for name, value in headers.items()],
                )
        except _TROUBLE as error:
            return Failed(self._broker.explain(error))
        return Delivered()

    async def _connect(self) -> AIOKafkaProducer:
        broker = self._broker
        protocol = ("SASL_" if broker.user else "") + ("SSL" if broker.tls else "PLAINTEXT")
        producer = AIOKafkaProducer(
            bootstrap_servers=[f"{host}:{port}" for host, port in broker.hosts],
            client_id="bounced",
            acks="all",
            enable_idempotence=True,
            request_timeout_ms=int(self._timeout_seconds * 1000),
            security_protocol=protocol,
            ssl_context=broker.tls,
            sasl_mechanism=self._sasl_mechanism,
            sasl_plain_username=broker.user,
            sasl_plain_password=broker.password,
        )
        try:
            await producer.start()
        except BaseException:
            await self._disconnect(producer)
            raise
        return producer

    async def _disconnect(self, producer: AIOKafkaProducer) -> None:
        """End it at once; its own `stop` delivers first what it holds, however long the brokers are away."""
        producer._closed = True  # noqa: SLF001 - nothing public ends a producer that cannot deliver
        sending = producer._sender and producer._sender.sender_task  # noqa: SLF001 - the same
        if sending:
            sending.cancel()
        await self._close_client(producer.client)
        if sending:
            await asyncio.wait([sending])
            await self._close_client(producer.client)  # it may have been connecting

    @staticmethod
    async def _close_client(client: AIOKafkaClient) -> None:
        """Close the connections; what waits for news of the cluster waits for a task that ends here, too."""
        with suppress(*_TROUBLE):
            await client.close()
        client.force_metadata_update()
        news = client._md_update_fut  # noqa: SLF001 - `close` leaves it open, and what waits for it never ends
        if news and not news.done():
            news.set_result(False)


def _key_of(event: Event) -> bytes | None:
    """Return the key that an event's recipient always has; it does not tell the address."""
    if event.recipient is None:
        return None
    return hashlib.sha256(event.recipient.encode(errors="surrogatepass")).hexdigest()[:32].encode()
