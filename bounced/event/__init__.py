"""Write what we concluded as events that consumers can rely on.

An event is a CloudEvents 1.0 document. Its data have one shape for every
type, described by the JSON Schema that ``bounced.event.schema`` generates and the
package ships; what is not known is null. Nothing here depends on when or how
often it runs: the same message yields the same octets.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from bounced.event.data import SCHEMA, EventData
from bounced.event.schema import json_schema
from bounced.model import Advice, Event, EventType, Kind, Message, Original, Outcome, Report, Understanding, Verp, Why

__all__ = [
    "SCHEMA",
    "EventData",
    "describe_original",
    "describe_outcome",
    "describe_understanding",
    "json_schema",
    "make_events",
    "make_quarantine_event",
    "make_undeliverable_event",
    "make_unrecognized_event",
]

_TYPE_OF_KIND = {
    Kind.BOUNCE: EventType.BOUNCE,
    Kind.DELAY: EventType.DELAY,
    Kind.SUCCESS: EventType.DELIVERY,
    Kind.AUTO_REPLY: EventType.AUTO_REPLY,
}
_ABOUT_DELIVERY = frozenset({Kind.BOUNCE, Kind.DELAY, Kind.SUCCESS})

# Every field that speaks of a recipient, as null.
_NO_RECIPIENT = dict.fromkeys(name for name in EventData.__slots__ if name not in ("original", "message"))

# Made once: to make one costs more than to use it.
_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
# A NUL as JSON writes it; behind one more backslash the same is a backslash and letters.
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")

# What brokers and proxies refuse is far longer (NATS and Kafka: 1 MiB), but one report can make a thousand events.
_LONGEST_DOCUMENT, _LONGEST_TEXT = 16_384, 2000


def describe_outcome(outcome: Outcome) -> dict[str, Any]:
    """Return what is known of one recipient as plain JSON values."""
    finding, verdict = outcome.finding, outcome.verdict
    provider = verdict and verdict.provider
    return {
        "recipient": outcome.recipient,
        "original_recipient": finding.original_recipient,
        "final_recipient": finding.recipient,
        "bounce_type": verdict and verdict.bounce_type,
        "advice": verdict and verdict.advice,
        "reason": verdict and verdict.reason,
        "fault": verdict and verdict.fault,
        "code": verdict and verdict.code,
        "code_text": verdict and verdict.code_text,
        "status": _text(verdict.status if verdict else finding.status),
        "reply_code": _text(finding.reply),
        "action": finding.action,
        "diagnostic": finding.diagnostic,
        "why": _describe_why(verdict.why) if verdict else None,
        "provider": provider and provider.name,
        "postmaster": provider and provider.postmaster,
        "hint": verdict and verdict.hint,
        "remote_mta": finding.remote_mta,
        "verp": _describe_verp(outcome.verp),
    }


def describe_original(original: Original) -> dict[str, Any]:
    """Return the fields of the returned mail as plain JSON values."""
    return {
        "message_id": original.message_id,
        "from": original.from_,
        "to": original.to,
        "subject": original.subject,
        "date": original.date,
        "list_id": original.list_id,
        "feedback_id": original.feedback_id,
        "list_unsubscribe": original.list_unsubscribe,
        "envelope_id": original.envelope_id,
        "headers": dict(original.headers),
    }


def _describe_verp(verp: Verp | None) -> dict[str, Any] | None:
    return {"id": verp.id, "verified": verp.is_verified, "form": verp.form} if verp else None


def _describe_why(why: Why) -> dict[str, str | None]:
    return {"rule": why.rule, "evidence": why.evidence, "confidence": why.confidence}


def describe_understanding(understanding: Understanding) -> dict[str, Any]:
    """Return all that was read and concluded as plain JSON values, as ``bounced parse`` prints it."""
    return {
        "kind": understanding.kind,
        "recipients": [describe_outcome(outcome) for outcome in understanding.outcomes],
        "original": describe_original(understanding.original),
        "reporting_mta": understanding.report.reporting_mta,
        "reader": understanding.report.reader,
        "notes": list(understanding.report.notes),
    }


def make_events(message: Message, understanding: Understanding, *, source: str) -> tuple[Event, ...]:
    """Write one event per recipient, or a single one where the message names none.

    Args:
        message: The message, for its id and when it came.
        understanding: What it says and what follows.
        source: The ``source`` of CloudEvents, naming this installation.
    """
    of_report = _type_of_report(understanding.report)
    by_outcome = [
        (_TYPE_OF_KIND[outcome.kind] if understanding.kind in _ABOUT_DELIVERY else of_report, outcome)
        for outcome in understanding.outcomes
    ]
    named = [(type_, outcome) for type_, outcome in by_outcome if type_ is not EventType.UNRECOGNIZED]
    if not named:
        return (_make(message, of_report, understanding, None, source),)
    return tuple(_make(message, type_, understanding, outcome, source) for type_, outcome in named)


def make_undeliverable_event(bounce: Event, *, recipient: str, epoch: str) -> Event:
    """Write that a recipient has become undeliverable: the event of the last bounce, with the advice to stop sending.

    Args:
        bounce: The event of the bounce that was one too many.
        recipient: The key of the recipient, the same for every spelling of the address.
        epoch: Names the time since the last sign of life: in it there is one such event.
    """
    type_ = EventType.UNDELIVERABLE
    event_id = Event.derive_id(epoch, type_, recipient)
    document = json.loads(bounce.document) | {"id": event_id, "type": type_}
    # A bounce that was corrected names the one it replaces; this replaces nothing.
    document["data"] |= {"advice": Advice.SUPPRESS, "replaces": None}
    return Event(event_id, type_, bounce.recipient, routing_key=type_, document=_write(document))


def make_unrecognized_event(message: Message, understanding: Understanding, *, source: str) -> Event:
    """Write that a message says nothing of anybody."""
    return _make(message, EventType.UNRECOGNIZED, understanding, None, source)


def make_quarantine_event(message: Message, *, source: str) -> Event:
    """Write the event for a message that no attempt to read survived."""
    data = _NO_RECIPIENT | {
        "original": describe_original(Original()),
        "message": _describe_message(message, None, ["quarantined: reading this message failed three times"]),
    }
    return _wrap(message, EventType.UNRECOGNIZED, None, data, source)


def _type_of_report(report: Report) -> EventType:
    if report.is_complaint:
        return EventType.COMPLAINT
    return _TYPE_OF_KIND.get(report.kind, EventType.UNRECOGNIZED)


def _make(
    message: Message, type_: EventType, understanding: Understanding, outcome: Outcome | None, source: str
) -> Event:
    return _wrap(message, type_, outcome, _describe(message, understanding, outcome), source)


def _describe(message: Message, understanding: Understanding, outcome: Outcome | None) -> dict[str, Any]:
    report = understanding.report
    return {
        **_NO_RECIPIENT,
        **(describe_outcome(outcome) if outcome else {"verp": _describe_verp(understanding.verp)}),
        "reporting_mta": report.reporting_mta,
        "original": describe_original(understanding.original),
        "message": _describe_message(message, report.kind, list(report.notes)),
    }


def _wrap(
    message: Message,
    type_: EventType,
    outcome: Outcome | None,
    data: Mapping[str, Any],
    source: str,
) -> Event:
    recipient = outcome.recipient if outcome else None
    verdict = outcome.verdict if outcome else None
    event_id = Event.derive_id(message.id, type_, recipient)
    is_bounce = type_ is EventType.BOUNCE and verdict is not None
    document = {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": type_,
        "time": data["message"]["received_at"],
        "datacontenttype": "application/json",
        "dataschema": SCHEMA,
        "data": data,
    }
    return Event(
        id=event_id,
        type=type_,
        recipient=recipient,
        routing_key=f"{type_}.{verdict.bounce_type}.{verdict.advice}" if is_bounce and verdict else type_,
        document=_write(document),
    )


def _write(document: Mapping[str, Any]) -> str:
    """Write a document as JSON, the texts of a very long one cut.

    A NUL becomes U+FFFD, because many a consumer's database takes none.
    """
    text = _encoder.encode(document)
    if len(text) > _LONGEST_DOCUMENT:
        text = _encoder.encode(_shorten(document))
    return _NUL.sub("\\1\ufffd", text) if "\\u0000" in text else text


def _shorten(value: Any) -> Any:
    """Return what a document holds, with texts that nobody reads to their end cut."""
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_TEXT else f"{value[:_LONGEST_TEXT]}…"
    if isinstance(value, list):
        return list(map(_shorten, value))
    return {name: _shorten(one) for name, one in value.items()} if isinstance(value, dict) else value


def _describe_message(message: Message, kind: Kind | None, notes: list[str]) -> dict[str, Any]:
    moment = message.envelope.received_at.astimezone(UTC)
    return {
        "id": message.id,
        "received_at": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "size": message.size,
        "kind": kind,
        "notes": notes,
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)
