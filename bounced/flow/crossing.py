"""How messages and readings cross between the daemon and the process that reads: as plain tuples.

To pickle our own classes would take as long as to understand the message.
"""

from operator import attrgetter
from typing import Any

from bounced.escalate import Fact, FactKind
from bounced.flow.reading import Judged, Reading
from bounced.model import Envelope, Event, EventType, Fault, Kind, Message

Packed = tuple[Any, ...]

_envelope_fields = attrgetter(*Envelope.__slots__)
_judged_fields = attrgetter(*Judged.__slots__)


def pack_message(message: Message) -> Packed:
    """Return the parts of a message."""
    return message.id, _envelope_fields(message.envelope), message.raw, message.size


def unpack_message(packed: Packed) -> Message:
    """Put together what `pack_message` took apart."""
    id_, envelope, raw, size = packed
    return Message(id_, Envelope(*envelope), raw, size)


def pack_reading(reading: Reading) -> Packed:
    """Return the parts of a reading, without what its message tells."""
    return (
        str(reading.kind),
        reading.report,
        [(one.id, str(one.type), one.recipient, one.routing_key, one.document) for one in reading.events],
        list(map(_pack_fact, reading.facts)),
        list(map(_judged_fields, reading.judged)),
        reading.seconds,
    )


def _pack_fact(fact: Fact) -> Packed:
    fault = fact.fault and str(fact.fault)
    return fact.recipient, str(fact.kind), fact.reason, fault, fact.code, fact.is_weak, fact.verified


def unpack_reading(packed: Packed, message: Message) -> Reading:
    """Put together what `pack_reading` took apart: the reading of `message`."""
    kind, report, events, facts, judged, seconds = packed
    return Reading(
        Kind(kind),
        report,
        tuple([Event(id_, EventType(type_), *others) for id_, type_, *others in events]),
        tuple([_unpack_fact(fact, message) for fact in facts]),
        tuple([Judged(*one) for one in judged]),
        seconds,
    )


def _unpack_fact(packed: Packed, message: Message) -> Fact:
    recipient, kind, reason, fault, code, is_weak, verified = packed
    return Fact(
        recipient,
        message.id,
        message.envelope.received_at,
        FactKind(kind),
        reason,
        fault and Fault(fault),
        code,
        is_weak,
        verified,
    )
