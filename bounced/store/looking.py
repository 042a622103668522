"""The queries behind what people look up, page by page."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, or_, select

from bounced.store.records import (
    DeliveryState,
    EventFilters,
    MessageState,
    Position,
    SinkState,
    StoredDelivery,
    StoredEvent,
    StoredMessage,
    Tally,
)
from bounced.store.rows import load_envelope, select_deliveries, select_events, to_event
from bounced.store.schema import delivery, event, is_dead, mention, message, tally, uncounted

_LOOKED_AT = 5000
_AT_ONCE = 250
_LATEST_DELIVERIES = 1000
_FEW = 500


def list_events(
    connection: Connection,
    filters: EventFilters,
    mentions: Sequence[str] | None,
    after: Position | None,
    limit: int,
) -> tuple[list[StoredEvent], Position | None]:
    """Return a page of events, the latest first, and where it ends."""
    query = select_events.add_columns(event.c.message_id, event.c.created_at, message.c.report).join(message)
    query = query.order_by(event.c.created_at.desc(), event.c.id.desc()).where(*_event_conditions(filters))
    if mentions is not None:
        query = query.where(_is_mentioned(connection, mentions))
    if after is not None:
        query = query.where(_is_after(after, event.c.created_at, event.c.id))
    # No index is by type: a rare one must not make us read everything.
    looked_at = limit if filters.accept is None and filters.type is None else _LOOKED_AT
    rows = connection.execution_options(yield_per=_AT_ONCE).execute(query.limit(looked_at + 1))
    found: list[StoredEvent] = []
    last: StoredEvent | None = None
    for number, row in enumerate(rows):
        if number == looked_at or len(found) == limit:
            rows.close()
            return found, (last.created_at, last.event.id) if last else None
        last = StoredEvent(to_event(row), row.message_id, row.report, row.created_at)
        if filters.type in (None, row.type) and (filters.accept is None or filters.accept(last.event)):
            found.append(last)
    return found, None


def _is_mentioned(connection: Connection, mentions: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that an event is one of those found by `mentions`.

    Few are named, so that no planner looks for them among all events; many are soon met there.
    """
    is_wanted = mention.c.value.in_(mentions)
    ids = list(connection.scalars(select(mention.c.event_id).where(is_wanted).limit(_FEW + 1)))
    return event.c.id.in_(ids) if len(ids) <= _FEW else exists().where(mention.c.event_id == event.c.id, is_wanted)


def _event_conditions(filters: EventFilters) -> Iterable[ColumnElement[bool]]:
    if filters.message_id is not None:
        yield event.c.message_id == filters.message_id
    if filters.since is not None:
        yield event.c.created_at >= filters.since
    if filters.until is not None:
        yield event.c.created_at < filters.until


def _is_after(position: Position, time: ColumnElement[datetime], id_: ColumnElement[str]) -> ColumnElement[bool]:
    moment, last_id = position
    return and_(time <= moment, or_(time < moment, id_ < last_id))


def fetch_message(connection: Connection, message_id: str) -> StoredMessage | None:
    """Return how far a message has come."""
    columns = ("id", "envelope", "size", "state", "attempts", "kind", "report", "concluded_at")
    row = connection.execute(select(*(message.c[name] for name in columns)).where(message.c.id == message_id)).first()
    if row is None:
        return None
    id_, envelope, size, state, attempts, kind, report, concluded_at = row
    return StoredMessage(id_, load_envelope(envelope), size, MessageState(state), attempts, kind, report, concluded_at)


def list_deliveries(
    connection: Connection,
    event_ids: Collection[str] | None,
    state: DeliveryState | None,
    sink: str | None,
    since: datetime | None,
    after: Position | None,
    limit: int,
) -> tuple[list[StoredDelivery], Position | None]:
    """Return a page of deliveries, those that changed last first, and where it ends."""
    name = delivery.c.event_id + " " + delivery.c.sink
    is_indexed = event_ids is not None or state in (DeliveryState.DEAD, DeliveryState.PENDING) or sink is None
    looked_at = limit if is_indexed else _LOOKED_AT
    # Few are pending, and no index has them by time; the one by time alone has all that were ever delivered.
    time = func.coalesce(delivery.c.updated_at, None) if state is DeliveryState.PENDING else delivery.c.updated_at
    query = select_deliveries.order_by(time.desc(), name.desc()).limit(looked_at + 1)
    query = query.where(*_delivery_conditions(event_ids, state, since))
    if is_indexed and sink is not None:
        query = query.where(delivery.c.sink == sink)
    if after is not None:
        query = query.where(_is_after(after, delivery.c.updated_at, name))
    rows = _deliveries(connection, query)
    wanted = [number for number, each in enumerate(rows[:looked_at]) if sink in (None, each.sink)][:limit]
    # The page ends with the last row that is shown, or else with the last that was looked at.
    end = wanted[-1] if len(wanted) == limit else looked_at - 1
    last = rows[end] if end + 1 < len(rows) else None
    return [rows[number] for number in wanted], (last.updated_at, f"{last.event_id} {last.sink}") if last else None


def _delivery_conditions(
    event_ids: Collection[str] | None, state: DeliveryState | None, since: datetime | None
) -> Iterable[ColumnElement[bool]]:
    if event_ids is not None:
        yield delivery.c.event_id.in_(event_ids)
    match state:
        case DeliveryState.DEAD:
            yield is_dead
        case DeliveryState.PENDING:
            yield delivery.c.due_at.is_not(None)
        case DeliveryState.DELIVERED:
            yield delivery.c.state == state
        case None:
            pass
    if since is not None:
        yield delivery.c.updated_at >= since


def _deliveries(connection: Connection, query: Select[Any]) -> list[StoredDelivery]:
    rows = connection.execute(query).mappings()
    return [StoredDelivery(**{**row, "state": DeliveryState(row["state"])}) for row in rows]


def list_sinks(connection: Connection) -> list[SinkState]:
    """Return how the latest attempts to each sink went."""
    query = (
        select(delivery.c.sink, delivery.c.state, delivery.c.last_error, delivery.c.updated_at)
        .order_by(delivery.c.updated_at.desc())
        .limit(_LATEST_DELIVERIES)
    )
    attempts: dict[str, list[tuple[str | None, datetime]]] = {}
    for sink, state, error, updated_at in connection.execute(query):
        if error is not None or state == DeliveryState.DELIVERED:
            attempts.setdefault(sink, []).append((error, updated_at))
    return [_sink_state(sink, outcomes) for sink, outcomes in sorted(attempts.items())]


def _sink_state(sink: str, outcomes: Sequence[tuple[str | None, datetime]]) -> SinkState:
    """Sum up what became of the latest attempts to one sink, the latest first."""
    errors = [error for error, _ in outcomes if error is not None]
    return SinkState(
        sink=sink,
        is_failing=outcomes[0][0] is not None,
        error=errors[0] if errors else None,
        failed=len(errors),
        delivered_at=next((at for error, at in outcomes if error is None), None),
    )


def list_tallies(connection: Connection, dimension: str, since: datetime, until: datetime) -> list[Tally]:
    """Return counts in the order of their hours."""
    query = (
        select(tally.c.hour, tally.c.key, tally.c.count)
        .where(tally.c.hour >= since, tally.c.hour < until, tally.c.dimension == dimension)
        .order_by(tally.c.hour, tally.c.key)
    )
    return [Tally(*row) for row in connection.execute(query)]


def sum_tallies(connection: Connection, dimension: str, since: datetime, until: datetime) -> dict[str, int]:
    """Return how often each key came."""
    query = (
        select(tally.c.key, func.sum(tally.c.count))
        .where(tally.c.hour >= since, tally.c.hour < until, tally.c.dimension == dimension)
        .group_by(tally.c.key)
    )
    return {key: int(total) for key, total in connection.execute(query)}


def count_uncounted(connection: Connection) -> int:
    """Count the events of which no summary is kept yet."""
    return connection.scalars(select(func.count()).select_from(uncounted)).one()
