"""Look things up, for operators and for those who wait for what is due; nothing here writes."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from bounced.model import Message
from bounced.store.records import Backlog, DeliveryState, StoredDelivery, StoredEvent
from bounced.store.rows import select_deliveries, select_events, select_messages, to_event, to_message
from bounced.store.schema import delivery, event, is_dead, message


def fetch_message(connection: Connection, message_id: str) -> Message | None:
    """Return a message as it was accepted."""
    row = connection.execute(select_messages.where(message.c.id == message_id)).one_or_none()
    return to_message(row) if row else None


def fetch_event(connection: Connection, event_id: str) -> StoredEvent | None:
    """Return an event with its message's id and report."""
    query = (
        select_events.add_columns(event.c.message_id, event.c.created_at, message.c.report)
        .join(message)
        .where(event.c.id == event_id)
    )
    row = connection.execute(query).one_or_none()
    return StoredEvent(to_event(row), row.message_id, row.report, row.created_at) if row else None


def list_reports(connection: Connection, limit: int) -> list[str]:
    """Return the reports of the messages that were concluded last, the latest first."""
    query = select(message.c.report).where(message.c.report.is_not(None)).order_by(message.c.concluded_at.desc())
    return list(connection.scalars(query.limit(limit)))


def list_deliveries(
    connection: Connection, state: DeliveryState | None, sink: str | None, since: datetime | None, limit: int
) -> list[StoredDelivery]:
    """Return the deliveries that changed last, the latest first."""
    query = select_deliveries.order_by(delivery.c.updated_at.desc()).limit(limit)
    if state is not None:
        query = query.where(is_dead if state is DeliveryState.DEAD else delivery.c.state == state)
    if sink is not None:
        query = query.where(delivery.c.sink == sink)
    if since is not None:
        query = query.where(delivery.c.updated_at >= since)
    rows = connection.execute(query).mappings()
    return [StoredDelivery(**{**row, "state": DeliveryState(row["state"])}) for row in rows]


def count_backlog(connection: Connection) -> Backlog:
    """Count what is not finished; what is finished is never scanned."""
    waiting = select(func.count()).select_from(message).where(message.c.due_at.is_not(None))
    pending = (
        select(delivery.c.sink, func.count().label("pending"), func.min(event.c.created_at).label("oldest"))
        .join_from(delivery, event)
        .where(delivery.c.due_at.is_not(None))
        .group_by(delivery.c.sink)
    )
    dead = select(delivery.c.sink, func.count()).where(is_dead).group_by(delivery.c.sink)
    rows = connection.execute(pending).all()
    return Backlog(
        messages=connection.scalars(waiting).one(),
        pending={row.sink: row.pending for row in rows},
        dead=dict(connection.execute(dead).all()),
        oldest={row.sink: row.oldest for row in rows},
    )


def next_message_due(connection: Connection) -> datetime | None:
    """Return when the next message can be claimed, None if none waits."""
    due: datetime | None = connection.scalar(select(func.min(message.c.due_at)))
    return due


def next_delivery_due(connection: Connection, sink: str) -> datetime | None:
    """Return when the next delivery to `sink` can be claimed, None if none waits."""
    query = select(func.min(delivery.c.due_at)).where(delivery.c.sink == sink, delivery.c.due_at.is_not(None))
    due: datetime | None = connection.scalar(query)
    return due
