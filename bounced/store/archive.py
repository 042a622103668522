"""What people and programs look up in the store; nothing here writes."""

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from typing import Protocol, TypeVar, TypeVarTuple

from sqlalchemy import Connection

from bounced.store import looking, reading
from bounced.store.pseudonym import Names
from bounced.store.records import (
    DeliveryState,
    EventFilters,
    Position,
    SinkState,
    StoredDelivery,
    StoredEvent,
    StoredMessage,
    Tally,
)
from bounced.tallies import Dimension, mention_of

_Answer = TypeVar("_Answer")
_Arguments = TypeVarTuple("_Arguments")


class Read(Protocol):
    """Runs a query beside those that write."""

    def __call__(
        self, query: Callable[[Connection, *_Arguments], _Answer], *arguments: *_Arguments
    ) -> Awaitable[_Answer]:
        """Run `query` and return its answer."""


class Archive:
    """Answers questions about what is stored.

    Recipients and ids are found once their events are counted, some seconds after these are written.
    """

    def __init__(self, read: Read, names: Names) -> None:
        self._read, self._names = read, names

    async def list_events(
        self, filters: EventFilters, *, after: Position | None = None, limit: int = 100
    ) -> tuple[list[StoredEvent], Position | None]:
        """Return events, the latest first, and where the next page begins; None at the end.

        With filters that have to read events a page may be short, or even empty: only a bounded number is
        looked at for one page.
        """
        mentions = None if filters.about is None else self._mentions(filters.about)
        return await self._read(looking.list_events, filters, mentions, after, limit)

    async def fetch_message(self, message_id: str) -> StoredMessage | None:
        """Return how far a message has come, without its octets."""
        return await self._read(looking.fetch_message, message_id)

    async def list_deliveries(
        self,
        *,
        event_ids: Collection[str] | None = None,
        state: DeliveryState | None = None,
        sink: str | None = None,
        since: datetime | None = None,
        after: Position | None = None,
        limit: int = 100,
    ) -> tuple[list[StoredDelivery], Position | None]:
        """Return deliveries, those that changed last first, and where the next page begins; None at the end."""
        return await self._read(looking.list_deliveries, event_ids, state, sink, since, after, limit)

    async def list_sinks(self) -> list[SinkState]:
        """Return how the latest attempts to each sink went, as far as the latest thousand deliveries tell."""
        return await self._read(looking.list_sinks)

    async def list_tallies(self, dimension: Dimension, *, since: datetime, until: datetime) -> list[Tally]:
        """Return the counts of the hours from `since` up to `until`, in order."""
        return await self._read(looking.list_tallies, dimension, since, until)

    async def sum_tallies(self, dimension: Dimension, *, since: datetime, until: datetime) -> dict[str, int]:
        """Return how often each key came in the hours from `since` up to `until`."""
        return await self._read(looking.sum_tallies, dimension, since, until)

    async def count_uncounted(self) -> int:
        """Return how many events wait to be counted, and to be found."""
        return await self._read(looking.count_uncounted)

    async def list_reports(self, limit: int = 100_000) -> list[str]:
        """Return the reports, as JSON, of the messages that were concluded last, the latest first."""
        return await self._read(reading.list_reports, limit)

    def _mentions(self, about: str) -> list[str]:
        mention = mention_of(about)
        return list({mention, mention.lower(), self._names.look_up(mention)})
