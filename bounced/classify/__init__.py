"""Conclude from a finding: hard or soft, why, whose fault, what to do.

The answer is looked for in the text, then in the enhanced status code, then
in the reply code; where there is nothing it is 911. A finer answer beats a
coarser one, but a temporary code stays soft whatever the reason.
"""

from dataclasses import dataclass
from enum import StrEnum

from bounced.classify.codes import NO_CODE, Code, CodeTables, Reason, read_tables
from bounced.classify.rules import Match, Rule, RuleSet, read_rules
from bounced.model import Action, Advice, BounceType, Confidence, Fault, Finding, Reply, Status, Verdict, Why

__all__ = ["CodeTables", "Knowledge", "Match", "Profile", "Rule", "RuleSet", "classify", "read_rules", "read_tables"]

_TRANSIENT = 4
# These say no more than "it failed", so a finer code in the diagnostic is used instead.
_SAYS_NOTHING = frozenset({(0, 0), (5, 0)})


class Profile(StrEnum):
    """What may decide: everything we know, or the code table alone."""

    RULES = "rules"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Everything verdicts are drawn from."""

    tables: CodeTables
    rules: RuleSet


@dataclass(frozen=True, slots=True)
class _Ground:
    """What decided: a reason, and why it was chosen."""

    reason: Reason
    why: Why


def classify(finding: Finding, knowledge: Knowledge, *, profile: Profile = Profile.RULES) -> Verdict:
    """Draw the verdict on one recipient that failed or is delayed.

    Args:
        finding: What the report says.
        knowledge: Tables and rules.
        profile: Whether texts may overrule codes.
    """
    status = finer(finding.status, finding.said_status)
    code, code_ground = _by_code(status, finding.reply, knowledge.tables)
    match = _match(finding, knowledge.rules) if profile is Profile.RULES else None
    ground = code_ground if match is None else _by_text(match, knowledge.tables)
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
    )


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


def _match(finding: Finding, rules: RuleSet) -> Match | None:
    text = finding.diagnostic or finding.explanation
    return rules.first_match(text) if text else None


def _by_text(match: Match, tables: CodeTables) -> _Ground:
    why = Why(f"texts/{match.rule.name}", match.words, Confidence.LIKELY)
    return _Ground(tables.reasons[match.rule.reason], why)


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
