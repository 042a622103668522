"""Judge what is known of a recipient: from many facts to one standing.

A standing follows from the *set* of facts alone. They are folded in the order
in which they happened, so neither the order in which they arrive nor repeats
change the outcome, and whoever has the facts can draw the conclusion again.

What suppresses at once is strong evidence against the recipient, or a
complaint. What may pass has to persist, over distinct messages and days. What
is our own fault, or says nothing, never counts.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from bounced.model import Action, BounceType, Confidence, Fault, Kind, Message, Outcome, Understanding
from bounced.model.address import recipient_key

_MOST_FACTS = 200
DECAYED = "earlier bounces no longer count"


class State(StrEnum):
    """How a recipient stands; later ones outweigh earlier ones."""

    ACTIVE = "active"
    SOFT_BOUNCING = "soft_bouncing"
    UNDELIVERABLE = "undeliverable"
    SUPPRESSED = "suppressed"
    COMPLAINED = "complained"


class FactKind(StrEnum):
    """What happened to a recipient."""

    HARD = "hard"
    SOFT = "soft"
    COMPLAINT = "complaint"
    DELIVERED = "delivered"
    CLEARED = "cleared"
    IMPORTED = "imported"


_BOUNCES = frozenset({FactKind.HARD, FactKind.SOFT})
_CLEARINGS = frozenset({FactKind.CLEARED})
_SIGNS_OF_LIFE = frozenset({FactKind.CLEARED, FactKind.DELIVERED})


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened to one recipient; also a line of the audit trail.

    Attributes:
        recipient: The key of the address, see `recipient_key`.
        message_id: The message that says so, or a name for the act of an operator.
        occurred_at: When the message came, or the operator acted.
        kind: What happened.
        reason: Why a bounce bounced, or why an operator acted.
        fault: Whose fault a bounce is.
        code: Our code of a bounce.
        is_weak: Whether the evidence is too weak to count.
        verified: Whether the message answers one of ours; acts of operators always are.
        state: The state that was imported; None for all other kinds.
        by: Who acted; None for messages.
        note: What whoever acted wrote beside it.
    """

    recipient: str
    message_id: str
    occurred_at: datetime
    kind: FactKind
    reason: str | None = None
    fault: Fault | None = None
    code: str | None = None
    is_weak: bool = False
    verified: bool = True
    state: State | None = None
    by: str | None = None
    note: str | None = None

    @property
    def day(self) -> date:
        """The day on which it happened, in UTC."""
        return self.occurred_at.astimezone(UTC).date()


@dataclass(frozen=True, slots=True)
class Threshold:
    """How long soft bounces must persist: over distinct messages, distinct days, within a time."""

    bounces: int = 5
    days: int = 3
    within_days: float = 30


@dataclass(frozen=True, slots=True)
class Policy:
    """What makes a recipient undeliverable, and what is believed.

    Attributes:
        threshold: For all reasons together that have none of their own.
        by_reason: For single reasons, which are then counted alone.
        decay_days: After this time without a bounce earlier ones no longer count.
        require_verified: Whether bounces, complaints and success notices count only where they answer our mail.
    """

    threshold: Threshold = Threshold()
    by_reason: Mapping[str, Threshold] = field(default_factory=dict)
    decay_days: float = 30
    require_verified: bool = False

    def believes(self, fact: Fact) -> bool:
        """Whether `fact` may change anything."""
        return fact.verified or not self.require_verified


DEFAULT_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class Standing:
    """How a recipient stands, and why.

    Attributes:
        state: What follows from the facts.
        why: The ground, in a few words.
        since: When the fact that led to the state happened; None where there is none.
        reason: The reason of the latest bounce or complaint.
        counts: Facts of each kind, each message once.
        days: On how many distinct days there were bounces.
        first_bounce_at: When the first bounce came.
        last_bounce_at: When the latest bounce came.
        decays_at: When a recipient that is soft bouncing will be active again, if nothing happens.
        epoch: Which sign of life ended the past: the id of its fact, empty where there was none.
        grounds: The facts without which the state would be another.
    """

    state: State
    why: str
    since: datetime | None = None
    reason: str | None = None
    counts: Mapping[FactKind, int] = field(default_factory=dict)
    days: int = 0
    first_bounce_at: datetime | None = None
    last_bounce_at: datetime | None = None
    decays_at: datetime | None = None
    epoch: str = ""
    grounds: tuple[Fact, ...] = ()


def find_facts(message: Message, understanding: Understanding) -> tuple[Fact, ...]:
    """Return what `message` proves about recipients.

    A delay is no fact: whether the mail arrives is still open. A notice that
    mail was relayed or expanded is no sign of life, and a feedback report in
    which nobody complains says nothing of the recipient.
    """
    match understanding.kind:
        case Kind.BOUNCE | Kind.DELAY | Kind.SUCCESS:
            found = [_find_fact(message, outcome) for outcome in understanding.outcomes]
        case Kind.FEEDBACK_REPORT if understanding.report.is_complaint:
            found = [_find_complaint(message, outcome) for outcome in understanding.outcomes]
        case _:
            found = []
    return tuple([fact for fact in found if fact])


def _find_complaint(message: Message, outcome: Outcome) -> Fact | None:
    key, moment = recipient_key(outcome.recipient), message.envelope.received_at
    if key is None:
        return None
    return Fact(key, message.id, moment, FactKind.COMPLAINT, "complaint", verified=_is_verified(outcome))


def _find_fact(message: Message, outcome: Outcome) -> Fact | None:
    key, moment, verdict = recipient_key(outcome.recipient), message.envelope.received_at, outcome.verdict
    verified = _is_verified(outcome)
    if key is None:
        return None
    if outcome.finding.action is Action.DELIVERED:
        return Fact(key, message.id, moment, FactKind.DELIVERED, verified=verified)
    if outcome.kind is not Kind.BOUNCE or verdict is None:
        return None
    return Fact(
        key,
        message.id,
        moment,
        FactKind.HARD if verdict.bounce_type is BounceType.HARD else FactKind.SOFT,
        verdict.reason,
        verdict.fault,
        verdict.code,
        is_weak=verdict.why.confidence is Confidence.WEAK,
        verified=verified,
    )


def _is_verified(outcome: Outcome) -> bool:
    return outcome.verp is not None and outcome.verp.is_verified


def judge(facts: Iterable[Fact], policy: Policy, now: datetime | None = None) -> Standing:
    """Say how the recipient stands of whom `facts` speak.

    A sign of life ends what was before it: a success notice all but a
    complaint, an operator everything.

    Args:
        facts: All that is known of one recipient, in any order, repeats allowed.
        policy: What counts, and how much of it.
        now: The time at which decay is judged; left out, nothing decays after the last bounce.
    """
    known = _in_order(fact for fact in facts if policy.believes(fact))
    uncleared, cleared_by = _after_last(known, _CLEARINGS)
    current, sign_of_life = _after_last(known, _SIGNS_OF_LIFE)
    signs = tuple(dict.fromkeys(sign for sign in (cleared_by, sign_of_life) if sign))
    verdict = (
        _claim(uncleared, State.COMPLAINED)
        or _claim(current, State.SUPPRESSED)
        or _claim(current, State.UNDELIVERABLE)
        or _weigh(current, policy, now)
        or Standing(State.ACTIVE, sign_of_life.kind if sign_of_life else "nothing counts against it")
    )
    bounces = [fact for fact in known if fact.kind in _BOUNCES]
    told = [fact for fact in known if fact.kind in _BOUNCES or fact.kind is FactKind.COMPLAINT]
    return Standing(
        verdict.state,
        verdict.why,
        verdict.since or (sign_of_life.occurred_at if sign_of_life else None),
        reason=told[-1].reason if told else None,
        counts=Counter(fact.kind for fact in known),
        days=len({fact.day for fact in bounces}),
        first_bounce_at=bounces[0].occurred_at if bounces else None,
        last_bounce_at=bounces[-1].occurred_at if bounces else None,
        decays_at=verdict.decays_at,
        epoch=sign_of_life.message_id if sign_of_life else "",
        grounds=(*signs, *verdict.grounds),
    )


def find_surplus(facts: Sequence[Fact], policy: Policy, limit: int = _MOST_FACTS) -> list[Fact]:
    """Return the facts to forget so that `limit` are left and the state is the same.

    What many facts say is said by a few: of those alike on one day the later
    ones go first, then whatever is oldest.
    """
    if len(facts) <= limit:
        return []
    grounds = set(judge(facts, policy).grounds)
    alike: Counter[tuple[date, FactKind, str | None]] = Counter()
    spare: list[tuple[int, Fact]] = []
    for fact in sorted(facts, key=_order):
        like = (fact.day, fact.kind, fact.reason)
        alike[like] += 1
        if fact not in grounds:
            spare.append((alike[like], fact))
    spare.sort(key=lambda ranked: -ranked[0])
    return [fact for _, fact in spare[: len(facts) - limit]]


def _order(fact: Fact) -> tuple[datetime, str, str]:
    return fact.occurred_at, fact.message_id, fact.kind


def _in_order(facts: Iterable[Fact]) -> list[Fact]:
    """Return facts as they happened, each message once for each kind."""
    once: dict[tuple[str, FactKind], Fact] = {}
    for fact in sorted(facts, key=_order):
        once.setdefault((fact.message_id, fact.kind), fact)
    return list(once.values())


def _after_last(facts: Sequence[Fact], kinds: frozenset[FactKind]) -> tuple[Sequence[Fact], Fact | None]:
    """Return what follows the last fact of one of `kinds`, and that fact."""
    for index in reversed(range(len(facts))):
        if facts[index].kind in kinds:
            return facts[index + 1 :], facts[index]
    return facts, None


def _claim(facts: Iterable[Fact], state: State) -> Standing | None:
    """Find the first fact that alone is enough for `state`."""
    for fact in facts:
        if _claimed_by(fact) is state:
            why = f"imported by {fact.by}" if fact.kind is FactKind.IMPORTED else f"{fact.kind}: {fact.reason}"
            return Standing(state, why, fact.occurred_at, grounds=(fact,))
    return None


def _claimed_by(fact: Fact) -> State | None:
    if fact.kind is FactKind.COMPLAINT:
        return State.COMPLAINED
    if fact.kind is FactKind.HARD and fact.fault is Fault.RECIPIENT and not fact.is_weak:
        return State.SUPPRESSED
    return fact.state


def _counts(fact: Fact) -> bool:
    """Whether a bounce counts towards a threshold: not where we have to mend something, or nothing is clear."""
    if fact.is_weak:
        return False
    if fact.kind is FactKind.SOFT:
        return fact.fault not in (Fault.SENDER, Fault.MESSAGE)
    return fact.kind is FactKind.HARD and fact.fault is Fault.SYSTEM


class _Window:
    """The bounces of one reason, or of all that have no threshold of their own, that are recent enough to count."""

    def __init__(self, threshold: Threshold) -> None:
        self._threshold = threshold
        self._facts: deque[Fact] = deque()
        self._days: Counter[date] = Counter()

    def add(self, fact: Fact) -> bool:
        """Count one more bounce; tell whether that is one too many."""
        self._facts.append(fact)
        self._days[fact.day] += 1
        start = fact.occurred_at - timedelta(days=self._threshold.within_days)
        while self._facts[0].occurred_at < start:
            day = self._facts.popleft().day
            self._days[day] -= 1
            if not self._days[day]:
                del self._days[day]
        return len(self._facts) >= self._threshold.bounces and len(self._days) >= self._threshold.days

    def prove(self) -> tuple[Fact, ...]:
        """Return as few bounces as reach the threshold, so that a flood on one day is not kept for ever."""
        first_of_day = {fact.day: fact for fact in reversed(self._facts)}
        proof = [*first_of_day.values()][: self._threshold.days]
        others = [fact for fact in reversed(self._facts) if fact not in proof]
        return tuple(sorted((*proof, *others[: max(0, self._threshold.bounces - len(proof))]), key=_order))


def _weigh(facts: Iterable[Fact], policy: Policy, now: datetime | None) -> Standing | None:
    """See whether soft bounces persist, or at least have not decayed."""
    run: list[Fact] = []
    windows: dict[str | None, _Window] = {}
    decay = timedelta(days=policy.decay_days)
    for fact in filter(_counts, facts):
        if run and fact.occurred_at - run[-1].occurred_at >= decay:
            run.clear()
            windows.clear()
        run.append(fact)
        threshold = policy.by_reason.get(fact.reason or "")
        window = windows.setdefault(fact.reason if threshold else None, _Window(threshold or policy.threshold))
        if window.add(fact):
            grounds = window.prove()
            days = len({ground.day for ground in grounds})
            why = f"{len(grounds)} bounces on {days} days, the last of them {fact.reason}"
            return Standing(State.UNDELIVERABLE, why, fact.occurred_at, grounds=grounds)
    if not run:
        return None
    decays_at = run[-1].occurred_at + decay
    if now is not None and now >= decays_at:
        return Standing(State.ACTIVE, DECAYED, decays_at, grounds=(run[-1],))
    why = f"{len(run)} bounces, the last of them {run[-1].reason}"
    return Standing(State.SOFT_BOUNCING, why, run[0].occurred_at, decays_at=decays_at, grounds=(run[-1],))
