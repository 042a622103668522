"""Keep counts of events by the hour, and the words by which they are found, apart from the way of the mail.

To conclude a message only notes that its events are not counted yet. A reader
finds some of these and reads what they say; the writer then takes them off
the list, adds them up and makes them findable in one transaction, so that each
counts once whatever happens.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Dialect, Insert, delete, func, select

from bounced.model import Event
from bounced.model.address import recipient_key
from bounced.store.rows import select_events, to_event
from bounced.store.schema import event, insert_into, insert_new, mention, tally, uncounted
from bounced.tallies import Summary

BATCH = 500
OTHER = "(other)"
_MOST_KEYS = 100
_LOCK_KEY = 0x626F756E74616C79  # "bountaly": daemons on the same tables count one at a time

Summarize = Callable[[Event, datetime], Summary]
Place = tuple[datetime, str, str]
"""Hour, dimension and key: where a number stands."""


@dataclass(frozen=True, slots=True)
class Uncounted:
    """Events to count: the summary of each, and how its recipient is called; None where the event is gone."""

    events: dict[str, tuple[Summary, str | None] | None]


def find(connection: Connection, summarize: Summarize) -> Uncounted:
    """Return some events that are not counted yet."""
    waiting = select(uncounted.c.event_id).limit(BATCH)
    events: dict[str, tuple[Summary, str | None] | None] = dict.fromkeys(connection.scalars(waiting))
    for row in connection.execute(select_events.add_columns(event.c.created_at).where(event.c.id.in_(events))):
        found = to_event(row)
        events[found.id] = summarize(found, row.created_at), found.recipient
    return Uncounted(events)


def count(connection: Connection, batches: Sequence[Uncounted]) -> list[int]:
    """Count events and make them findable; return how many were taken off the list.

    CRASH HERE: these are counted and on the list no more; the next round takes the rest.
    """
    if not _is_alone(connection):
        return [0] * len(batches)
    return [_count(connection, batch.events) for batch in batches]


def _is_alone(connection: Connection) -> bool:
    """Return whether no other daemon counts now; on SQLite there is no other."""
    if connection.dialect.name == "sqlite":
        return True
    # These locks are the database's: who has tables in another schema of it counts on his own.
    key = func.hashtextextended(func.coalesce(func.current_schema(), ""), _LOCK_KEY)
    return bool(connection.scalar(select(func.pg_try_advisory_xact_lock(key))))


def _count(connection: Connection, events: dict[str, tuple[Summary, str | None] | None]) -> int:
    kept, busy = _hold(connection, list(events))
    wanted = uncounted.c.event_id.in_(events.keys() - busy)
    taken = connection.scalars(delete(uncounted).where(wanted).returning(uncounted.c.event_id)).all()
    known = {id_: found for id_ in taken if (found := events[id_])}
    _add_up(connection, [summary for summary, _ in known.values()])
    mentions = [
        {"value": value, "event_id": id_}
        for id_, (summary, recipient) in known.items()
        if id_ in kept
        for value in {*summary.mentions, *([recipient_key(recipient) or recipient.lower()] if recipient else [])}
    ]
    if mentions:
        connection.execute(insert_new(connection.dialect, mention), mentions)
    return len(taken)


def _hold(connection: Connection, ids: Sequence[str]) -> tuple[set[str], set[str]]:
    """Keep events from being erased until the commit; return those that are kept, and those being erased now.

    Whoever erases is never waited for: he may wait for us. The next round sees what became of it.
    """
    there = select(event.c.id).where(event.c.id.in_(ids))
    present = set(connection.scalars(there))
    kept = set(connection.scalars(there.with_for_update(read=True, key_share=True, skip_locked=True)))
    return kept, present - kept


def _add_up(connection: Connection, summaries: Sequence[Summary]) -> None:
    numbers = Counter([(summary.hour, dimension, key) for summary in summaries for dimension, key in summary.counts])
    if not numbers:
        return
    bounded: Counter[Place] = Counter()
    known = _known_keys(connection, {hour for hour, _, _ in numbers}, {dimension for _, dimension, _ in numbers})
    for (hour, dimension, key), number in numbers.items():
        keys = known.setdefault((hour, dimension), set())
        if key not in keys and len(keys) >= _MOST_KEYS:
            bounded[hour, dimension, OTHER] += number
        else:
            keys.add(key)
            bounded[hour, dimension, key] += number
    rows = [_row(place, number) for place, number in sorted(bounded.items())]
    connection.execute(_upsert(connection.dialect), rows)


def _known_keys(
    connection: Connection, hours: Collection[datetime], dimensions: Collection[str]
) -> dict[tuple[datetime, str], set[str]]:
    known: dict[tuple[datetime, str], set[str]] = {}
    for hour, dimension, key in connection.execute(
        select(tally.c.hour, tally.c.dimension, tally.c.key).where(
            tally.c.dimension.in_(dimensions), tally.c.hour.in_(hours)
        )
    ):
        known.setdefault((hour, dimension), set()).add(key)
    return known


def _row(place: Place, number: int) -> dict[str, Any]:
    hour, dimension, key = place
    return {"hour": hour, "dimension": dimension, "key": key, "count": number}


def _upsert(dialect: Dialect) -> Insert:
    statement = insert_into(dialect, tally)
    return statement.on_conflict_do_update(
        index_elements=[tally.c.dimension, tally.c.hour, tally.c.key],
        set_={tally.c.count: tally.c.count + statement.excluded.count},
    )


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Before which hour counts are forgotten."""

    before: datetime


def forget(connection: Connection, forgettings: Sequence[Forgetting]) -> list[int]:
    """Remove the counts of hours that are too old.

    CRASH HERE: these are gone; the next round takes what has grown old meanwhile.
    """
    return [
        connection.execute(delete(tally).where(tally.c.hour < forgetting.before)).rowcount for forgetting in forgettings
    ]
