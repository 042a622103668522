"""Read rule files: texts of any server, and packs of one provider each."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from math import prod

import tomli

from bounced.classify.rules import Rule
from bounced.errors import KnowledgeError
from bounced.model import Provider, Stage, Status

_NEEDED = frozenset({"name", "reason", "source", "example"})
_OPTIONAL = frozenset({"pattern", "status", "reply", "stage", "hint"})
_CHOICE = re.compile(r"\{([^{}]*)\}")
_MOST_CHOICES = 1000
_PACK = frozenset({"name", "label", "hosts", "marks", "postmaster", "rule"})


@dataclass(frozen=True, slots=True)
class Pack:
    """What we know of one provider.

    Attributes:
        provider: Who it is.
        hosts: How the names of its hosts end.
        marks: Words that only its servers use.
        rules: What its servers say.
    """

    provider: Provider
    hosts: tuple[str, ...]
    marks: tuple[str, ...]
    rules: tuple[Rule, ...]


def read_rules(file: str, text: str, reasons: Mapping[str, object]) -> list[Rule]:
    """Read a file of rules for the texts of any server.

    Args:
        file: Its name, for errors and as the first part of the rules' names.
        text: Its content.
        reasons: The reasons that exist.

    Raises:
        KnowledgeError: The file is no TOML, or a rule lacks something or names an unknown reason.
    """
    content = _read(file, text)
    if content.keys() - {"rule"}:
        raise KnowledgeError(f"{file}: must hold nothing but [[rule]] tables")
    return _read_entries(file, content, reasons)


def read_pack(file: str, text: str, reasons: Mapping[str, object]) -> Pack:
    """Read the file of one provider: who it is, how it is known, and its rules.

    Args:
        file: Its name, for errors.
        text: Its content.
        reasons: The reasons that exist.

    Raises:
        KnowledgeError: The file is no TOML or lacks something.
    """
    content = _read(file, text)
    if unknown := content.keys() - _PACK:
        raise KnowledgeError(f"{file}: there is no key {', '.join(sorted(unknown))}")
    provider = Provider(
        name=_text(file, content, "name"),
        label=_text(file, content, "label"),
        postmaster=_text(file, content, "postmaster") if "postmaster" in content else None,
    )
    hosts, marks = (_texts(file, content, key) for key in ("hosts", "marks"))
    if not hosts and not marks:
        raise KnowledgeError(f"{file}: hosts or marks must say how the provider is known")
    rules = _read_entries(file, content, reasons)
    prefix = f"providers/{provider.name}/"
    return Pack(
        provider, hosts, marks, tuple(replace(rule, name=prefix + rule.name, provider=provider) for rule in rules)
    )


def read_doubts(file: str, text: str) -> tuple[str, ...]:
    """Read the words that cast doubt on general rules, whatever list they stand in.

    Args:
        file: Its name, for errors.
        text: Its content.

    Raises:
        KnowledgeError: The file is no TOML or holds something else than lists of texts.
    """
    content = _read(file, text)
    return tuple(phrase for topic in content for phrase in _texts(file, content, topic))


def _read(file: str, text: str) -> dict[str, object]:
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise KnowledgeError(f"{file}: {error}") from error


def _read_entries(file: str, content: Mapping[str, object], reasons: Mapping[str, object]) -> list[Rule]:
    entries = content.get("rule", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise KnowledgeError(f"{file}: rules are written as [[rule]] tables")
    rules = [_read_rule(file, entry, reasons) for entry in entries]
    if twice := [name for name, count in Counter(rule.name for rule in rules).items() if count > 1]:
        raise KnowledgeError(f"{file}: two rules are called {twice[0]!r}; an event names the rule that decided")
    return rules


def _read_rule(file: str, entry: Mapping[str, object], reasons: Mapping[str, object]) -> Rule:
    where = f"{file}, rule {entry.get('name')!r}"
    if not _NEEDED <= entry.keys() <= _NEEDED | _OPTIONAL:
        needed, optional = (", ".join(sorted(keys)) for keys in (_NEEDED, _OPTIONAL))
        raise KnowledgeError(f"{where}: needs the keys {needed}, and may have {optional}")
    rule = Rule(
        name=_text(where, entry, "name"),
        pattern=_spell_out(where, _texts(where, entry, "pattern")),
        reason=_text(where, entry, "reason"),
        source=_text(where, entry, "source"),
        example=_text(where, entry, "example"),
        status=tuple(_status(where, text) for text in _texts(where, entry, "status")),
        reply=_numbers(where, entry, "reply"),
        stage=tuple(_stage(where, text) for text in _texts(where, entry, "stage")),
        hint=_text(where, entry, "hint") if "hint" in entry else None,
    )
    if not rule.pattern and not rule.status:
        raise KnowledgeError(f"{where}: pattern or status must say when it applies")
    if any(not phrase.replace(".", "").strip() for phrase in rule.pattern):
        raise KnowledgeError(f"{where}: a phrase of pattern is empty")
    if rule.reason not in reasons:
        raise KnowledgeError(f"{where}: unknown reason {rule.reason!r}")
    return rule


def _spell_out(where: str, pattern: Iterable[str]) -> tuple[str, ...]:
    """Return the phrases that a pattern stands for: "{user|mailbox} unknown" is two."""
    phrases: dict[str, None] = {}
    for phrase in pattern:
        if "{" not in phrase:
            phrases[phrase] = None
            continue
        parts = [part.split("|") if place % 2 else [part] for place, part in enumerate(_CHOICE.split(phrase))]
        if prod(map(len, parts)) > _MOST_CHOICES:
            raise KnowledgeError(f"{where}: {phrase!r} stands for more than {_MOST_CHOICES} phrases")
        phrases |= dict.fromkeys(map("".join, product(*parts)))
    return tuple(phrases)


def _text(where: str, entry: Mapping[str, object], key: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value.strip():
        raise KnowledgeError(f"{where}: {key} must be text")
    return value


def _texts(where: str, entry: Mapping[str, object], key: str) -> tuple[str, ...]:
    values = entry.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise KnowledgeError(f"{where}: {key} must be a list of texts")
    return tuple(values)


def _numbers(where: str, entry: Mapping[str, object], key: str) -> tuple[int, ...]:
    values = entry.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, int) for value in values):
        raise KnowledgeError(f"{where}: {key} must be a list of numbers")
    return tuple(values)


def _status(where: str, text: str) -> Status:
    status = Status.parse(text)
    if status is None:
        raise KnowledgeError(f"{where}: {text!r} is no enhanced status code")
    return status


def _stage(where: str, text: str) -> Stage:
    if text not in set(Stage):
        raise KnowledgeError(f"{where}: {text!r} is none of the stages {', '.join(Stage)}")
    return Stage(text)
