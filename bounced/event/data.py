"""The shape of an event's data, one for every type."""

from dataclasses import dataclass
from typing import Literal

SCHEMA = "urn:bounced:schemas/bounce-1.json"


@dataclass(frozen=True, slots=True)
class WhyData:
    """Why the verdict is what it is."""

    rule: str
    evidence: str | None
    confidence: Literal["certain", "likely", "weak"]


@dataclass(frozen=True, slots=True)
class VerpData:
    """What the return path says."""

    id: str | None
    verified: bool
    form: str


@dataclass(frozen=True, slots=True)
class OriginalData:
    """The mail that failed, by the fields that came back with it."""

    message_id: str | None
    from_: str | None
    to: str | None
    subject: str | None
    date: str | None
    list_id: str | None
    feedback_id: str | None
    list_unsubscribe: str | None
    envelope_id: str | None
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class MessageData:
    """The message that came back."""

    id: str
    received_at: str
    size: int
    kind: str | None
    notes: list[str]


@dataclass(frozen=True, slots=True)
class EventData:
    """What an event says of one recipient.

    The order of the fields is the order in the document.
    """

    recipient: str | None
    original_recipient: str | None
    final_recipient: str | None
    bounce_type: Literal["hard", "soft"] | None
    advice: Literal["suppress", "retry", "fix", "review"] | None
    reason: str | None
    fault: Literal["recipient", "sender", "message", "system", "unknown"] | None
    code: str | None
    code_text: str | None
    status: str | None
    reply_code: str | None
    action: Literal["failed", "delayed", "delivered", "relayed", "expanded"] | None
    diagnostic: str | None
    why: WhyData | None
    provider: str | None
    postmaster: str | None
    hint: str | None
    reporting_mta: str | None
    remote_mta: str | None
    verp: VerpData | None
    replaces: str | None
    original: OriginalData
    message: MessageData
