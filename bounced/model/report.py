"""What a message says, read but not judged."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bounced.model.codes import Reply, Status
from bounced.model.sets import Action, Kind, Stage

# RFC 6430: the recipient took the mail out of his junk. RFC 6591: a server could not authenticate it.
_NO_COMPLAINTS = frozenset({"not-spam", "auth-failure"})


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
        is_shared: Whether that text is about several recipients, and may mean another, or says several things of one.
        is_alias: Whether the report says that something else failed, to which the recipient leads.
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
    is_shared: bool = False
    is_alias: bool = False
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
        delivered_to: Where the message came to, as its own header says; anyone can write that.
        sent_from: The return paths of the mail complained of, as a complaint names them.
        is_unsigned: Whether only its words make it a report: no mail system signs for it, and no mail comes back.
        notes: What was odd or cut short while reading.
    """

    kind: Kind
    findings: tuple[Finding, ...] = ()
    reporting_mta: str | None = None
    reader: str | None = None
    fields: tuple[tuple[str, str], ...] = ()
    original_headers: Mapping[str, str] = field(default_factory=dict)
    delivered_to: tuple[str, ...] = ()
    sent_from: tuple[str, ...] = ()
    is_unsigned: bool = False
    notes: tuple[str, ...] = ()

    @property
    def is_complaint(self) -> bool:
        """Whether somebody complains, and not only a feedback report says something."""
        types = [value.strip().lower() for name, value in self.fields if name == "feedback-type"]
        return self.kind is Kind.FEEDBACK_REPORT and _NO_COMPLAINTS.isdisjoint(types)


@dataclass(frozen=True, slots=True)
class Original:
    """The mail that failed, as far as its returned part tells, and the ENVID that the report names (RFC 3461)."""

    message_id: str | None = None
    from_: str | None = None
    to: str | None = None
    subject: str | None = None
    date: str | None = None
    list_id: str | None = None
    feedback_id: str | None = None
    list_unsubscribe: str | None = None
    envelope_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verp:
    """What the return path tells of the mail that failed; None is what it does not tell.

    Attributes:
        id: What its sender put in to know it again.
        form: Which form it has: ``signed`` is ours.
        is_verified: Whether it is proven that nobody else made it, and that it is still valid.
        recipient: Whom the mail was sent to.
    """

    id: str | None
    form: str
    is_verified: bool
    recipient: str | None = None
