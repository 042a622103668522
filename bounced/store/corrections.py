"""Conclude a message once more, after the rules have changed; what was told before stays as it was told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, and_, func, or_, select, update

from bounced.store.archive import Read
from bounced.store.leases import Lease
from bounced.store.promises import Concluding, tell_crossings, write_events
from bounced.store.recipients import Memory, replace_facts
from bounced.store.records import Conclusion, MessageState, Position
from bounced.store.schema import event, message
from bounced.store.writer import Writer


@dataclass(frozen=True, slots=True)
class Since:
    """Which concluded messages: from a time on, behind those that were seen."""

    moment: datetime
    after: Position | None = None


class Corrections:
    """Finds what was concluded, and writes what follows from it now."""

    def __init__(self, read: Read, writer: Writer, memory: Memory) -> None:
        self._read, self._writer = read, writer
        self._correct = partial(correct, memory)

    async def count(self, since: datetime) -> int:
        """Return how many messages were concluded at or after `since`."""
        return await self._read(_count, since)

    async def list(self, since: Since, *, limit: int) -> tuple[Sequence[str], Position | None]:
        """Return ids of messages in the order in which they were concluded, and where the next page begins."""
        return await self._read(_list, since, limit)

    async def write(self, conclusion: Conclusion, now: datetime) -> int:
        """Write what a message says now: its report, its facts in place of those before, and new events.

        Returns:
            How many of the events are new; where none is, nothing is written.
        """
        return await self._writer.run(self._correct, Correcting(conclusion, now))


@dataclass(frozen=True, slots=True)
class Correcting:
    """A conclusion to write in place of an earlier one."""

    conclusion: Conclusion
    now: datetime


def correct(memory: Memory, connection: Connection, correctings: Sequence[Correcting]) -> list[int]:
    """Write corrected conclusions; tell for each how many events are new.

    CRASH HERE: it is corrected and nobody was told; to correct it again adds nothing.
    """
    return [_correct(memory, connection, correcting) for correcting in correctings]


def _correct(memory: Memory, connection: Connection, correcting: Correcting) -> int:
    conclusion, now = correcting.conclusion, correcting.now
    is_concluded = and_(message.c.id == conclusion.message_id, message.c.state == MessageState.CONCLUDED)
    if connection.scalar(select(message.c.id).where(is_concluded).with_for_update()) is None:
        return 0
    ids = [told.id for told in conclusion.events]
    known = set(connection.scalars(select(event.c.id).where(event.c.id.in_(ids))))
    if not set(ids) - known:
        return 0
    crossings = replace_facts(memory, connection, conclusion.message_id, conclusion.facts, now)
    write_events(memory, connection, tell_crossings([Concluding(conclusion, now, Lease("", now))], crossings))
    connection.execute(update(message).where(is_concluded).values(kind=conclusion.kind, report=conclusion.report))
    return len(set(ids) - known)


def _count(connection: Connection, since: datetime) -> int:
    is_wanted = (message.c.state == MessageState.CONCLUDED, message.c.concluded_at >= since)
    return connection.scalars(select(func.count()).select_from(message).where(*is_wanted)).one()


def _list(connection: Connection, since: Since, limit: int) -> tuple[list[str], Position | None]:
    query = select(message.c.id, message.c.concluded_at).where(
        message.c.state == MessageState.CONCLUDED, message.c.concluded_at >= since.moment
    )
    if since.after:
        moment, last_id = since.after
        is_behind = or_(message.c.concluded_at > moment, message.c.id > last_id)
        query = query.where(message.c.concluded_at >= moment, is_behind)
    rows = connection.execute(query.order_by(message.c.concluded_at, message.c.id).limit(limit + 1)).all()
    last = rows[limit - 1] if len(rows) > limit else None
    return [id_ for id_, _ in rows[:limit]], (last.concluded_at, last.id) if last else None
