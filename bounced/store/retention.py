"""Forget what is old: raw messages, reports, events and recipients, each at its age.

What is old is looked for by a reader, which holds up nobody, and deleted by
the writer in small batches, between which others write. A message's row, and
with it its id, goes when nothing else of it is left.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Select,
    Update,
    delete,
    exists,
    or_,
    select,
    update,
)

from bounced.store.records import Horizon
from bounced.store.schema import content, delivery, event, message, recipient

BATCH = 500
FOUND_AT_ONCE = 20 * BATCH
_PAGES_AT_ONCE = 500

_is_pending = exists().where(delivery.c.event_id == event.c.id, delivery.c.due_at.is_not(None))
_has_raw = exists().where(content.c.message_id == message.c.id)
_has_events = exists().where(event.c.message_id == message.c.id)
_is_kept = or_(_has_raw, _has_events, message.c.report.is_not(None))


@dataclass(frozen=True, slots=True)
class Sweep:
    """One kind of what grows old.

    Attributes:
        name: What is counted.
        find: Selects the ids of what is old, given the horizon.
        remove: Removes rows by their ids, as far as they may still go.
    """

    name: str
    find: Callable[[Horizon], Select[tuple[str]]]
    remove: Callable[[Sequence[str]], Delete | Update]


def _messages(before: datetime, *conditions: ColumnElement[bool]) -> Select[tuple[str]]:
    return select(message.c.id).where(message.c.concluded_at < before, *conditions).order_by(message.c.concluded_at)


SWEEPS = (
    Sweep(
        "messages",
        lambda horizon: _messages(horizon.messages, _has_raw),
        lambda ids: delete(content).where(content.c.message_id.in_(ids)),
    ),
    Sweep(
        "reports",
        lambda horizon: _messages(horizon.reports, message.c.report.is_not(None)),
        lambda ids: update(message).where(message.c.id.in_(ids)).values(report=None),
    ),
    Sweep(
        "events",
        lambda horizon: (
            select(event.c.id).where(event.c.created_at < horizon.events, ~_is_pending).order_by(event.c.created_at)
        ),
        # A dead delivery may have been brought back meanwhile.
        lambda ids: delete(event).where(event.c.id.in_(ids), ~_is_pending),
    ),
    Sweep(
        "remains",
        lambda horizon: _messages(horizon.earliest, ~_is_kept),
        lambda ids: delete(message).where(message.c.id.in_(ids), ~_is_kept),
    ),
    Sweep(
        "recipients",
        lambda horizon: select(recipient.c.address).where(recipient.c.updated_at < horizon.recipients),
        lambda names: delete(recipient).where(recipient.c.address.in_(names)),
    ),
)


def find(connection: Connection, sweep: Sweep, horizon: Horizon) -> list[str]:
    """Return ids of what is old, a bounded number."""
    return list(connection.scalars(sweep.find(horizon).limit(FOUND_AT_ONCE)))


@dataclass(frozen=True, slots=True)
class Removal:
    """A batch of one sweep."""

    sweep: Sweep
    ids: Sequence[str]


def remove(connection: Connection, removals: Sequence[Removal]) -> list[int]:
    """Remove batches of what is old.

    CRASH HERE: a batch is gone as a whole; the next round takes the rest.
    """
    return [connection.execute(removal.sweep.remove(removal.ids)).rowcount for removal in removals]


def shrink(connection: Connection, wishes: Sequence[None]) -> list[int]:
    """Give a few free pages of an SQLite file back to the file system; return how many.

    PostgreSQL's autovacuum does the like by itself. A file from before this
    was so keeps its size until somebody runs VACUUM on it.

    CRASH HERE: what was given back is gone from the file, the rest is free.
    """
    if connection.dialect.name != "sqlite":
        return [0] * len(wishes)
    free = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
    # QUIRK: SQLite gives back one page at each step, and sqlite3 takes one step of what returns no rows.
    for _ in range(min(free, _PAGES_AT_ONCE)):
        connection.exec_driver_sql("PRAGMA incremental_vacuum(1)").close()
    left = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
    return [free - left] + [0] * (len(wishes) - 1)
