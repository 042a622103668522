"""Read the tables and rules that verdicts are drawn from, as they come with the package.

Whoever only looks something up in them needs nothing of what reads messages.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from bounced.classify import (
    CodeTables,
    Knowledge,
    Rule,
    RuleSet,
    read_doubts,
    read_pack,
    read_rules,
    read_tables,
)
from bounced.phrases import PhraseIndex
from bounced.shipped import list_names, read_text

_DATA = "bounced.classify.data"
_PACKS = "bounced.classify.providers"
_TEXTS = "bounced.classify.texts"
_WORDS = "bounced.classify.words"


def make_knowledge(rule_files: Mapping[str, str] | None = None) -> Knowledge:
    """Return the tables and rules of the package, with further rules before them.

    Args:
        rule_files: The text of each further rule file by its name, in the order in which they apply.

    Raises:
        KnowledgeError: A file is malformed.
    """
    tables = shipped_tables()
    own = [rule for name, text in (rule_files or {}).items() for rule in _read_rules(name, text, tables)]
    packs = [read_pack(name, read_text(_PACKS, name), tables.reasons) for name in list_names(_PACKS, ".toml")]
    texts = [replace(rule, is_general=True) for rule in _read_package("texts", _TEXTS, tables)]
    rules = RuleSet(
        [*own, *(rule for pack in packs for rule in pack.rules), *texts],
        {host: pack.provider for pack in packs for host in pack.hosts},
        [(mark, pack.provider) for pack in packs for mark in pack.marks],
    )
    doubts = PhraseIndex(read_doubts("doubts.toml", read_text(_DATA, "doubts.toml")))
    return Knowledge(tables, rules, RuleSet(_read_package("words", _WORDS, tables)), doubts)


def _read_package(directory: str, package: str, tables: CodeTables) -> list[Rule]:
    names = list_names(package, ".toml")
    return [rule for name in names for rule in _read_rules(f"{directory}/{name}", read_text(package, name), tables)]


def _read_rules(file: str, text: str, tables: CodeTables) -> list[Rule]:
    prefix = file.removesuffix(".toml")
    return [replace(rule, name=f"{prefix}/{rule.name}") for rule in read_rules(file, text, tables.reasons)]


@cache
def shipped_tables() -> CodeTables:
    """Return the tables that come with the package, read once."""
    return read_tables(
        codes=read_text(_DATA, "bounce-codes.csv"),
        replies=read_text(_DATA, "reply-codes.csv"),
        statuses=read_text(_DATA, "enhanced-status-codes.csv"),
        reasons=read_text(_DATA, "reasons.csv"),
    )


@cache
def shipped_knowledge() -> Knowledge:
    """Return the tables and rules that come with the package, read once."""
    return make_knowledge()
