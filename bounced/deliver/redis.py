"""Append events to a stream of Redis."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError

from bounced.deliver.broker import Broker, Scheme
from bounced.deliver.cloudevents import REDIS, Mode
from bounced.errors import ConfigurationError
from bounced.model import Delivered, Event, Failed, SendResult

if TYPE_CHECKING:
    from redis.typing import EncodableT, FieldT

SCHEME = Scheme("redis", "rediss", 6379, 6379)
_ATTEMPTS_AGAIN, _FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 2, 0.05, 1.0
# What the server and the way to it can do; ValueError is a line without an end.
_TROUBLE = (RedisError, OSError, ValueError)


class Redis:
    """Append to one stream; delivered means that the server has added the event.

    CloudEvents has no binding for Redis. An entry has the fields ``id``,
    ``routing_key``, ``content-type`` and ``data``; in structured mode ``data``
    is the whole document. In binary mode ``data`` is that of the event, and the
    attributes are fields as in Kafka's binding: ``ce_id``, ``ce_type`` and so on.

    How long what Redis has added survives the server is its own setting
    (``appendonly yes``, ``appendfsync always``).

    Args:
        name: What the operator calls the sink.
        broker: Where it is, with one host; the path is the number of the database.
        stream: The key of the stream.
        max_length: About how many entries are kept; older ones go, read or not.
        mode: How events are put into entries.
        timeout_seconds: How long a send may take.
        batch_size: How many events go into one pipeline.

    Raises:
        ConfigurationError: There is more than one host, or the path is no number.
    """

    concurrency = 2

    def __init__(
        self,
        name: str,
        broker: Broker,
        *,
        stream: str = "bounced",
        max_length: int = 1_000_000,
        mode: Mode = Mode.STRUCTURED,
        timeout_seconds: float = 20,
        batch_size: int = 100,
    ) -> None:
        self.name, self.batch_size = name, batch_size
        self._broker = broker
        if len(broker.hosts) > 1 or not (broker.path or "0").isdecimal():
            raise ConfigurationError(
                "not one host and the number of a database",
                where=f'sink "{name}", url',
                remedy='write "redis://host:6379/0"',
            )
        self._stream, self._max_length, self._mode = stream, max_length, mode
        self._timeout_seconds = timeout_seconds
        self._client: redis.asyncio.Redis | None = None

    async def open(self) -> None:
        """Make the pool; the first send connects."""
        [(host, port)] = self._broker.hosts
        self._client = redis.asyncio.Redis(
            host=host,
            port=port,
            db=int(self._broker.path or 0),
            username=self._broker.user,
            password=self._broker.password,
            socket_timeout=self._timeout_seconds,
            socket_connect_timeout=self._timeout_seconds,
            retry=Retry(ExponentialBackoff(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS), _ATTEMPTS_AGAIN),
            **self._tls_options(),
        )

    async def send(self, events: Sequence[Event]) -> Sequence[SendResult]:
        """Add all events in one pipeline."""
        if self._client is None:
            raise RuntimeError(f'the sink "{self.name}" is not open')
        try:
            async with asyncio.timeout(self._timeout_seconds), self._client.pipeline(transaction=False) as pipeline:
                for event in events:
                    pipeline.xadd(self._stream, self._compose(event), maxlen=self._max_length, approximate=True)
                answers = await pipeline.execute(raise_on_error=False)
        except _TROUBLE as error:
            return [Failed(self._broker.explain(error))] * len(events)
        return [self._judge(answer) for answer in answers]

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()

    def _compose(self, event: Event) -> "dict[FieldT, EncodableT]":
        packed = REDIS.pack(event, self._mode)
        fields: dict[FieldT, EncodableT] = {"id": event.id, "routing_key": event.routing_key}
        fields.update(packed.attributes.items())
        fields |= {"content-type": packed.content_type, "data": packed.body}
        return fields

    def _judge(self, answer: object) -> SendResult:
        return Failed(self._broker.explain(answer)) if isinstance(answer, Exception) else Delivered()

    def _tls_options(self) -> dict[str, Any]:
        """Return what redis-py wants to know; it reads the files itself."""
        if self._broker.tls is None:
            return {}
        files = self._broker.tls_files
        paths = {"ssl_ca_certs": files.ca_file, "ssl_certfile": files.certificate, "ssl_keyfile": files.key}
        return {"ssl": True, **{option: str(path) for option, path in paths.items() if path}}
