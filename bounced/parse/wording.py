"""The wordings of mail systems, from ``data/wording.toml``."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from bounced.phrases import PhraseIndex, fold
from bounced.shipped import read_text


class Table:
    """Named lists of phrases, of which the first with a phrase in the text counts."""

    def __init__(self, lists: Mapping[str, Sequence[str]]) -> None:
        self._index = PhraseIndex([phrase for phrases in lists.values() for phrase in phrases])
        self._names = [name for name, phrases in lists.items() for _ in phrases]

    def name_of(self, folded: str) -> str | None:
        """Return the name of the first list with a phrase in `folded`, or None."""
        found = self._index.find(folded)
        return self._names[min(found)] if found else None


@dataclass(frozen=True, slots=True)
class Wording:
    """How reports for people are worded; ``data/wording.toml`` says what each list is for."""

    returned: PhraseIndex
    announce: PhraseIndex
    before: tuple[str, ...]
    after: tuple[str, ...]
    delay: PhraseIndex
    gave_up: PhraseIndex
    auto_reply: PhraseIndex
    challenge: PhraseIndex
    complaint: PhraseIndex
    stages: Table
    families: Table


@cache
def shipped_wording() -> Wording:
    """Return the wordings that come with the package, read once."""
    data = tomllib.loads(read_text("bounced.parse.data", "wording.toml"))
    return Wording(
        returned=PhraseIndex(data["returned"]),
        announce=PhraseIndex(data["announce"]),
        before=tuple(fold(phrase) for phrase in data["before"]),
        after=tuple(fold(phrase) for phrase in data["after"]),
        delay=PhraseIndex(data["delay"]),
        gave_up=PhraseIndex(data["gave_up"]),
        auto_reply=PhraseIndex(data["auto_reply"]),
        challenge=PhraseIndex(data["challenge"]),
        complaint=PhraseIndex(data["complaint"]),
        stages=Table(data["stages"]),
        families=Table(data["families"]),
    )
