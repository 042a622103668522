"""Publish events to a stream of NATS JetStream.

Each message has the event's id as ``Nats-Msg-Id``: what we send again within
the stream's window for duplicates is not stored again.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from nats.aio.client import Client
from nats.errors import Error
from nats.js.api import Header, StreamConfig
from nats.js.errors import NotFoundError

from bounced.deliver.broker import Broker, Scheme
from bounced.deliver.cloudevents import NATS, Mode
from bounced.deliver.link import Link
from bounced.errors import ConfigurationError
from bounced.model import Delivered, Event, Failed, SendResult

SCHEME = Scheme("nats", "tls", 4222, 4222)
# What the broker and the way to it can do; ValueError is an answer that is no JSON.
_TROUBLE = (Error, OSError, ValueError)
# The library quotes what a broker says as it refuses us, and has no class for that.
_IN_ITS_WORDS = "nats: '"


class Nats:
    """Publish to one stream; delivered means that the stream has stored the event.

    The subject of an event is `prefix` and its routing key without the leading
    ``bounced.``, such as ``bounced.bounce.hard.suppress``.

    Args:
        name: What the operator calls the sink.
        broker: Where it is, with one or more hosts.
        stream: The stream; where it does not exist, it is made for all subjects below `prefix`.
        prefix: What subjects begin with.
        duplicate_window_seconds: How long a stream that we make knows the ids of its events.
        mode: How events are put into messages.
        timeout_seconds: How long a send may take.
        batch_size: How many events are published before their confirmations are waited for.

    Raises:
        ConfigurationError: The URL has a path.
    """

    concurrency = 2

    def __init__(
        self,
        name: str,
        broker: Broker,
        *,
        stream: str = "bounced",
        prefix: str = "bounced",
        duplicate_window_seconds: float = 3600,
        mode: Mode = Mode.STRUCTURED,
        timeout_seconds: float = 20,
        batch_size: int = 100,
    ) -> None:
        if broker.path:
            raise ConfigurationError(
                "there is a path, which NATS does not have",
                where=f'sink "{name}", url',
                remedy="name the stream by the key stream",
            )
        if broker.user and not broker.password:  # nats://token@host
            broker = replace(broker, user=None, password=broker.user)
        self.name, self.batch_size = name, batch_size
        self._broker = broker
        self._stream, self._prefix, self._mode = stream, prefix, mode
        self._duplicate_window_seconds = duplicate_window_seconds
        self._timeout_seconds = timeout_seconds
        self._link = Link(self._connect, self._disconnect)
        self._changed = asyncio.Event()
        self._last_error: str | None = None

    async def open(self) -> None:
        """Do nothing yet: the first send connects."""

    async def send(self, events: Sequence[Event]) -> Sequence[SendResult]:
        """Publish all events, then wait for the confirmation of each."""
        deadline = asyncio.get_running_loop().time() + self._timeout_seconds
        try:
            async with asyncio.timeout_at(deadline):
                client = await self._connected()
        except _TROUBLE as error:
            # The library goes on trying until our time is over, and tells the reasons aside.
            return [Failed(self._last_error or self._broker.explain(error))] * len(events)
        self._last_error = None
        return await asyncio.gather(*(self._publish(client, event, deadline) for event in events))

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()

    async def _publish(self, client: Client, event: Event, deadline: float) -> SendResult:
        packed = NATS.pack(event, self._mode)
        headers = {Header.MSG_ID: event.id, "content-type": packed.content_type, **packed.attributes}
        subject = f"{self._prefix}.{event.routing_key.removeprefix('bounced.')}"
        try:
            async with asyncio.timeout_at(deadline):
                await client.jetstream().publish(
                    subject, packed.body, timeout=self._timeout_seconds, stream=self._stream, headers=headers
                )
        except _TROUBLE as error:
            return Failed(self._broker.explain(error))
        return Delivered()

    async def _connected(self) -> Client:
        """Return the client once it has its connection; the library reconnects by itself."""
        client = await self._link.get()
        while not client.is_connected:
            if client.is_closed:
                await self._link.drop(client)
                return await self._link.get()
            self._changed.clear()
            await self._changed.wait()
        return client

    async def _connect(self) -> Client:
        client, broker = Client(), self._broker
        self._last_error = None
        try:
            await client.connect(
                [f"{SCHEME.plain}://{_bracket(host)}:{port}" for host, port in broker.hosts],
                name="bounced",
                user=broker.user,
                password=broker.password if broker.user else None,
                token=None if broker.user else broker.password,
                tls=broker.tls,
                max_reconnect_attempts=-1,
                reconnect_time_wait=1,
                ping_interval=10,
                error_cb=self._note,
                disconnected_cb=self._wake,
                reconnected_cb=self._wake,
                closed_cb=self._wake,
            )
            await self._make_stream(client)
        except BaseException:
            await self._disconnect(client)
            raise
        return client

    async def _make_stream(self, client: Client) -> None:
        """Make the stream where there is none; one that exists is the operator's, and stays as it is."""
        jetstream = client.jetstream(timeout=self._timeout_seconds)
        try:
            await jetstream.stream_info(self._stream)
        except NotFoundError:
            await jetstream.add_stream(
                StreamConfig(
                    name=self._stream,
                    subjects=[f"{self._prefix}.>"],
                    duplicate_window=self._duplicate_window_seconds,
                )
            )

    async def _disconnect(self, client: Client) -> None:
        with suppress(*_TROUBLE):
            await client.close()

    async def _wake(self) -> None:
        self._changed.set()

    async def _note(self, error: Exception) -> None:
        # A broker that refuses us says why and hangs up: of the next attempt we may see no more than the end.
        if self._last_error is None or str(error).startswith(_IN_ITS_WORDS):
            self._last_error = self._broker.explain(error)


def _bracket(host: str) -> str:
    return f"[{host}]" if ":" in host else host
