"""The wordings of mail systems, from ``data/wording.toml``."""

from dataclasses import dataclass
from functools import cache

import tomli

from bounced.model import Stage
from bounced.phrases import Lexicon, PhraseIndex, fold
from bounced.shipped import read_text

FAMILY = "family/"
_TEXT_LISTS = ("returned", "boilerplate", "announce", "delay", "gave_up", "question", "freight", "receipt", "success")
_SUBJECT_LISTS = (
    "bounce",
    "failure",
    "delay",
    "gave_up",
    "auto_reply",
    "challenge",
    "complaint",
    "summary",
    "receipt",
)


@dataclass(frozen=True, slots=True)
class Wording:
    """How reports for people are worded; ``data/wording.toml`` says what each list is for.

    Attributes:
        text: The lists ``returned``, ``boilerplate``, ``announce``, ``delay``, ``gave_up``, ``question``, ``freight``,
            ``receipt``, ``success``, and one per family under `FAMILY`.
        subject: The lists ``bounce``, ``failure``, ``delay``, ``gave_up``, ``auto_reply``, ``challenge``,
            ``complaint``, ``summary`` and ``receipt``.
        stage_words: Words that tell at which stage a server refused, the telling ones first.
        stages: The stages that they name.
        before: Words right before an address that failed.
        after: Words right after one.
        answer: Words with which a responder begins, and no mail system.
        quoting: Words in lines below which somebody quotes mail.
    """

    text: Lexicon
    subject: Lexicon
    stage_words: PhraseIndex
    stages: tuple[Stage, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    answer: PhraseIndex
    quoting: tuple[str, ...]

    def find_stage(self, folded: str) -> Stage | None:
        """Return the stage that the most telling words in `folded` name, or None."""
        number = next(iter(self.stage_words.find(folded)), None)
        return None if number is None else self.stages[number]


@cache
def shipped_wording() -> Wording:
    """Return the wordings that come with the package, read once."""
    data = tomli.loads(read_text("bounced.parse.data", "wording.toml"))
    families = {FAMILY + name: phrases for name, phrases in data["families"].items()}
    return Wording(
        text=Lexicon({name: data[name] for name in _TEXT_LISTS} | families),
        subject=Lexicon({name: data[name] for name in _SUBJECT_LISTS}),
        stage_words=PhraseIndex([phrase for phrases in data["stages"].values() for phrase in phrases]),
        stages=tuple(Stage(name) for name, phrases in data["stages"].items() for _ in phrases),
        before=tuple(fold(phrase) for phrase in data["before"]),
        after=tuple(fold(phrase) for phrase in data["after"]),
        answer=PhraseIndex(data["answer"]),
        quoting=tuple(fold(phrase) for phrase in data["quoting"]),
    )
