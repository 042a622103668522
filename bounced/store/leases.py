"""Who works on what, and until when.

A lease is a row's `lease_owner`, with `due_at` as its end. Whoever died just
lets it run out. Several daemons may claim from one PostgreSQL at once: each
skips the rows that another is about to take. Their clocks must agree to much
less than a lease.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, and_, select, update

from bounced.model import Delivery
from bounced.store.records import Claimed
from bounced.store.rows import select_events, select_messages, to_event, to_message
from bounced.store.schema import delivery, event, message


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a row alone."""

    owner: str
    until: datetime


@dataclass(frozen=True, slots=True)
class MessageClaim:
    """A wish for messages that are due."""

    limit: int
    max_bytes: int
    now: datetime
    lease: Lease


@dataclass(frozen=True, slots=True)
class DeliveryClaim:
    """A wish for deliveries to one sink that are due."""

    sink: str
    limit: int
    now: datetime
    lease: Lease


@dataclass(frozen=True, slots=True)
class Renewal:
    """What an owner still holds: messages by their ids, deliveries by sink and event ids."""

    lease: Lease
    now: datetime
    messages: Collection[str]
    deliveries: Mapping[str, Collection[str]]


def claim_messages(connection: Connection, claims: Sequence[MessageClaim]) -> list[list[Claimed]]:
    """Lease due messages and count the attempt.

    CRASH HERE: the attempt is counted though nobody made it. When the leases
    have run out, these messages are claimed one by one.
    """
    return [_claim_messages(connection, claim) for claim in claims]


def _claim_messages(connection: Connection, claim: MessageClaim) -> list[Claimed]:
    # A message that was begun before may have crashed its process. It goes alone, so that if it
    # does so again, no innocent one comes closer to the limit with it; and those begun least often
    # go first, so that a process that is killed again and again does not count it all to one.
    ids = _due_messages(connection, claim, message.c.attempts == 0, limit=claim.limit) or _due_messages(
        connection, claim, message.c.attempts > 0, limit=1
    )
    if not ids:
        return []
    connection.execute(
        update(message)
        .where(message.c.id.in_(ids))
        .values(attempts=message.c.attempts + 1, due_at=claim.lease.until, lease_owner=claim.lease.owner)
    )
    rows = connection.execute(select_messages.add_columns(message.c.attempts).where(message.c.id.in_(ids)))
    claimed = {row.id: Claimed(to_message(row), row.attempts) for row in rows}
    return [claimed[id_] for id_ in ids]


def _due_messages(
    connection: Connection, claim: MessageClaim, condition: ColumnElement[bool], *, limit: int
) -> list[str]:
    """Return the ids of due messages, the least tried and longest waiting first; at least one, however large."""
    rows = connection.execute(
        select(message.c.id, message.c.size)
        .where(message.c.due_at <= claim.now, condition)
        .order_by(message.c.attempts, message.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids: list[str] = []
    left = claim.max_bytes
    for id_, size in rows:
        left -= size
        if ids and left < 0:
            break
        ids.append(id_)
    return ids


def claim_deliveries(connection: Connection, claims: Sequence[DeliveryClaim]) -> list[list[Delivery]]:
    """Lease due deliveries and count the attempt.

    CRASH HERE: the attempt is counted though nobody made it; it is repeated
    when the lease has run out.
    """
    return [_claim_deliveries(connection, claim) for claim in claims]


def _claim_deliveries(connection: Connection, claim: DeliveryClaim) -> list[Delivery]:
    due = connection.execute(
        select(delivery.c.event_id, delivery.c.attempts)
        .where(delivery.c.sink == claim.sink, delivery.c.due_at <= claim.now)
        .order_by(delivery.c.due_at)
        .limit(claim.limit)
        .with_for_update(skip_locked=True)
    ).all()
    if not due:
        return []
    ids = [event_id for event_id, _ in due]
    connection.execute(
        update(delivery)
        .where(delivery.c.sink == claim.sink, delivery.c.event_id.in_(ids))
        .values(
            attempts=delivery.c.attempts + 1,
            due_at=claim.lease.until,
            lease_owner=claim.lease.owner,
            updated_at=claim.now,
        )
    )
    rows = connection.execute(select_events.where(event.c.id.in_(ids)))
    events = {row.id: to_event(row) for row in rows}
    return [Delivery(events[event_id], claim.sink, attempts + 1) for event_id, attempts in due]


def renew(connection: Connection, renewals: Sequence[Renewal]) -> list[int]:
    """Give what the owner holds a new end; return how many rows that are.

    What is leased in its name and not held was lost on the way to it, with the
    answer to a commit: that lease runs out, and somebody claims the row. What a
    clock that was ahead put off, whoever leased it, is due.

    CRASH HERE: the leases run out a little later.
    """
    renewed = [_renew(connection, renewal) for renewal in renewals]
    _bring_forward(connection, renewals[-1])
    return renewed


def _renew(connection: Connection, renewal: Renewal) -> int:
    held: list[tuple[Table, ColumnElement[bool]]] = [(message, message.c.id.in_(renewal.messages))]
    held += [
        (delivery, and_(delivery.c.sink == sink, delivery.c.event_id.in_(events)))
        for sink, events in renewal.deliveries.items()
    ]
    return sum(
        connection.execute(
            update(table).where(table.c.lease_owner == renewal.lease.owner, is_held).values(due_at=renewal.lease.until)
        ).rowcount
        for table, is_held in held
    )


def _bring_forward(connection: Connection, renewal: Renewal) -> None:
    """Make due what was put off by a clock that has been set back since.

    No lease ends later than two of ours, where the clocks of all agree to less than one; a retry may be due much
    later, but it was not put off in times to come.
    """
    now, soon = renewal.now, renewal.lease.until
    far_off = soon + (soon - now)
    for table, is_put_off in (
        (message, message.c.due_at > far_off),
        (delivery, and_(delivery.c.lease_owner.is_not(None), delivery.c.due_at > far_off)),
        (delivery, and_(delivery.c.updated_at > soon, delivery.c.due_at > far_off)),
    ):
        connection.execute(update(table).where(is_put_off).values(due_at=now, lease_owner=None))


def release(connection: Connection, leases: Sequence[Lease]) -> list[int]:
    """Make all that the owner worked on due at the given time; return how many rows that are.

    CRASH HERE: they are due, nothing is left to release.
    """
    return [_release(connection, lease, uncounted=0) for lease in leases]


def give_back(connection: Connection, leases: Sequence[Lease]) -> list[int]:
    """Do the same for an owner that ends in order: an attempt that it leaves unfinished was none.

    CRASH HERE: they are due, nothing is left to give back.
    """
    return [_release(connection, lease, uncounted=1) for lease in leases]


def _release(connection: Connection, lease: Lease, *, uncounted: int) -> int:
    return sum(
        connection.execute(
            update(table)
            .where(table.c.lease_owner == lease.owner)
            .values(attempts=table.c.attempts - uncounted, due_at=lease.until, lease_owner=None)
        ).rowcount
        for table in (message, delivery)
    )
