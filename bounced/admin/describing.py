"""Say what is stored of messages, events and deliveries in values that JSON can hold."""

import json
from typing import Any

from bounced.admin.answers import write_time
from bounced.spikes import Spike
from bounced.store import Backlog, SinkState, StoredDelivery, StoredEvent, StoredMessage


def describe_event(stored: StoredEvent) -> dict[str, Any]:
    """Return an event as its sinks get it."""
    document: dict[str, Any] = json.loads(stored.event.document)
    return document


def describe_message(message: StoredMessage) -> dict[str, Any]:
    """Return how far a message has come, and what was read from it as long as that is kept."""
    envelope = message.envelope
    return {
        "id": message.id,
        "state": message.state,
        "kind": message.kind,
        "size": message.size,
        "received_at": write_time(envelope.received_at),
        "concluded_at": write_time(message.concluded_at),
        "attempts": message.attempts,
        "envelope": {
            "sender": envelope.sender,
            "recipients": list(envelope.recipients),
            "client": envelope.client,
            "helo": envelope.helo,
        },
        "report": message.report and json.loads(message.report),
    }


def describe_delivery(delivery: StoredDelivery) -> dict[str, Any]:
    """Return how far an event has come on its way to one sink."""
    return {
        "event_id": delivery.event_id,
        "sink": delivery.sink,
        "type": delivery.type,
        "recipient": delivery.recipient,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "due_at": write_time(delivery.due_at),
        "last_error": delivery.last_error,
        "updated_at": write_time(delivery.updated_at),
    }


def describe_backlog(backlog: Backlog) -> dict[str, Any]:
    """Return what is not finished."""
    return {
        "messages": backlog.messages,
        "deliveries_pending": dict(backlog.pending),
        "deliveries_dead": dict(backlog.dead),
    }


def describe_sink(sink: SinkState) -> dict[str, Any]:
    """Return how the latest attempts to a sink went."""
    return {
        "name": sink.sink,
        "failing": sink.is_failing,
        "last_error": sink.error,
        "failed": sink.failed,
        "delivered_at": write_time(sink.delivered_at),
    }


def describe_spike(spike: Spike) -> dict[str, Any]:
    """Return what a provider refuses more than usual."""
    return {
        "provider": spike.provider,
        "reason": spike.reason,
        "count": spike.count,
        "usual_in_two_hours": spike.usual,
        "hours": spike.hours,
    }
