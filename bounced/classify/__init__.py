"""Conclude from a finding: hard or soft, why, whose fault, what to do.

The answer is looked for in the text, then in the enhanced status code, then
in the reply code; where there is nothing it is 911. A finer answer beats a
coarser one, but a temporary code stays soft whatever the reason.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from bounced.classify.codes import NO_CODE, Code, CodeTables, Reason, read_tables
from bounced.classify.files import Pack, read_doubts, read_pack, read_rules
from bounced.classify.rules import Evidence, Match, Rule, RuleSet, Words, comparable, without_names
from bounced.model import (
    Action,
    Advice,
    BounceType,
    Confidence,
    Fault,
    Finding,
    Provider,
    Reply,
    Stage,
    Status,
    Verdict,
    Why,
)
from bounced.phrases import PhraseIndex

__all__ = [
    "CodeTables",
    "Knowledge",
    "Match",
    "Pack",
    "Profile",
    "Rule",
    "RuleSet",
    "classify",
    "read_doubts",
    "read_pack",
    "read_rules",
    "read_tables",
]

# These say no more than "it failed", so a finer code in the diagnostic is used instead.
_SAYS_NOTHING = frozenset({(0, 0), (5, 0)})
_BEFORE_RCPT = frozenset({Stage.CONNECT, Stage.HELO, Stage.MAIL})
_NO_SUCH_USER = Status(5, 1, 1)
_NO_SUCH_USER_PERHAPS = frozenset({Reply(550), Reply(551), Reply(553)})
# These are all that a code can suggest which may stand for anything (X.7.1, X.2.0).
_COARSE_REASONS = frozenset({"policy", "undefined"})
# These cost the recipient his mail, in words that are used of senders, keys and servers as well.
_COSTLY_REASONS = frozenset({"user_unknown", "domain_unknown", "not_accepting", "mailbox_moved"})
_UNKNOWN = frozenset({"user_unknown", "domain_unknown"})
# Behind one of these an answer goes on to something else: advice, whom to call, what happened to the message.
_END_OF_CLAUSE = re.compile(
    r"[.;!?](?=\s|\Z)| - (?!temp)|https?:|\b(?:a copy of|please|bitte|veuillez|por favor|if you)\b"
)
_OWN = "\0"
_WAY_TO_OWN = re.compile(r"(?:@[\w.,@-]{1,255}:)?\0")
# They answer commands that a server does not know, or not now, whoever else is unknown in their words.
_ABOUT_COMMANDS = frozenset({Reply(500), Reply(502), Reply(503)})
# What is further away than this belongs to another sentence.
_NEAR = 80


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
        doubts: What shows that an answer speaks of somebody else than the recipient, or only supposes.
    """

    tables: CodeTables
    rules: RuleSet
    words: RuleSet
    doubts: PhraseIndex


@dataclass(frozen=True, slots=True)
class _Ground:
    """What decided: a reason, why it was chosen, and what its rule advises."""

    reason: Reason
    why: Why
    hint: str | None = None


def classify(
    finding: Finding, knowledge: Knowledge, *, profile: Profile = Profile.RULES, is_hearsay: bool = False
) -> Verdict:
    """Draw the verdict on one recipient that failed or is delayed.

    Args:
        finding: What the report says.
        knowledge: Tables and rules.
        profile: Whether texts may overrule codes.
        is_hearsay: Whether the report may be no report at all, so that whatever it says is weak evidence.
    """
    status = finer(finding.status, finding.said_status)
    decisive = finding.reply if _says_nothing(status) else None
    words = knowledge.rules.find_words(finding.diagnostic or finding.explanation or "")
    provider = knowledge.rules.recognise(finding.remote_mta, words)
    if profile is Profile.RULES:
        ground = _by_everything(finding, words, provider, status, decisive, knowledge)
    else:
        ground = _by_code(status, decisive, knowledge.tables)
    why = replace(ground.why, confidence=Confidence.WEAK) if is_hearsay else ground.why
    code = _find_row(status, decisive, knowledge.tables)
    bounce_type = code.bounce_type
    if profile is Profile.RULES and ground.reason.bounce_type is not None:
        bounce_type = ground.reason.bounce_type
    if _is_transient(finding, status):
        bounce_type = BounceType.SOFT
    return Verdict(
        bounce_type=bounce_type,
        advice=advise(bounce_type, ground.reason.fault, why.confidence),
        reason=ground.reason.name,
        fault=ground.reason.fault,
        code=code.code,
        code_text=code.text,
        status=status,
        reply=finding.reply,
        why=why,
        provider=provider,
        hint=ground.hint,
    )


def _by_everything(
    finding: Finding,
    words: Words,
    provider: Provider | None,
    status: Status | None,
    decisive: Reply | None,
    knowledge: Knowledge,
) -> _Ground:
    """Ask the diagnostic, then the codes; where these say too little, the rest of the text, then single words."""
    statuses = frozenset([one for one in (finding.status, finding.said_status) if one is not None])
    evidence = Evidence(statuses, finding.reply, finding.stage, provider)
    rules, reasons = knowledge.rules, knowledge.tables.reasons
    diagnostic, explanation = finding.diagnostic or "", finding.explanation or ""
    if match := rules.first_match(words, evidence):
        if _costs_mail(match.rule):
            by_code = _by_code(status, decisive, knowledge.tables)
            if _is_about_sender(by_code.reason):
                return by_code
        text = diagnostic or _without_own(explanation, finding)
        return _ground_of(match, reasons, _credit(match, text, evidence, knowledge, is_quoted=bool(diagnostic)))
    by_code = _by_code(status, decisive, knowledge.tables)
    if _is_guess(finding) or (by_code.reason.name in _UNKNOWN and knowledge.doubts.find(comparable(diagnostic))):
        by_code = replace(by_code, why=replace(by_code.why, confidence=Confidence.WEAK))
    if by_code.reason.fault is Fault.UNKNOWN and diagnostic and explanation:
        match = rules.first_match(rules.find_words(explanation), evidence)
        # A warning says how long the sender has tried, and that is no cause yet.
        if match and not (match.rule.reason == "expired" and finding.action is Action.DELAYED):
            return _ground_of(match, reasons, _credit(match, _without_own(explanation, finding), evidence, knowledge))
    if status is not None and status.detail != 0 and by_code.reason.name not in _COARSE_REASONS:
        return by_code
    telling = knowledge.words.find_words(without_names(diagnostic))
    match = knowledge.words.first_match(telling, evidence)
    return _ground_of(match, reasons, Confidence.WEAK) if match else by_code


def _credit(
    match: Match, text: str, evidence: Evidence, knowledge: Knowledge, *, is_quoted: bool = False
) -> Confidence:
    """Say how far a rule is believed.

    A general rule that would cost the recipient his mail is weak where the text
    speaks of others too, or the server had not heard of him yet, unless a code
    says that it is about him. A server that is quoted may name the address to
    which it forwards; the text around names others. Before a server hears of
    anybody it may say that it takes no mail at all (RFC 7504).
    """
    if not _costs_mail(match.rule):
        return Confidence.LIKELY
    by_codes = (knowledge.tables.reason_of_status(status)[0] for status in evidence.statuses)
    if any(reason.fault is Fault.RECIPIENT for reason in by_codes):
        return Confidence.LIKELY
    if evidence.stage in _BEFORE_RCPT and match.rule.reason != "not_accepting":
        return Confidence.WEAK
    if evidence.reply in _ABOUT_COMMANDS:
        return Confidence.WEAK
    around = _around(match.words, text)
    is_about_another = not is_quoted and "@" in around.replace(match.words, "") and match.words in comparable(text)
    return Confidence.WEAK if is_about_another or knowledge.doubts.find(around) else Confidence.LIKELY


def _costs_mail(rule: Rule) -> bool:
    """Whether general words would cost the recipient his mail."""
    return rule.is_general and rule.reason in _COSTLY_REASONS


def _is_about_sender(reason: Reason) -> bool:
    """Whether a code is surely about the sender (X.1.8, X.7.8, 535): who is unknown in the words behind it is he."""
    return reason.fault is Fault.SENDER and reason.name not in _COARSE_REASONS


def _without_own(text: str, finding: Finding) -> str:
    """Return a text in lower case without the addresses of the recipient himself, and the way to them.

    RFC 5321 appendix C: "@relay.example.net:ann@example.com".
    """
    text = text.lower()
    for address in filter(None, (finding.recipient, finding.original_recipient)):
        text = text.replace(address.lower(), _OWN)
    return _WAY_TO_OWN.sub("", text) if _OWN in text else text


def _around(words: str, text: str) -> str:
    """Return what stands near the words by which a rule was found, in the same clause."""
    before, _, after = comparable(text).partition(words)
    return f"{_END_OF_CLAUSE.split(before[-_NEAR:])[-1]}{words}{_END_OF_CLAUSE.split(after[:_NEAR], 1)[0]}"


def _ground_of(match: Match, reasons: Mapping[str, Reason], confidence: Confidence) -> _Ground:
    return _Ground(reasons[match.rule.reason], Why(match.rule.name, match.words, confidence), match.rule.hint)


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


def _is_guess(finding: Finding) -> bool:
    """Whether the status is what the reporter made of a bare reply, or came before the server knew the recipient.

    Sendmail and others say 5.1.1 for every 550, 551 and 553 to RCPT, even where the server only said "Denied".
    """
    is_made_up = finding.said_status is None and finding.reply in _NO_SUCH_USER_PERHAPS
    return finding.stage in _BEFORE_RCPT or (finding.status == _NO_SUCH_USER and is_made_up)


def _says_nothing(status: Status | None) -> bool:
    return status is None or (status.subject, status.detail) in _SAYS_NOTHING


def _find_row(status: Status | None, decisive: Reply | None, tables: CodeTables) -> Code:
    """Find the row of our table; a reply code is given only where it says more than the status."""
    if decisive is not None:
        return tables.by_reply(decisive)
    return tables.codes[NO_CODE] if status is None else tables.by_status(status)


def _by_code(status: Status | None, decisive: Reply | None, tables: CodeTables) -> _Ground:
    """Find the reason that the code alone suggests; a reply code is given only where it says more than the status."""
    if decisive is not None:
        why = Why(f"codes/reply/{decisive}", str(decisive), Confidence.LIKELY)
        return _Ground(tables.reason_of_reply(decisive), why)
    if status is None:
        return _Ground(tables.reasons["undefined"], Why(f"codes/{NO_CODE}", None, Confidence.WEAK))
    reason, entry = tables.reason_of_status(status)
    confidence = Confidence.WEAK if status.is_undefined else Confidence.CERTAIN
    return _Ground(reason, Why(f"codes/enhanced/{entry}", str(status), confidence))


def _is_transient(finding: Finding, status: Status | None) -> bool:
    """Whether anybody called the failure temporary: the reporter, or the server in its reply or its enhanced code.

    QUIRK: Haraka says "Status: 5.1.2" of a 450 4.1.2 that it got until it gave up.
    """
    reply, said = finding.reply, finding.said_status
    if finding.action is Action.DELAYED or (reply is not None and reply.is_transient):
        return True
    is_vague = reply is not None and status is not None and status.is_undefined
    return any(one is not None and one.is_transient for one in (said, None if is_vague else status))
