"""Erase all that is known of one address.

A message that speaks of others too stays, raw and as a report, until it is
old: to take it from them would be as wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, exists, func, select

from bounced.store.schema import event, message, recipient, recipient_fact

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Erasure:
    """Whom to erase, and some of the events about them."""

    name: str
    event_ids: Sequence[str] = ()


def find_events(connection: Connection, name: str, address: str) -> list[str]:
    """Return ids of events about a recipient, a bounded number, however the reports wrote the address."""
    spellings = [func.lower(name), func.lower(address.strip())]
    return list(
        connection.scalars(select(event.c.id).where(func.lower(event.c.recipient).in_(spellings)).limit(_BATCH))
    )


def erase_events(connection: Connection, erasures: Sequence[Erasure]) -> list[int]:
    """Delete events with their deliveries, and messages about nobody else; return how many of both.

    CRASH HERE: these are gone; who asks again gets the rest.
    """
    return [_erase_events(connection, erasure) for erasure in erasures]


def _erase_events(connection: Connection, erasure: Erasure) -> int:
    told = event.c.id.in_(erasure.event_ids)
    ids = connection.scalars(select(event.c.message_id).where(told).distinct()).all()
    return connection.execute(delete(event).where(told)).rowcount + _erase_messages(connection, erasure.name, ids)


def erase_recipient(connection: Connection, erasures: Sequence[Erasure]) -> list[int]:
    """Delete recipients, their facts, and messages about nobody else; return how many rows that are.

    CRASH HERE: nothing is left of them.
    """
    return [_erase_recipient(connection, erasure.name) for erasure in erasures]


def _erase_recipient(connection: Connection, name: str) -> int:
    ids = connection.scalars(select(recipient_fact.c.message_id).where(recipient_fact.c.recipient == name)).all()
    messages = _erase_messages(connection, name, ids)
    return messages + len(ids) + connection.execute(delete(recipient).where(recipient.c.address == name)).rowcount


def _erase_messages(connection: Connection, name: str, ids: Sequence[str]) -> int:
    is_told = exists().where(event.c.message_id == message.c.id)
    is_of_others = exists().where(and_(recipient_fact.c.message_id == message.c.id, recipient_fact.c.recipient != name))
    return connection.execute(delete(message).where(message.c.id.in_(ids), ~is_told, ~is_of_others)).rowcount
