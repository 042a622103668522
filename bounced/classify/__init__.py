"""Conclude from a finding: hard or soft, why, whose fault, what to do.

The answer is looked for in the text, then in the enhanced status code, then
in the reply code; where there is nothing it is 911. A finer answer beats a
coarser one, but a temporary code stays soft whatever the reason.
"""

from dataclasses import dataclass
from enum import StrEnum

from bounced.classify.codes import NO_CODE, Code, CodeTables, Reason, read_tables
from bounced.classify.files import Pack, read_pack, read_rules
from bounced.classify.rules import Evidence, Match, Rule, RuleSet, Words, without_names
from bounced.model import (
    Action,
    Advice,
    BounceType,
    Confidence,
    Fault,
    Finding,
    Provider,
    Reply,
    Status,
    Verdict,
    Why,
)

__all__ = [
    "CodeTables",
    "Knowledge",
    "Match",
    "Pack",
    "Profile",
    "Rule",
    "RuleSet",
    "classify",
    "read_pack",
    "read_rules",
    "read_tables",
]

_TRANSIENT = 4
# These say no more than "it failed", so a finer code in the diagnostic is used instead.
_SAYS_NOTHING = frozenset({(0, 0), (5, 0)})
# These are all that a code can suggest which may stand for anything (X.7.1, X.2.0).
_COARSE_REASONS = frozenset({"policy", "undefined"})


class Profile(StrEnum):
    """What may decide: everything we know, or the code table alone."""

    RULES = "rules"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Everything verdicts are drawn from.

    Attributes:
        tables: The codes.
        rules: What decides before the codes do.
        words: Weak evidence, asked where neither rules nor codes name a cause.
    """

    tables: CodeTables
    rules: RuleSet
    words: RuleSet


@dataclass(frozen=True, slots=True)
class _Ground:
    """What decided: a reason, why it was chosen, and what its rule advises."""

    reason: Reason
    why: Why
    hint: str | None = None


def classify(finding: Finding, knowledge: Knowledge, *, profile: Profile = Profile.RULES) -> Verdict:
    """Draw the verdict on one recipient that failed or is delayed.

    Args:
        finding: What the report says.
        knowledge: Tables and rules.
        profile: Whether texts may overrule codes.
    """
    status = finer(finding.status, finding.said_status)
    code, ground = _by_code(status, finding.reply, knowledge.tables)
    words = knowledge.rules.find_words(finding.diagnostic or finding.explanation or "")
    provider = knowledge.rules.recognise(finding.remote_mta, words)
    if profile is Profile.RULES:
        ground = _by_rules(finding, words, provider, knowledge, ground)
    bounce_type = code.bounce_type
    if profile is Profile.RULES and ground.reason.bounce_type is not None:
        bounce_type = ground.reason.bounce_type
    if _is_transient(finding, status):
        bounce_type = BounceType.SOFT
    return Verdict(
        bounce_type=bounce_type,
        advice=advise(bounce_type, ground.reason.fault, ground.why.confidence),
        reason=ground.reason.name,
        fault=ground.reason.fault,
        code=code.code,
        code_text=code.text,
        status=status,
        reply=finding.reply,
        why=ground.why,
        provider=provider,
        hint=ground.hint,
    )


def _by_rules(
    finding: Finding, words: Words, provider: Provider | None, knowledge: Knowledge, by_code: _Ground
) -> _Ground:
    """Ask the rules about the diagnostic, and about the rest of the text where that and the codes say nothing."""
    statuses = frozenset(status for status in (finding.status, finding.said_status) if status is not None)
    evidence = Evidence(statuses, finding.reply, finding.stage, provider)
    match = knowledge.rules.first_match(words, evidence)
    if match is None and finding.diagnostic and finding.explanation and by_code.reason.fault is Fault.UNKNOWN:
        match = knowledge.rules.first_match(knowledge.rules.find_words(finding.explanation), evidence)
    if match is None:
        return _by_words(finding, evidence, knowledge, by_code)
    why = Why(match.rule.name, match.words, Confidence.LIKELY)
    return _Ground(knowledge.tables.reasons[match.rule.reason], why, match.rule.hint)


def _by_words(finding: Finding, evidence: Evidence, knowledge: Knowledge, by_code: _Ground) -> _Ground:
    """Ask for single telling words of the diagnostic, unless the code names the very thing that failed."""
    status = finer(finding.status, finding.said_status)
    if status is not None and status.detail != 0 and by_code.reason.name not in _COARSE_REASONS:
        return by_code
    match = knowledge.words.first_match(knowledge.words.find_words(without_names(finding.diagnostic or "")), evidence)
    if match is None:
        return by_code
    why = Why(match.rule.name, match.words, Confidence.WEAK)
    return _Ground(knowledge.tables.reasons[match.rule.reason], why, match.rule.hint)


def finer(field: Status | None, said: Status | None) -> Status | None:
    """Choose between the Status field and the code that the diagnostic quotes.

    The field wins unless it says nothing (5.0.0, 5.5.0, 4.0.0) or only names
    a subject (5.7.0) where the diagnostic names the detail.
    """
    if field is None or said is None:
        return field or said
    is_vague = (field.subject, field.detail) in _SAYS_NOTHING
    names_detail = field.detail == 0 and field.subject == said.subject and said.detail != 0
    return said if (is_vague and not said.is_undefined) or names_detail else field


def advise(bounce_type: BounceType, fault: Fault, confidence: Confidence) -> Advice:
    """Say what to do with the address; weak evidence never costs anyone their mail."""
    if bounce_type is BounceType.SOFT:
        return Advice.RETRY
    match fault:
        case Fault.RECIPIENT:
            return Advice.REVIEW if confidence is Confidence.WEAK else Advice.SUPPRESS
        case Fault.SYSTEM:
            return Advice.RETRY
        case Fault.SENDER | Fault.MESSAGE:
            return Advice.FIX
        case Fault.UNKNOWN:
            return Advice.REVIEW


def _by_code(status: Status | None, reply: Reply | None, tables: CodeTables) -> tuple[Code, _Ground]:
    """Find the row of our table, and the reason that the code alone suggests."""
    says_nothing = status is None or (status.subject, status.detail) in _SAYS_NOTHING
    if reply is not None and says_nothing:
        why = Why(f"codes/reply/{reply}", str(reply), Confidence.LIKELY)
        return tables.by_reply(reply), _Ground(tables.reason_of_reply(reply), why)
    if status is not None:
        reason, entry = tables.reason_of_status(status)
        confidence = Confidence.WEAK if status.is_undefined else Confidence.CERTAIN
        return tables.by_status(status), _Ground(reason, Why(f"codes/enhanced/{entry}", str(status), confidence))
    why = Why(f"codes/{NO_CODE}", None, Confidence.WEAK)
    return tables.codes[NO_CODE], _Ground(tables.reasons["undefined"], why)


def _is_transient(finding: Finding, status: Status | None) -> bool:
    """Whether the reporter called the failure temporary: the finest code it gave says so."""
    if status is not None and not status.is_undefined:
        return status.class_ == _TRANSIENT
    if finding.reply is not None:
        return finding.reply.is_transient
    return finding.action is Action.DELAYED or (status is not None and status.class_ == _TRANSIENT)
