"""Read one message to its end: what it says, what follows, and what is to be told.

The outcome is plain values, because it comes from another process.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from functools import partial

from bounced.classify import Knowledge, Profile
from bounced.escalate import Fact, find_facts
from bounced.event import describe_understanding, make_events
from bounced.identify import VerpSettings
from bounced.knowledge import make_knowledge
from bounced.model import Envelope, Event, Kind, Message, Outcome, Understanding

Understand = Callable[[bytes, Envelope | None], Understanding]
"""Parse, identify and classify in one call, with the envelope where that is known."""

_encoder = json.JSONEncoder(ensure_ascii=False)  # made once: to make one costs more than to use it


@dataclass(frozen=True, slots=True)
class Recipe:
    """What understands messages is made from; it can be sent to another process, which then makes it.

    Attributes:
        rule_files: The text of each further rule file by its name, in the order in which they apply.
        profile: Whether texts may overrule codes.
        headers: Further header fields of the returned message to report.
        verp: How to read return paths.
    """

    rule_files: Mapping[str, str]
    profile: Profile
    headers: tuple[str, ...]
    verp: VerpSettings

    def __call__(self) -> Understand:
        """Make it.

        Raises:
            KnowledgeError: A rule file is malformed.
        """
        return self.using(make_knowledge(self.rule_files))

    def using(self, knowledge: Knowledge) -> Understand:
        """Make it with tables and rules that were read already."""
        # The daemon sends recipes and reads nothing itself: what reads costs it neither time at the start nor memory.
        from bounced.pipeline import understand  # noqa: PLC0415

        return partial(
            _with_envelope,
            partial(understand, knowledge=knowledge, profile=self.profile, headers=self.headers, verp=self.verp),
        )


def _with_envelope(understand: Callable[..., Understanding], raw: bytes, envelope: Envelope | None) -> Understanding:
    if envelope is None:
        return understand(raw)
    # The day on which it came: to read it again later gives the same.
    today = envelope.received_at.astimezone(UTC).date()
    return understand(raw, recipients=envelope.recipients, today=today)


@dataclass(frozen=True, slots=True)
class Judged:
    """What is logged and counted of one recipient; where nothing failed, None stands for what follows from a failure.

    Attributes:
        recipient: The address we sent to.
        bounce_type: Whether it is a hard bounce or a soft one.
        advice: What to do.
        reason: Why.
        fault: Whose fault it is.
        rule: Which rule says so.
        provider: Whose server refused; empty where nobody knows.
        has_diagnostic: Whether a server said anything in words.
    """

    recipient: str
    bounce_type: str | None
    advice: str | None
    reason: str | None
    fault: str | None
    rule: str | None
    provider: str | None
    has_diagnostic: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """All that follows from one message by itself.

    Attributes:
        kind: What it is.
        report: What was read and concluded, as JSON.
        events: What is to be told.
        facts: What it says about recipients.
        judged: What was concluded about each of them.
        seconds: How long that took.
    """

    kind: Kind
    report: str
    events: tuple[Event, ...]
    facts: tuple[Fact, ...]
    judged: tuple[Judged, ...]
    seconds: float = field(compare=False)


def read_message(message: Message, understand: Understand, *, source: str) -> Reading:
    """Understand a message and write down what follows.

    Args:
        message: The message.
        understand: Parse, identify and classify in one call.
        source: How this installation names itself in events.
    """
    begin = time.perf_counter()
    understanding = understand(message.raw, message.envelope)
    return Reading(
        kind=understanding.kind,
        report=_encoder.encode(describe_understanding(understanding)),
        events=make_events(message, understanding, source=source),
        facts=find_facts(message, understanding),
        judged=tuple([_judged(outcome) for outcome in understanding.outcomes]),
        seconds=time.perf_counter() - begin,
    )


def _judged(outcome: Outcome) -> Judged:
    verdict, has_diagnostic = outcome.verdict, outcome.finding.diagnostic is not None
    if verdict is None:
        return Judged(outcome.recipient, None, None, None, None, None, None, has_diagnostic)
    provider = verdict.provider.name if verdict.provider else ""
    return Judged(
        outcome.recipient,
        str(verdict.bounce_type),
        str(verdict.advice),
        verdict.reason,
        str(verdict.fault),
        verdict.why.rule,
        provider,
        has_diagnostic,
    )
