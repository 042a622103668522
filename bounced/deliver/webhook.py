"""Post events to an HTTP endpoint as CloudEvents, signed as Standard Webhooks.

Knows what is sent and how it is signed; `posting` makes the requests.
"""

import asyncio
import hashlib
import time
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bounced.deliver.signature import read_secrets, sign
from bounced.errors import ConfigurationError
from bounced.model import Event, SendResult

if TYPE_CHECKING:
    from bounced.deliver.posting import Poster


class Webhook:
    """Post to one URL over a pool of connections.

    With a ``batch_size`` of 1 each request is one event, otherwise a JSON array
    of one or more (CloudEvents HTTP binding sections 3.2 and 3.3); the endpoint
    sees one form only. A batch is answered as a whole, but one that is too
    large for the endpoint (413) is sent again event by event.

    Args:
        name: What the operator calls the sink.
        url: Where to post; a user and password in it become basic authentication.
        secrets: What to sign with, ``whsec_…``; the first signs first, none signs nothing.
        timeout_seconds: How long a request may take, from connecting to the end of the answer.
        allow_private_addresses: Whether the host may be one of our own network.
        batch_size: How many events go into one request.
        concurrency: How many requests run, and how many connections are open, at the same time.

    Raises:
        ConfigurationError: The URL or a secret is malformed.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        secrets: Sequence[str] = (),
        timeout_seconds: float = 20,
        allow_private_addresses: bool = False,
        batch_size: int = 1,
        concurrency: int = 8,
    ) -> None:
        self.name = name
        self.batch_size = batch_size
        self.concurrency = concurrency
        self._url = _read_url(url, sink=name)
        self._keys = read_secrets(secrets, sink=name)
        self._timeout_seconds = timeout_seconds
        self._allow_private_addresses = allow_private_addresses
        self._poster: Poster | None = None

    async def open(self) -> None:
        """Make the pool; the first request connects."""
        poster = await asyncio.to_thread(_load)
        self._poster = poster(
            self._url,
            timeout_seconds=self._timeout_seconds,
            allow_private_addresses=self._allow_private_addresses,
            connections=self.concurrency,
        )

    async def send(self, events: Sequence[Event]) -> Sequence[SendResult]:
        """Post the events; delivered means that the endpoint answered 2xx."""
        status, result = await self._post(events)
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and len(events) > 1:
            return await self._send_singly(events)
        return [result] * len(events)

    async def close(self) -> None:
        """Close all connections."""
        if self._poster is not None:
            await self._poster.close()

    async def _send_singly(self, events: Sequence[Event]) -> Sequence[SendResult]:
        """Post each event alone, all at once; the pool keeps them within `concurrency`."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._post([event])) for event in events]
        return [result for _, result in (task.result() for task in tasks)]

    async def _post(self, events: Sequence[Event]) -> tuple[int | None, SendResult]:
        """Make one request; return its status, None where no answer came, and what it means."""
        if self._poster is None:
            raise RuntimeError(f'the sink "{self.name}" is not open')
        body, headers = self._compose(events, timestamp=int(time.time()))
        return await self._poster.post(body, headers)

    def _compose(self, events: Sequence[Event], *, timestamp: int) -> tuple[bytes, dict[str, str]]:
        """Return the body for `events` and the headers that describe and sign it."""
        if self.batch_size == 1:
            [event] = events
            webhook_id, text, form = event.id, event.document, "cloudevents"
        else:
            webhook_id = _name_batch(events)
            text = f"[{','.join(event.document for event in events)}]"
            form = "cloudevents-batch"
        body = text.encode()
        headers = {
            "Content-Type": f"application/{form}+json; charset=utf-8",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(timestamp),
        }
        if self._keys:
            headers["webhook-signature"] = sign(self._keys, webhook_id=webhook_id, timestamp=timestamp, body=body)
        return body, headers


def _read_url(url: str, *, sink: str) -> str:
    """Check the URL of `sink`; it may hold credentials, so no error repeats it."""
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0:
            return url
    raise ConfigurationError(
        "not an http or https URL with a host", where=f'sink "{sink}", url', remedy='write "https://host/path"'
    )


def _name_batch(events: Sequence[Event]) -> str:
    """Derive the id of a batch from its events, so that a repeat has the same id."""
    return "batch_" + hashlib.sha256("\n".join(event.id for event in events).encode()).hexdigest()[:32]


def _load() -> "type[Poster]":
    """Import the HTTP client; it takes so long that mail is taken meanwhile."""
    from bounced.deliver.posting import Poster  # noqa: PLC0415

    return Poster
