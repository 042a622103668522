"""Understand one message: parse, identify, classify, in this order and without side effects.

This is the whole of the project as a library::

    from bounced.pipeline import understand

    for outcome in understand(raw).outcomes:
        print(outcome.recipient, outcome.verdict.reason, outcome.verdict.advice)
"""

from collections.abc import Iterable, Mapping
from functools import cache

from bounced.classify import Knowledge, Profile, RuleSet, classify, read_rules, read_tables
from bounced.identify import read_original, sent_to
from bounced.model import Finding, Kind, Original, Outcome, Understanding
from bounced.parse import DEFAULT_LIMITS, Limits, parse
from bounced.shipped import read_text

_DATA = "bounced.classify.data"
_JUDGED = frozenset({Kind.BOUNCE, Kind.DELAY})


def make_knowledge(rule_files: Mapping[str, str] | None = None) -> Knowledge:
    """Return the tables and rules of the package, with further rules before them.

    Args:
        rule_files: The text of each further rule file by its name, in the order in which they apply.

    Raises:
        KnowledgeError: A file is malformed.
    """
    tables = read_tables(
        codes=read_text(_DATA, "bounce-codes.csv"),
        replies=read_text(_DATA, "reply-codes.csv"),
        statuses=read_text(_DATA, "enhanced-status-codes.csv"),
        reasons=read_text(_DATA, "reasons.csv"),
    )
    files = {**(rule_files or {}), "texts.toml": read_text(_DATA, "texts.toml")}
    return Knowledge(
        tables, RuleSet([rule for name, text in files.items() for rule in read_rules(name, text, tables.reasons)])
    )


@cache
def shipped_knowledge() -> Knowledge:
    """Return the tables and rules that come with the package, read once."""
    return make_knowledge()


def understand(
    raw: bytes,
    *,
    knowledge: Knowledge | None = None,
    profile: Profile = Profile.RULES,
    headers: Iterable[str] = (),
    limits: Limits = DEFAULT_LIMITS,
) -> Understanding:
    """Say what a message is, whom it concerns and what follows.

    Args:
        raw: The message as received; any octets will do.
        knowledge: Tables and rules; those of the package where left out.
        profile: Whether texts may overrule codes.
        headers: Further header fields of the returned message to report.
        limits: How much of the message to look at.
    """
    knowledge = knowledge or shipped_knowledge()
    report = parse(raw, limits=limits, headers=headers)
    original = read_original(report.original_headers)
    outcomes: dict[str, Outcome] = {}
    for finding in report.findings:
        outcome = _conclude(finding, report.kind, original, knowledge, profile)
        outcomes.setdefault(outcome.recipient.lower(), outcome)
    return Understanding(report, original, tuple(outcomes.values()))


def _conclude(finding: Finding, kind: Kind, original: Original, knowledge: Knowledge, profile: Profile) -> Outcome:
    outcome = Outcome(sent_to(finding, original), finding, None)
    if kind not in _JUDGED or outcome.kind not in _JUDGED:
        return outcome
    return Outcome(outcome.recipient, finding, classify(finding, knowledge, profile=profile))
