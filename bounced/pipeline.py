"""Understand one message: parse, identify, classify, in this order and without side effects.

This is the whole of the project as a library::

    from bounced.pipeline import understand

    for outcome in understand(raw).outcomes:
        print(outcome.recipient, outcome.verdict.reason, outcome.verdict.advice)
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from bounced.classify import Knowledge, Profile, classify
from bounced.identify import VerpSettings, narrow, read_original, read_return_paths, sent_to
from bounced.knowledge import shipped_knowledge
from bounced.model import (
    Action,
    Advice,
    Confidence,
    Finding,
    Kind,
    Outcome,
    Understanding,
    Verdict,
    Verp,
    kind_of,
)
from bounced.model.address import is_same_mailbox, recipient_key
from bounced.parse import DEFAULT_LIMITS, Limits, parse, read_answer

# What was answered, as reporters quote it: "after RCPT TO:<ann@example.com>:".
_COMMAND = re.compile(r"\b(?:rcpt to|mail from): ?<[^<>\s]{0,320}>", re.IGNORECASE)
_UNPROVEN = "the return path is genuine, but does not prove which of several recipients it was given to"
_SEVERITY = (Kind.SUCCESS, Kind.DELAY, Kind.BOUNCE)
_JUDGED = frozenset({Kind.BOUNCE, Kind.DELAY})
_UNSIGNED = VerpSettings()
_ABOUT_SOMEBODY = {Kind.BOUNCE: Action.FAILED, Kind.DELAY: Action.DELAYED, Kind.FEEDBACK_REPORT: None}


def understand(
    raw: bytes,
    *,
    knowledge: Knowledge | None = None,
    profile: Profile = Profile.RULES,
    headers: Iterable[str] = (),
    limits: Limits = DEFAULT_LIMITS,
    recipients: Iterable[str] = (),
    verp: VerpSettings | None = None,
    today: date | None = None,
) -> Understanding:
    """Say what a message is, whom it concerns and what follows.

    Args:
        raw: The message as received; any octets will do.
        knowledge: Tables and rules; those of the package where left out.
        profile: Whether texts may overrule codes.
        headers: Further header fields of the returned message to report.
        limits: How much of the message to look at.
        recipients: Those of the envelope; without them the header gives hints, but no proof.
        verp: How to read return paths; without it only those of other systems are read.
        today: The day on which the message came, in UTC; None takes signed return paths of any age.
    """
    knowledge = knowledge or shipped_knowledge()
    report = parse(raw, limits=limits, headers=headers)
    original = read_original(report.original_headers, report.fields)
    return_path = read_return_paths(
        recipients, report.delivered_to, verp or _UNSIGNED, today=today, sent_from=report.sent_from
    )
    outcomes: dict[str, Outcome] = {}
    findings = report.findings or _prove_finding(report.kind, return_path)
    for finding, told in zip(findings, narrow(return_path, findings), strict=True):
        recipient = sent_to(finding, original, told)
        is_alias = finding.is_alias or not is_same_mailbox(recipient, finding.recipient)
        is_hearsay = is_alias or finding.is_shared or report.is_unsigned or _is_about_us(finding, report.delivered_to)
        verdict = _judge(finding, report.kind, knowledge, profile, is_hearsay=is_hearsay)
        outcome = Outcome(recipient, finding, verdict, told)
        key = recipient_key(outcome.recipient) or outcome.recipient
        known = outcomes.get(key)
        outcomes[key] = outcome if known is None else _worse(known, outcome)
    if outcomes and return_path and return_path.is_verified and not any(map(_is_proven, outcomes.values())):
        report = replace(report, notes=(*report.notes, _UNPROVEN))
    return Understanding(report, original, tuple(outcomes.values()), return_path)


def _worse(known: Outcome, further: Outcome) -> Outcome:
    """Choose between two fates of a recipient: the worse one counts, once.

    What was refused for now may be refused for good afterwards. Nobody is dead of whom the report says
    something else as well: that he lives, that another host refuses him for another cause, or for now at last.
    """
    is_worse = _severity(further) > _severity(known)
    worse, other = (further, known) if is_worse else (known, further)
    if worse.verdict is None or not _suppresses(worse) or _suppresses(other) or (is_worse and _may_pass(other)):
        return worse
    why = replace(worse.verdict.why, confidence=Confidence.WEAK)
    return replace(worse, verdict=replace(worse.verdict, advice=Advice.REVIEW, why=why))


def _severity(outcome: Outcome) -> tuple[int, bool]:
    return _SEVERITY.index(outcome.kind), not _may_pass(outcome)


def _may_pass(outcome: Outcome) -> bool:
    """Whether the recipient was refused for now only."""
    said = (outcome.verdict.status or outcome.verdict.reply) if outcome.verdict else None
    return outcome.kind is Kind.DELAY or (said is not None and said.is_transient)


def _suppresses(outcome: Outcome) -> bool:
    return outcome.verdict is not None and outcome.verdict.advice is Advice.SUPPRESS


def _prove_finding(kind: Kind, return_path: Verp | None) -> tuple[Finding, ...]:
    """Return whom a report is about that names nobody, where a signed return path proves it.

    Providers take the recipient out of complaints; what a message goes back to is left in.
    """
    if kind not in _ABOUT_SOMEBODY or return_path is None or not return_path.is_verified or not return_path.recipient:
        return ()
    return (Finding(return_path.recipient, action=_ABOUT_SOMEBODY[kind]),)


def _is_proven(outcome: Outcome) -> bool:
    return outcome.verp is not None and outcome.verp.is_verified


def judge_answer(text: str, *, host: str | None = None, knowledge: Knowledge | None = None) -> Verdict:
    """Say what the answer of one server means, without a message around it.

    Args:
        text: What the server said.
        host: Its name, where it is known.
        knowledge: Tables and rules; those of the package where left out.
    """
    return classify(read_answer(text, host=host), knowledge or shipped_knowledge())


def lost_examples(knowledge: Knowledge) -> dict[str, str]:
    """Return the rules that do not win their own example, each with the rule that wins it instead."""
    lost = {}
    for rule in (*knowledge.rules.rules, *knowledge.words.rules):
        host = knowledge.rules.host_of(rule.provider) if rule.provider else None
        winner = judge_answer(rule.example, host=host, knowledge=knowledge).why.rule
        if winner != rule.name:
            lost[rule.name] = winner
    return lost


def _judge(finding: Finding, kind: Kind, knowledge: Knowledge, profile: Profile, *, is_hearsay: bool) -> Verdict | None:
    """Return the verdict, or None where nothing failed."""
    if kind not in _JUDGED or kind_of(finding.action) not in _JUDGED:
        return None
    return classify(finding, knowledge, profile=profile, is_hearsay=is_hearsay)


def _is_about_us(finding: Finding, ours: Iterable[str]) -> bool:
    """Whether the answer names an address of ours, where reports come to, and not the one that was written to.

    "550 5.1.1 <news@example.net> unknown domain" is about the sender, whatever the code says.
    """
    if "@" not in (finding.diagnostic or ""):
        return False
    said = _COMMAND.sub("", finding.diagnostic or "").lower()
    recipients = filter(None, (finding.recipient, finding.original_recipient))
    if any(address.lower() in said for address in recipients):
        return False
    return any(address.lower() in said for address in ours)
