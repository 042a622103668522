"""Understand one message: parse, identify, classify, in this order and without side effects.

This is the whole of the project as a library::

    from bounced.pipeline import understand

    for outcome in understand(raw).outcomes:
        print(outcome.recipient, outcome.verdict.reason, outcome.verdict.advice)
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache

from bounced.classify import (
    CodeTables,
    Knowledge,
    Profile,
    Rule,
    RuleSet,
    classify,
    read_pack,
    read_rules,
    read_tables,
)
from bounced.identify import read_original, sent_to
from bounced.model import Finding, Kind, Original, Outcome, Understanding, Verdict
from bounced.parse import DEFAULT_LIMITS, Limits, parse, read_answer
from bounced.shipped import list_names, read_text

_DATA = "bounced.classify.data"
_PACKS = "bounced.classify.providers"
_TEXTS = "bounced.classify.texts"
_SEVERITY = (Kind.SUCCESS, Kind.DELAY, Kind.BOUNCE)
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
    own = [rule for name, text in (rule_files or {}).items() for rule in _read_rules(name, text, tables)]
    packs = [read_pack(name, read_text(_PACKS, name), tables.reasons) for name in list_names(_PACKS, ".toml")]
    texts = [
        rule
        for name in list_names(_TEXTS, ".toml")
        for rule in _read_rules(f"texts/{name}", read_text(_TEXTS, name), tables)
    ]
    rules = RuleSet(
        [*own, *(rule for pack in packs for rule in pack.rules), *texts],
        {host: pack.provider for pack in packs for host in pack.hosts},
        [(mark, pack.provider) for pack in packs for mark in pack.marks],
    )
    return Knowledge(tables, rules)


def _read_rules(file: str, text: str, tables: CodeTables) -> list[Rule]:
    prefix = file.removesuffix(".toml")
    return [replace(rule, name=f"{prefix}/{rule.name}") for rule in read_rules(file, text, tables.reasons)]


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
        key = outcome.recipient.lower()
        known = outcomes.get(key)
        # A recipient that is named twice was reached in two ways: the worse one counts, once.
        if known is None or _SEVERITY.index(outcome.kind) > _SEVERITY.index(known.kind):
            outcomes[key] = outcome
    return Understanding(report, original, tuple(outcomes.values()))


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
    for rule in knowledge.rules.rules:
        host = knowledge.rules.host_of(rule.provider) if rule.provider else None
        winner = judge_answer(rule.example, host=host, knowledge=knowledge).why.rule
        if winner != rule.name:
            lost[rule.name] = winner
    return lost


def _conclude(finding: Finding, kind: Kind, original: Original, knowledge: Knowledge, profile: Profile) -> Outcome:
    outcome = Outcome(sent_to(finding, original), finding, None)
    if kind not in _JUDGED or outcome.kind not in _JUDGED:
        return outcome
    return Outcome(outcome.recipient, finding, classify(finding, knowledge, profile=profile))
