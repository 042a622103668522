"""Apply ordered text rules: what servers say in words is finer than their codes.

A rule is data: ``name``, ``pattern`` (phrases, any of which is enough),
``reason``, ``source`` (who says so) and an ``example`` that the rule must
win. They stand in order, the most authoritative first, and the first match
wins.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bounced.phrases import PhraseIndex, fold
from bounced.errors import KnowledgeError

_KEYS = {"name", "pattern", "reason", "source", "example"}
# An explanation longer than this is quoted mail, not a reason.
_LOOKED_AT = 4096


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, as written in its file."""

    name: str
    pattern: tuple[str, ...]
    reason: str
    source: str
    example: str


@dataclass(frozen=True, slots=True)
class Match:
    """The rule that won and the words that made it win."""

    rule: Rule
    words: str


class RuleSet:
    """Rules in order, with one index over all their phrases."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._rule_of_phrase = [rule for rule in self.rules for _ in rule.pattern]
        self._index = PhraseIndex([phrase for rule in self.rules for phrase in rule.pattern])

    def first_match(self, text: str) -> Match | None:
        """Return the first rule that matches `text`, or None."""
        found = self._index.find(fold(text[:_LOOKED_AT]))
        if not found:
            return None
        number = min(found)
        return Match(self._rule_of_phrase[number], found[number])


def read_rules(file: str, text: str, reasons: Mapping[str, object]) -> list[Rule]:
    """Read the rules of one TOML file.

    Args:
        file: Its name, for errors.
        text: Its content.
        reasons: The reasons that exist.

    Raises:
        KnowledgeError: The file is no TOML, or a rule lacks something or names an unknown reason.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise KnowledgeError(f"{file}: {error}") from error
    entries = content.pop("rule", [])
    if content or not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise KnowledgeError(f"{file}: must hold nothing but [[rule]] tables")
    return [_read_rule(file, entry, reasons) for entry in entries]


def _read_rule(file: str, entry: dict[str, object], reasons: Mapping[str, object]) -> Rule:
    where = f"{file}, rule {entry.get('name')!r}"
    if set(entry) != _KEYS:
        raise KnowledgeError(f"{where}: keys must be exactly {', '.join(sorted(_KEYS))}")
    pattern = entry.pop("pattern")
    if not isinstance(pattern, list) or not pattern or not all(map(_is_phrase, pattern)):
        raise KnowledgeError(f"{where}: pattern must be a list of phrases")
    texts = {key: value for key, value in entry.items() if isinstance(value, str)}
    if len(texts) < len(entry):
        raise KnowledgeError(f"{where}: {', '.join(sorted(entry.keys() - texts.keys()))} must be text")
    if texts["reason"] not in reasons:
        raise KnowledgeError(f"{where}: unknown reason {texts['reason']!r}")
    return Rule(pattern=tuple(pattern), **texts)


def _is_phrase(value: object) -> bool:
    return isinstance(value, str) and fold(value).strip(". ") != ""
