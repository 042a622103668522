"""Bring dead deliveries back, give up those that nobody sends (a bounded number of rows at a time), note who lives."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, or_, select, tuple_, update

from bounced.store.records import DeliveryState
from bounced.store.schema import delivery, insert_new, is_dead, setting

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Revival:
    """Which deliveries to bring back, dead ones and perhaps delivered ones too; None does not restrict."""

    now: datetime
    since: datetime | None
    event_ids: Collection[str] | None
    sink: str | None
    with_delivered: bool


def revive(connection: Connection, revivals: Sequence[Revival]) -> list[int]:
    """Make a batch of deliveries due now that were over, with all their attempts before them again.

    CRASH HERE: this batch is pending; who asks again gets the rest.
    """
    return [_revive(connection, revival) for revival in revivals]


def _revive(connection: Connection, revival: Revival) -> int:
    # What died after the question is left: a sink that refuses at once would keep us here for ever.
    is_over = or_(is_dead, delivery.c.state == DeliveryState.DELIVERED) if revival.with_delivered else is_dead
    wanted = select(delivery.c.event_id, delivery.c.sink).where(is_over, delivery.c.updated_at <= revival.now)
    if revival.since is not None:
        wanted = wanted.where(delivery.c.updated_at >= revival.since)
    if revival.event_ids is not None:
        wanted = wanted.where(delivery.c.event_id.in_(revival.event_ids))
    if revival.sink is not None:
        wanted = wanted.where(delivery.c.sink == revival.sink)
    return connection.execute(
        update(delivery)
        .where(tuple_(delivery.c.event_id, delivery.c.sink).in_(wanted.limit(_BATCH)))
        .values(state=DeliveryState.PENDING, attempts=0, due_at=revival.now, updated_at=revival.now)
    ).rowcount


@dataclass(frozen=True, slots=True)
class Retirement:
    """Which sinks there are; deliveries to any other are over."""

    now: datetime
    sinks: Collection[str]


def retire(connection: Connection, retirements: Sequence[Retirement]) -> list[int]:
    """Make a batch of pending deliveries to sinks that are no more dead: nobody would ever send them.

    CRASH HERE: this batch is dead; the next start takes the rest.
    """
    return [_retire(connection, retirement) for retirement in retirements]


def _retire(connection: Connection, retirement: Retirement) -> int:
    orphans = select(delivery.c.event_id, delivery.c.sink).where(
        delivery.c.due_at.is_not(None), delivery.c.sink.not_in(retirement.sinks)
    )
    return connection.execute(
        update(delivery)
        .where(tuple_(delivery.c.event_id, delivery.c.sink).in_(orphans.limit(_BATCH)))
        .values(
            state=DeliveryState.DEAD,
            due_at=None,
            lease_owner=None,
            last_error="the sink is not configured any more",
            updated_at=retirement.now,
        )
    ).rowcount


@dataclass(frozen=True, slots=True)
class Alive:
    """A daemon, and when it was well."""

    owner: str
    now: datetime


def note_alive(connection: Connection, signs: Sequence[Alive]) -> list[None]:
    """Note when daemons were well.

    CRASH HERE: nothing repeats; the next start notes it again.
    """
    for sign in signs:
        name, value = f"alive:{sign.owner}", sign.now.isoformat()
        if not connection.execute(update(setting).where(setting.c.name == name).values(value=value)).rowcount:
            connection.execute(insert_new(connection.dialect, setting), {"name": name, "value": value})
    return [None] * len(signs)
