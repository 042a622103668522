"""Apply ordered rules: what servers say in words is finer than their codes.

A rule is data: ``name``, ``pattern`` (phrases, any of which is enough),
``reason``, ``source`` (who says so) and an ``example`` that the rule must
win. It may ask for more: a ``status``, a ``reply`` code or a ``stage`` of the
dialogue, and it may give a ``hint`` of what to do. Rules stand in order, the
most authoritative first, and the first that applies wins.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from bounced.model import Provider, Reply, Stage, Status
from bounced.phrases import PhraseIndex, fold

_ENDS_ADDRESS = r"\s<>()\[\],;:\""
_SIGNS = r"\u2e80-\uffef"  # of scripts without spaces between words
# Names of hosts, pages and commands hold words that nobody said.
_COMMAND = re.compile(r"\(in reply to [^()]{0,40}\)")
# "smtp; 550 no"; Courier writes "unknown; ..." where no server said anything (RFC 3464 section 2.3.6).
_TYPE = re.compile(r"\A\s*[\w.-]+;")
_DOT_WITHIN = re.compile(r"\w\.\w")
_CONTINUED = re.compile(r"([245](?<!\w.)\d\d)-")
# An explanation longer than this is quoted mail, not a reason.
_LOOKED_AT = 4096
_LONGEST_HOST = 255  # RFC 1035 section 2.3.4; every label is looked up with all that follow it


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a rule may look at besides words.

    Attributes:
        statuses: The enhanced status codes, of the field and of the text.
        reply: The SMTP reply code.
        stage: What was refused.
        provider: Whose server it is, where that is known.
    """

    statuses: frozenset[Status] = frozenset()
    reply: Reply | None = None
    stage: Stage | None = None
    provider: Provider | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; an empty tuple of codes or stages means any.

    A general rule goes by words that any server may use for anything, so the rest of the answer can cast doubt on it.
    """

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
    is_general: bool = False

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


Words = Mapping[int, str]
"""The phrases found in a text, by their number in the index, each with the words that matched."""


class RuleSet:
    """Rules in order, and the providers they speak of, behind one index over all their phrases.

    Args:
        rules: The rules, the most authoritative first.
        hosts: Providers by the end of their hosts' names.
        marks: Providers by words that only their servers write.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        hosts: Mapping[str, Provider] | None = None,
        marks: Sequence[tuple[str, Provider]] = (),
    ) -> None:
        self.rules = tuple(rules)
        self._hosts = dict(hosts or {})
        self._marks = [provider for _, provider in marks]
        self._rule_of_phrase = [number for number, rule in enumerate(self.rules) for _ in rule.pattern]
        # The marks come first, so that the number of a phrase tells what it is.
        phrases = [phrase for rule in self.rules for phrase in rule.pattern]
        index = PhraseIndex([*(mark for mark, _ in marks), *phrases])
        # The recipients of one report often share what was said of them.
        self._find = lru_cache(maxsize=8)(index.find)
        self._of_status: dict[Status, list[int]] = {}
        for number, rule in enumerate(self.rules):
            for status in rule.status if not rule.pattern else ():
                self._of_status.setdefault(status, []).append(number)

    @property
    def providers(self) -> dict[str, Provider]:
        """The providers that can be recognised, by their names."""
        return {provider.name: provider for provider in (*self._hosts.values(), *self._marks)}

    def find_words(self, text: str) -> Words:
        """Return the phrases of rules and marks in `text`."""
        return self._find(comparable(text))

    def recognise(self, host: str | None, words: Words) -> Provider | None:
        """Say whose server gave an answer: by the name of its host, else by words that only it writes.

        The domain of the recipient is not looked at: it says who takes the mail
        in the end, not whose filter refused it.

        Args:
            host: The name of the host that refused, as reported.
            words: What was found in its answer.
        """
        labels = (host or "")[:_LONGEST_HOST].lower().rstrip(".").split(".")
        for start in range(len(labels)):
            if provider := self._hosts.get(".".join(labels[start:])):
                return provider
        mark = next(iter(words), None)  # the least number, so a mark if there is one
        return self._marks[mark] if mark is not None and mark < len(self._marks) else None

    def host_of(self, provider: Provider) -> str | None:
        """Return the name of a host by which `provider` is known, or None where only its words are."""
        return next((host for host, known in self._hosts.items() if known == provider), None)

    def first_match(self, words: Words, evidence: Evidence) -> Match | None:
        """Return the first rule that applies to what was found, or None."""
        found = {number: str(status) for status in evidence.statuses for number in self._of_status.get(status, ())}
        for phrase, matched in words.items():
            if phrase >= len(self._marks):
                found.setdefault(self._rule_of_phrase[phrase - len(self._marks)], matched)
        for number in sorted(found):
            if self.rules[number].applies(evidence):
                return Match(self.rules[number], found[number])
        return None


def comparable(text: str) -> str:
    """Bring an answer into the form in which phrases are looked for; an address holds a name and no words."""
    joined = _join_lines(text[:_LOOKED_AT])
    # QUIRK: Sendmail's kin write "ann@example.com...User unknown", whose dots belong to no domain.
    return fold(_shorten_addresses(joined.replace("...", " ")) if "@" in joined else joined)


def _shorten_addresses(text: str) -> str:
    """Leave nothing of mail addresses but the sign in their middle."""
    return _address_pattern("" if text.isascii() else _SIGNS).sub("@", text)


@cache  # to compile the ranges takes twenty times as long as the rest
def _address_pattern(beyond: str) -> re.Pattern[str]:
    """Return what finds an address; it ends at one of the characters in `beyond` as well.

    It begins where nothing of it stands before: to begin again at each of its characters would take the longest.
    """
    part = f"[^{_ENDS_ADDRESS}{beyond}]"
    return re.compile(f"(?<!{part}){part}+@{part}+")


def without_names(text: str) -> str:
    """Leave out the names of hosts and pages, which command was answered, and the type before a diagnostic."""
    # Word by word: one pattern for a whole name would begin its search anew at each character of a long word.
    words = _COMMAND.sub(" ", _TYPE.sub("", text[:_LOOKED_AT])).split()
    return " ".join(" " if _DOT_WITHIN.search(word) else word for word in words)


def _join_lines(text: str) -> str:
    """Take out the codes before the further lines of a reply (RFC 5321 section 4.2.1), which part its words."""
    first = _CONTINUED.search(text)
    if first is None:
        return text
    codes = re.compile(rf"(?<=\s){first[1]}[- ](?:[245]\.\d{{1,3}}\.\d{{1,3}}\s)?")
    return text[: first.end()] + codes.sub("", text[first.end() :])
