"""Publish events to a topic exchange of RabbitMQ."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange
from aio_pika.exceptions import AMQPError, DeliveryError, PublishError

from bounced.deliver.broker import Broker, Scheme
from bounced.deliver.cloudevents import AMQP, Mode
from bounced.deliver.link import Link
from bounced.errors import ConfigurationError
from bounced.model import Delivered, Event, Failed, SendResult

SCHEME = Scheme("amqp", "amqps", 5672, 5671)
_HEARTBEAT_SECONDS = 10
# What the broker and the way to it can do; the library says of a channel that closed meanwhile a RuntimeError.
_TROUBLE = (AMQPError, OSError, RuntimeError)


@dataclass(frozen=True, slots=True)
class _Session:
    connection: AbstractConnection
    channel: AbstractChannel
    exchange: AbstractExchange

    @property
    def is_closed(self) -> bool:
        return bool(self.connection.is_closed or self.channel.is_closed)


class Rabbitmq:
    """Publish to one exchange; delivered means that the broker has confirmed the event.

    Messages are persistent and mandatory: an event that no queue is bound for
    is not delivered. To a durable queue the broker confirms what it has on disk.

    Args:
        name: What the operator calls the sink.
        broker: Where it is, with one host; the path is the virtual host.
        exchange: The durable topic exchange; it is made where it does not exist.
        mode: How events are put into messages.
        timeout_seconds: How long a send may take.
        batch_size: How many events are published before their confirmations are waited for.

    Raises:
        ConfigurationError: There is more than one host.
    """

    concurrency = 2

    def __init__(
        self,
        name: str,
        broker: Broker,
        *,
        exchange: str = "bounced",
        mode: Mode = Mode.STRUCTURED,
        timeout_seconds: float = 20,
        batch_size: int = 100,
    ) -> None:
        self.name, self.batch_size = name, batch_size
        self._broker = broker
        if len(broker.hosts) > 1:
            raise ConfigurationError("more than one host", where=f'sink "{name}", url', remedy="name one")
        self._exchange, self._mode, self._timeout_seconds = exchange, mode, timeout_seconds
        self._link = Link(self._connect, self._disconnect)

    async def open(self) -> None:
        """Do nothing yet: the first send connects."""

    async def send(self, events: Sequence[Event]) -> Sequence[SendResult]:
        """Publish all events, then wait for the confirmation of each."""
        deadline = asyncio.get_running_loop().time() + self._timeout_seconds
        try:
            async with asyncio.timeout_at(deadline):
                session = await self._connected()
        except _TROUBLE as error:
            return [Failed(self._broker.explain(error))] * len(events)
        results = await asyncio.gather(*(self._publish(session, event, deadline) for event in events))
        if session.is_closed or asyncio.get_running_loop().time() >= deadline:
            await self._link.drop(session)
        return results

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()

    async def _publish(self, session: _Session, event: Event, deadline: float) -> SendResult:
        packed = AMQP.pack(event, self._mode)
        message = aio_pika.Message(
            packed.body,
            headers={**packed.attributes},
            content_type=packed.content_type,
            message_id=event.id,
            type=event.type,
            app_id="bounced",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        try:
            async with asyncio.timeout_at(deadline):
                await session.exchange.publish(message, event.routing_key, mandatory=True)
        except PublishError:
            return Failed(f'no queue is bound to the exchange "{self._exchange}" for {event.routing_key}')
        except DeliveryError:
            return Failed("the broker did not take the message, for example because a queue is full")
        except _TROUBLE as error:
            return Failed(self._broker.explain(error))
        return Delivered()

    async def _connected(self) -> _Session:
        session = await self._link.get()
        if session.is_closed:
            await self._link.drop(session)
        return await self._link.get()

    async def _connect(self) -> _Session:
        broker = self._broker
        [(host, port)] = broker.hosts
        # A broker knows this user where nobody has made another.
        user, password = (broker.user, broker.password or "") if broker.user else ("guest", "guest")
        connection = await aio_pika.connect(
            host=host,
            port=port,
            login=user,
            password=password,
            virtualhost=broker.path or "/",
            ssl=broker.tls is not None,
            ssl_context=broker.tls,
            client_properties={"connection_name": f"bounced {self.name}"},
            heartbeat=_HEARTBEAT_SECONDS,
        )
        try:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            kind = aio_pika.ExchangeType.TOPIC
            exchange = await channel.declare_exchange(self._exchange, kind, durable=True)
        except BaseException:
            await connection.close()
            raise
        return _Session(connection, channel, exchange)

    async def _disconnect(self, session: _Session) -> None:
        with suppress(*_TROUBLE):
            await session.connection.close()
