"""Apply ordered rules: what servers say in words is finer than their codes.

A rule is data: ``name``, ``pattern`` (phrases, any of which is enough),
``reason``, ``source`` (who says so) and an ``example`` that the rule must
win. It may ask for more: a ``status``, a ``reply`` code or a ``stage`` of the
dialogue, and it may give a ``hint`` of what to do. Rules stand in order, the
most authoritative first, and the first that applies wins.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bounced.model import Provider, Reply, Stage, Status
from bounced.phrases import PhraseIndex, fold

_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"]{1,128}@[^\s<>()\[\],;:\"]{1,255}")
# An explanation longer than this is quoted mail, not a reason.
_LOOKED_AT = 4096


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a rule may look at.

    Attributes:
        text: What the server said.
        statuses: The enhanced status codes, of the field and of the text.
        reply: The SMTP reply code.
        stage: What was refused.
        provider: Whose server it is, where that is known.
    """

    text: str
    statuses: frozenset[Status] = frozenset()
    reply: Reply | None = None
    stage: Stage | None = None
    provider: Provider | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; an empty tuple of codes or stages means any."""

    name: str
    pattern: tuple[str, ...]
    reason: str
    source: str
    example: str
    status: tuple[Status, ...] = ()
    reply: tuple[int, ...] = ()
    stage: tuple[Stage, ...] = ()
    hint: str | None = None
    provider: Provider | None = None

    def applies(self, evidence: Evidence) -> bool:
        """Whether all that the rule asks for besides its phrases is there."""
        return (
            (self.provider is None or self.provider == evidence.provider)
            and (not self.status or not evidence.statuses.isdisjoint(self.status))
            and (not self.reply or (evidence.reply is not None and evidence.reply.code in self.reply))
            and (not self.stage or evidence.stage in self.stage)
        )


@dataclass(frozen=True, slots=True)
class Match:
    """The rule that won and the words or code that made it win."""

    rule: Rule
    words: str


class RuleSet:
    """Rules in order, found by one index over all their phrases and one over the codes of those without."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._rule_of_phrase = [number for number, rule in enumerate(self.rules) for _ in rule.pattern]
        self._phrases = PhraseIndex([phrase for rule in self.rules for phrase in rule.pattern])
        self._of_status: dict[Status, list[int]] = {}
        for number, rule in enumerate(self.rules):
            for status in rule.status if not rule.pattern else ():
                self._of_status.setdefault(status, []).append(number)

    def first_match(self, evidence: Evidence) -> Match | None:
        """Return the first rule that applies, or None."""
        found = {number: str(status) for status in evidence.statuses for number in self._of_status.get(status, ())}
        # What stands in an address is a name, whatever words it is made of.
        text = _ADDRESS.sub("@", evidence.text[:_LOOKED_AT])
        for phrase, words in self._phrases.find(fold(text)).items():
            found.setdefault(self._rule_of_phrase[phrase], words)
        for number in sorted(found):
            if self.rules[number].applies(evidence):
                return Match(self.rules[number], found[number])
        return None


class Providers:
    """Knows a provider by the name of its host, else by words that only its servers use.

    The domain of the recipient is not looked at: it says who takes the mail in
    the end, not whose filter refused it.

    Args:
        hosts: Providers by the end of their hosts' names.
        marks: Providers by words of theirs.
    """

    def __init__(self, hosts: Mapping[str, Provider], marks: Iterable[tuple[str, Provider]]) -> None:
        self._hosts = dict(hosts)
        marked = list(marks)
        self._marks = PhraseIndex([mark for mark, _ in marked])
        self._of_mark = [provider for _, provider in marked]

    def host_of(self, provider: Provider) -> str | None:
        """Return the name of a host by which `provider` is known, or None where only its words are."""
        return next((host for host, known in self._hosts.items() if known == provider), None)

    def recognise(self, host: str | None, text: str) -> Provider | None:
        """Return whose server said `text`, or None.

        Args:
            host: The name of the host that refused, as reported.
            text: What it said.
        """
        labels = (host or "").lower().rstrip(".").split(".")
        for start in range(len(labels)):
            if provider := self._hosts.get(".".join(labels[start:])):
                return provider
        found = self._marks.find(fold(text[:_LOOKED_AT]))
        return self._of_mark[min(found)] if found else None
