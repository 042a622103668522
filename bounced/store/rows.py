"""Turn values of the model into columns and back."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from bounced.model import Envelope, Event, EventType, Message
from bounced.store.schema import content, delivery, event, message

select_messages = select(message.c.id, message.c.envelope, content.c.raw, message.c.size).join_from(message, content)
select_events = select(event.c.id, event.c.type, event.c.recipient, event.c.routing_key, event.c.document)
select_deliveries = select(
    delivery.c.event_id,
    delivery.c.sink,
    event.c.type,
    event.c.recipient,
    delivery.c.state,
    delivery.c.attempts,
    delivery.c.due_at,
    delivery.c.lease_owner,
    delivery.c.last_error,
    delivery.c.updated_at,
).join_from(delivery, event)


def to_message(row: Sequence[Any]) -> Message:
    """Read a message from a row of `select_messages`; further columns may follow."""
    id_, envelope, raw, size = row[:4]
    return Message(id_, load_envelope(envelope), raw, size)


def to_event(row: Sequence[Any]) -> Event:
    """Read an event from a row of `select_events`; further columns may follow."""
    id_, type_, recipient, routing_key, document = row[:5]
    return Event(id_, EventType(type_), recipient, routing_key, document)


def dump_envelope(envelope: Envelope) -> str:
    """Write an envelope as JSON; plain ASCII, so that any octet a client sent comes back."""
    return json.dumps(
        {
            "sender": envelope.sender,
            "recipients": envelope.recipients,
            "received_at": envelope.received_at.isoformat(),
            "client": envelope.client,
            "helo": envelope.helo,
            "mail_parameters": envelope.mail_parameters,
            "rcpt_parameters": envelope.rcpt_parameters,
        }
    )


def load_envelope(text: str) -> Envelope:
    """Read what `dump_envelope` wrote."""
    fields = json.loads(text)
    return Envelope(
        sender=fields["sender"],
        recipients=tuple(fields["recipients"]),
        received_at=datetime.fromisoformat(fields["received_at"]),
        client=fields["client"],
        helo=fields["helo"],
        mail_parameters=tuple(fields["mail_parameters"]),
        rcpt_parameters=tuple(map(tuple, fields["rcpt_parameters"])),
    )
