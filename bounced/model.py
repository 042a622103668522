"""The words of the project: values that more than one stage speaks of.

Everything here is immutable and knows neither where it came from nor where
it goes. Names follow the RFCs: a *message* is the mail that came back, the
*original* is the mail that failed, a *finding* is what a report says of one
recipient, a *verdict* is what we conclude from it.
"""

import hashlib
import re
from base64 import b32encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Self


class Kind(StrEnum):
    """What a message is; only a bounce ever counts against an address."""

    BOUNCE = "bounce"
    DELAY = "delay"
    SUCCESS = "success"
    FEEDBACK_REPORT = "feedback_report"
    AUTO_REPLY = "auto_reply"
    CHALLENGE = "challenge"
    MDN = "mdn"
    NOT_BOUNCE = "not_bounce"


class Action(StrEnum):
    """What the reporting MTA did (RFC 3464 section 2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


class Stage(StrEnum):
    """Where in the SMTP dialogue a server refused (RFC 5321 section 3.3)."""

    CONNECT = "connect"
    HELO = "helo"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    END_OF_DATA = "end_of_data"


class BounceType(StrEnum):
    """Hard: this will never work. Soft: the same address may work later."""

    HARD = "hard"
    SOFT = "soft"


class Fault(StrEnum):
    """Who has to change something before the next message can get through."""

    RECIPIENT = "recipient"
    SENDER = "sender"
    MESSAGE = "message"
    SYSTEM = "system"
    UNKNOWN = "unknown"


class Advice(StrEnum):
    """What a consumer should do with the address."""

    SUPPRESS = "suppress"
    RETRY = "retry"
    FIX = "fix"
    REVIEW = "review"


class Confidence(StrEnum):
    """How strong the evidence behind a verdict is; weak evidence never suppresses."""

    CERTAIN = "certain"
    LIKELY = "likely"
    WEAK = "weak"


class EventType(StrEnum):
    """The types of events a consumer can subscribe to."""

    BOUNCE = "bounced.bounce"
    DELAY = "bounced.delay"
    DELIVERY = "bounced.delivery"
    COMPLAINT = "bounced.complaint"
    AUTO_REPLY = "bounced.auto_reply"
    UNDELIVERABLE = "bounced.undeliverable"
    UNRECOGNIZED = "bounced.unrecognized"


_STATUS = re.compile(r"([245])\.([0-9]{1,3})\.([0-9]{1,3})")


@dataclass(frozen=True, slots=True, order=True)
class Status:
    """An enhanced status code (RFC 3463 section 2): class, subject, detail."""

    class_: int
    subject: int
    detail: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a code such as ``5.1.1`` that makes up the whole of `text`, or return None."""
        match = _STATUS.fullmatch(text)
        return cls(*map(int, match.groups())) if match else None

    @property
    def is_undefined(self) -> bool:
        """Whether only the class means anything (``X.0.0``)."""
        return self.subject == 0 and self.detail == 0

    def __str__(self) -> str:
        return f"{self.class_}.{self.subject}.{self.detail}"


@dataclass(frozen=True, slots=True)
class Reply:
    """A bare SMTP reply code (RFC 5321 section 4.2), never to be mistaken for a table code."""

    code: int

    @property
    def is_transient(self) -> bool:
        """Whether the same command may succeed later (4yz)."""
        return self.code // 100 == 4  # noqa: PLR2004 - the first digit of RFC 5321 section 4.2.1

    def __str__(self) -> str:
        return str(self.code)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the SMTP or LMTP session said around a message.

    Attributes:
        sender: The reverse-path without brackets; empty for the null sender.
        recipients: The forward-paths that got 250, in order.
        received_at: When the message was complete, in UTC.
        client: The client's IP address; None over a unix socket or from a file.
        helo: What the client called itself.
        mail_parameters: ESMTP parameters of MAIL as sent (``RET=HDRS``, ``AUTH=<>``).
        rcpt_parameters: ESMTP parameters of RCPT as sent, one tuple per recipient.
    """

    sender: str
    recipients: tuple[str, ...]
    received_at: datetime
    client: str | None = None
    helo: str | None = None
    mail_parameters: tuple[str, ...] = ()
    rcpt_parameters: tuple[tuple[str, ...], ...] = ()


def _identifier(prefix: str, *parts: bytes) -> str:
    """Derive a stable id from `parts`; lengths are hashed too, so parts cannot run together."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return prefix + b32encode(digest.digest()[:16]).decode().rstrip("=").lower()


@dataclass(frozen=True, slots=True)
class Message:
    """A returned message as it was accepted.

    Attributes:
        id: Derived from envelope and content: the same mail sent twice has one id.
        envelope: What the session said around it.
        raw: The octets kept, at most the configured first part of the message.
        size: How many octets were sent.
    """

    id: str
    envelope: Envelope
    raw: bytes = field(repr=False)
    size: int

    @classmethod
    def of(cls, envelope: Envelope, raw: bytes, *, size: int | None = None) -> Self:
        """Name a message; `size` is given where `raw` holds only the first part of it."""
        size = len(raw) if size is None else size
        addresses = (envelope.sender, *envelope.recipients)
        # An address in octets that are no UTF-8 is held with lone surrogates.
        parts = [address.encode(errors="surrogatepass") for address in addresses]
        return cls(_identifier("msg_", str(len(parts)).encode(), *parts, raw, str(size).encode()), envelope, raw, size)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a report says of one recipient; None is what it does not say.

    Attributes:
        recipient: The address that failed (Final-Recipient).
        original_recipient: The address as the sender gave it (Original-Recipient).
        action: What was done.
        status: The Status field.
        said_status: The enhanced status code found in the diagnostic.
        reply: The SMTP reply code found in the diagnostic.
        diagnostic: The Diagnostic-Code as sent, with its type, unfolded and decoded.
        remote_mta: The host that refused.
        stage: The command that was refused, where the report says it.
        explanation: What the text for people says, where the diagnostic says too little.
        fields: All fields of the block as sent, decoded, for those who want more.
    """

    recipient: str
    original_recipient: str | None = None
    action: Action | None = None
    status: Status | None = None
    said_status: Status | None = None
    reply: Reply | None = None
    diagnostic: str | None = None
    remote_mta: str | None = None
    stage: Stage | None = None
    explanation: str | None = None
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What a message says, read but not judged.

    Attributes:
        kind: What the message is.
        findings: One for each recipient it speaks of.
        reporting_mta: The host that wrote the report.
        reader: Which reader understood it (``rfc3464``, ``flufl`` ...); None where none did.
        fields: The per-message fields as sent, decoded.
        original_headers: Header fields of the returned message that are of interest, names in lower case.
        notes: What was odd or cut short while reading.
    """

    kind: Kind
    findings: tuple[Finding, ...] = ()
    reporting_mta: str | None = None
    reader: str | None = None
    fields: tuple[tuple[str, str], ...] = ()
    original_headers: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Original:
    """The mail that failed, as far as its returned part tells."""

    message_id: str | None = None
    from_: str | None = None
    to: str | None = None
    subject: str | None = None
    date: str | None = None
    list_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Why:
    """The ground of a verdict: the rule that won, the words or code that made it win."""

    rule: str
    evidence: str | None
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class Provider:
    """A mailbox provider or filter whose answers we know.

    Attributes:
        name: What events call it.
        label: What people call it.
        postmaster: The address of its page for senders, where one is known.
    """

    name: str
    label: str
    postmaster: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What we conclude about one failed or delayed recipient.

    Attributes:
        provider: Whose server refused, where it could be recognised.
        hint: What to do, in one line, where the rule knows.
    """

    bounce_type: BounceType
    advice: Advice
    reason: str
    fault: Fault
    code: str
    code_text: str
    status: Status | None
    reply: Reply | None
    why: Why
    provider: Provider | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the original for one recipient.

    Attributes:
        recipient: The address we sent to, as far as the message proves it.
        finding: What the report says of it.
        verdict: What follows; None where nothing failed.
    """

    recipient: str
    finding: Finding
    verdict: Verdict | None

    @property
    def kind(self) -> Kind:
        """What this outcome alone would make of the message; a report may mix failed and delivered."""
        match self.finding.action:
            case Action.DELIVERED | Action.RELAYED | Action.EXPANDED:
                return Kind.SUCCESS
            case Action.DELAYED:
                return Kind.DELAY
            case Action.FAILED | None:
                return Kind.BOUNCE


@dataclass(frozen=True, slots=True)
class Understanding:
    """Everything a message says and what we conclude from it."""

    report: Report
    original: Original
    outcomes: tuple[Outcome, ...]

    @property
    def kind(self) -> Kind:
        """What the message is."""
        return self.report.kind


@dataclass(frozen=True, slots=True)
class Event:
    """One fact for consumers, complete and final.

    Attributes:
        id: Derived from message, type and recipient, so that a repeat has the same id.
        type: What consumers filter by.
        recipient: Whom it concerns; None where the message names nobody.
        routing_key: The subject on queues.
        document: The CloudEvents JSON on one line, byte for byte what every sink sends.
    """

    id: str
    type: EventType
    recipient: str | None
    routing_key: str
    document: str

    @staticmethod
    def derive_id(message_id: str, type_: EventType, recipient: str | None) -> str:
        """Return the id of the event of `type_` that `message_id` causes for `recipient`."""
        about = (message_id, type_, recipient or "")
        return _identifier("evt_", *(part.encode(errors="surrogatepass") for part in about))


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one sink; `attempt` counts from 1."""

    event: Event
    sink: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """The sink has confirmed the event."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The sink did not take the event.

    Attributes:
        error: What happened, in one line without secrets.
        retry_after_seconds: How long the sink asked us to wait, at least.
        is_final: Whether another attempt can never succeed.
        is_gone: Whether the sink asked for nothing more to be sent at all.
    """

    error: str
    retry_after_seconds: float | None = None
    is_final: bool = False
    is_gone: bool = False


SendResult = Delivered | Failed
