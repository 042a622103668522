"""What is written when: accept, conclude, settle.

Each promise is one function that keeps it for all payloads of a group, within
the transaction that the writer commits. Every one of them may be repeated:
ids are derived from content, and what is known already is passed over.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import compress
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from bounced.model import Event, Message
from bounced.store.bulk import Bulk, insert_all_new
from bounced.store.leases import Lease
from bounced.store.pseudonym import Names
from bounced.store.recipients import Crossing, Memory, remember
from bounced.store.records import Conclusion, DeliveryKey, DeliveryState, MessageState, Settlement
from bounced.store.rows import dump_envelope
from bounced.store.schema import content, delivery, event, message

_insert_messages = insert_all_new(message)
_insert_contents = Bulk(lambda _: insert(content))
# A message that waits has its content, which is written with it; one without was written a moment ago.
_SELECT_NEW = (
    select(message.c.id)
    .join_from(message, content, isouter=True)
    .where(
        message.c.id.in_(bindparam("ids", expanding=True)),
        message.c.state == MessageState.WAITING,
        content.c.message_id.is_(None),
    )
)
_SELECT_OPEN = (
    select(message.c.id)
    .where(message.c.id.in_(bindparam("ids", expanding=True)), message.c.state == MessageState.WAITING)
    .order_by(message.c.id)
    .with_for_update()
)
_conclude_all = Bulk(
    lambda _: (
        update(message)
        .where(message.c.id == bindparam("message_id"))
        .values(
            state=bindparam("state_"),
            kind=bindparam("kind_"),
            report=bindparam("report_"),
            concluded_at=bindparam("now"),
            due_at=None,
            lease_owner=None,
        )
    )
)
_SETTLE = update(delivery).values(
    state=bindparam("state_"),
    attempts=bindparam("attempt"),
    due_at=bindparam("retry_at"),
    lease_owner=None,
    last_error=bindparam("error"),
    updated_at=bindparam("now"),
)
_THIS_DELIVERY = (delivery.c.event_id == bindparam("event"), delivery.c.sink == bindparam("to_sink"))
_settle_delivered = Bulk(lambda _: _SETTLE.where(*_THIS_DELIVERY))
# Every claim raises `attempts`: a failure told by a worker that lost its lease no longer matches.
_settle_failed = Bulk(
    lambda _: _SETTLE.where(
        *_THIS_DELIVERY, delivery.c.state == DeliveryState.PENDING, delivery.c.attempts == bindparam("attempt")
    )
)
_insert_events = insert_all_new(event)
_insert_deliveries = insert_all_new(delivery)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A message to keep, and the lease of the process that goes on with it at once."""

    message: Message
    now: datetime
    lease: Lease | None


@dataclass(frozen=True, slots=True)
class Concluding:
    """A conclusion to write, and the lease for those of its deliveries that go on at once."""

    conclusion: Conclusion
    now: datetime
    lease: Lease


@dataclass(frozen=True, slots=True)
class Settling:
    """A settlement to write."""

    settlement: Settlement
    now: datetime


def accept(connection: Connection, acceptances: Sequence[Acceptance]) -> list[bool]:
    """Keep messages; tell for each whether it was new.

    CRASH HERE: the client was told nothing and sends again; the id is known
    and adds nothing. The message is claimed when its lease has run out.
    """
    # In the order of ids: two daemons that accept the same mail must not wait for each other crosswise.
    rows = sorted(map(_message_row, acceptances), key=itemgetter("id"))
    new_ids = {acceptance.message.id for acceptance in acceptances}
    if _insert_messages.run(connection, rows) < len(rows):
        new_ids = set(connection.scalars(_SELECT_NEW, {"ids": list(new_ids)}))
    answers = [_take(acceptance.message.id, new_ids) for acceptance in acceptances]
    _insert_contents.run(connection, [_content_row(acceptance) for acceptance in compress(acceptances, answers)])
    return answers


def _take(id_: str, ids: set[str]) -> bool:
    """Tell whether `id_` is in `ids`, and take it out: what comes twice in one group counts once."""
    if id_ not in ids:
        return False
    ids.remove(id_)
    return True


def _message_row(acceptance: Acceptance) -> dict[str, Any]:
    accepted, lease = acceptance.message, acceptance.lease
    return {
        "id": accepted.id,
        "received_at": accepted.envelope.received_at,
        "envelope": dump_envelope(accepted.envelope),
        "size": accepted.size,
        "state": MessageState.WAITING,
        "attempts": 1 if lease else 0,
        "due_at": lease.until if lease else acceptance.now,
        "lease_owner": lease.owner if lease else None,
        "kind": None,
        "report": None,
        "concluded_at": None,
    }


def _content_row(acceptance: Acceptance) -> dict[str, Any]:
    return {"message_id": acceptance.message.id, "raw": acceptance.message.raw}


def conclude(memory: Memory, connection: Connection, concludings: Sequence[Concluding]) -> list[bool]:
    """Write what follows from messages and for recipients; tell for each whether this was the first conclusion.

    A message that is not waiting was concluded before, by this process or by
    one that took over its lease: nothing of the second conclusion is written.

    CRASH HERE: the caller does not know that it is done; the message is not
    claimed again, and its deliveries are when their leases have run out.
    """
    open_ids = _lock_open_messages(connection, [concluding.conclusion.message_id for concluding in concludings])
    answers = [_take(concluding.conclusion.message_id, open_ids) for concluding in concludings]
    first = list(compress(concludings, answers))
    if first:
        _write_conclusions(memory, connection, _escalate(memory, connection, first))
    return answers


def _lock_open_messages(connection: Connection, ids: list[str]) -> set[str]:
    return set(connection.scalars(_SELECT_OPEN, {"ids": ids}))


def _escalate(memory: Memory, connection: Connection, concludings: Sequence[Concluding]) -> list[Concluding]:
    """Remember what is said of recipients; add what is to be told where that was one bounce too many."""
    facts = [fact for concluding in concludings for fact in concluding.conclusion.facts]
    return tell_crossings(concludings, remember(memory, connection, facts, concludings[0].now) if facts else [])


def tell_crossings(concludings: Sequence[Concluding], crossings: Iterable[Crossing]) -> list[Concluding]:
    """Add to conclusions what is to be told of recipients that one bounce too many made undeliverable."""
    by_message = {concluding.conclusion.message_id: concluding for concluding in concludings}
    for crossing in crossings:
        concluding = by_message[crossing.fact.message_id]
        if escalation := concluding.conclusion.escalation:
            told = escalation.make_event(crossing.fact, crossing.epoch)
            conclusion = replace(
                concluding.conclusion,
                events=(*concluding.conclusion.events, told),
                deliveries=(*concluding.conclusion.deliveries, *((told.id, sink) for sink in escalation.sinks)),
            )
            by_message[conclusion.message_id] = replace(concluding, conclusion=conclusion)
    return list(by_message.values())


def _write_conclusions(memory: Memory, connection: Connection, concludings: Sequence[Concluding]) -> None:
    _conclude_all.run(connection, list(map(_conclusion_row, concludings)))
    write_events(memory, connection, concludings)


def write_events(memory: Memory, connection: Connection, concludings: Sequence[Concluding]) -> None:
    """Write the events of conclusions with their deliveries; what is known already is passed over."""
    events = [
        _event_row(told, concluding, memory.names)
        for concluding in concludings
        for told in concluding.conclusion.events
    ]
    deliveries = [
        _delivery_row(key, concluding) for concluding in concludings for key in concluding.conclusion.deliveries
    ]
    _insert_events.run(connection, events)
    _insert_deliveries.run(connection, deliveries)


def _conclusion_row(concluding: Concluding) -> dict[str, Any]:
    conclusion = concluding.conclusion
    return {
        "message_id": conclusion.message_id,
        "state_": MessageState.QUARANTINED if conclusion.is_quarantined else MessageState.CONCLUDED,
        "kind_": conclusion.kind,
        "report_": conclusion.report,
        "now": concluding.now,
    }


def _event_row(told: Event, concluding: Concluding, names: Names) -> dict[str, Any]:
    return {
        "id": told.id,
        "message_id": concluding.conclusion.message_id,
        "type": told.type,
        "recipient": names.in_event(told.recipient),
        "routing_key": told.routing_key,
        "created_at": concluding.now,
        "document": told.document,
    }


def _delivery_row(key: DeliveryKey, concluding: Concluding) -> dict[str, Any]:
    lease = concluding.lease if key in concluding.conclusion.leased else None
    event_id, sink = key
    return {
        "event_id": event_id,
        "sink": sink,
        "state": DeliveryState.PENDING,
        "attempts": 1 if lease else 0,
        "due_at": lease.until if lease else concluding.now,
        "lease_owner": lease.owner if lease else None,
        "last_error": None,
        "updated_at": concluding.now,
    }


def settle(connection: Connection, settlings: Sequence[Settling]) -> list[None]:
    """Note what became of attempts.

    A confirmation always counts. A failure counts only for the latest attempt:
    the one before it may have lost its lease, and another worker succeeded.

    CRASH HERE: an attempt that is not noted is made again when its lease has
    run out; the consumer drops the repeat by the event's id.
    """
    is_delivered = DeliveryState.DELIVERED
    delivered = [_settling_row(settling) for settling in settlings if settling.settlement.state is is_delivered]
    failed = [_settling_row(settling) for settling in settlings if settling.settlement.state is not is_delivered]
    _settle_delivered.run(connection, delivered)
    _settle_failed.run(connection, failed)
    return [None] * len(settlings)


def _settling_row(settling: Settling) -> dict[str, Any]:
    settlement = settling.settlement
    return {
        "event": settlement.event_id,
        "to_sink": settlement.sink,
        "state_": settlement.state,
        "attempt": settlement.attempt,
        # By the same clock as the time of the change: what a clock that was ahead put off is known by that.
        "retry_at": None if settlement.retry_after is None else settling.now + settlement.retry_after,
        "error": settlement.error,
        "now": settling.now,
    }
