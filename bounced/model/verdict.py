"""What we conclude from a report."""

from dataclasses import dataclass

from bounced.model.codes import Reply, Status
from bounced.model.report import Finding, Original, Report, Verp
from bounced.model.sets import Action, Advice, BounceType, Confidence, Fault, Kind


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


def kind_of(action: Action | None) -> Kind:
    """Return what an action alone would make of a message; one that is not told is a failure."""
    match action:
        case Action.DELIVERED | Action.RELAYED | Action.EXPANDED:
            return Kind.SUCCESS
        case Action.DELAYED:
            return Kind.DELAY
        case Action.FAILED | None:
            return Kind.BOUNCE


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the original for one recipient.

    Attributes:
        recipient: The address we sent to, as far as the message proves it.
        finding: What the report says of it.
        verdict: What follows; None where nothing failed.
        verp: What the return path tells of this recipient.
    """

    recipient: str
    finding: Finding
    verdict: Verdict | None
    verp: Verp | None = None

    @property
    def kind(self) -> Kind:
        """What this outcome alone would make of the message; a report may mix failed and delivered."""
        return kind_of(self.finding.action)


@dataclass(frozen=True, slots=True)
class Understanding:
    """Everything a message says and what we conclude from it."""

    report: Report
    original: Original
    outcomes: tuple[Outcome, ...]
    verp: Verp | None = None

    @property
    def kind(self) -> Kind:
        """What the message is."""
        return self.report.kind
