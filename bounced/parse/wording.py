"""The wordings of mail systems, from ``data/wording.toml``."""

import tomllib
from dataclasses import dataclass
from functools import cache

from bounced.phrases import PhraseIndex, fold
from bounced.shipped import read_text


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
    families: PhraseIndex
    family_names: tuple[str, ...]

    def family_of(self, folded: str) -> str | None:
        """Return the first family whose words are in `folded`, or None."""
        found = self.families.find(folded)
        return self.family_names[min(found)] if found else None


@cache
def shipped_wording() -> Wording:
    """Return the wordings that come with the package, read once."""
    data = tomllib.loads(read_text("bounced.parse.data", "wording.toml"))
    families: dict[str, list[str]] = data["families"]
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
        families=PhraseIndex([phrase for phrases in families.values() for phrase in phrases]),
        family_names=tuple(name for name, phrases in families.items() for _ in phrases),
    )
