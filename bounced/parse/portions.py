"""Say which words of a text are about which of several recipients.

One that was refused for our own fault must not be taken for an unknown one
beside it. What follows an address is about it, up to the next one or to a new
section, as Sendmail's transcript of all dialogues is.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bounced.parse.address import ADDRESS, clean_address
from bounced.parse.codes import contradicts_itself, read_codes
from bounced.parse.quoted import EMPTY_LINE
from bounced.phrases import fold

# How Sendmail heads what follows: other recipients, or the dialogues with all; and an underlined heading.
SECTION = re.compile(r"^ *-{5} |^[^\n]{1,80}\n[ \t]*={5,80}[ \t]*$", re.MULTILINE)
# In scripts without spaces a sign is as much as a word.
WORDS = re.compile(r"(?=[\u2e80-\uffef])[^\W\d_]|[^\W\d_]{3,}")
_WORD = re.compile(r"[^\W_]")
# Whose alias the address before is, or who sent the mail, is not told anything there.
_IN_PASSING = re.compile(r"\b(?:from|by):? ?<?\Z")
_SEPARATORS = " ,;<\"'"
_MENTIONS, _BEFORE = 20, 8
_PARTS = frozenset(".-_+=")


@dataclass(frozen=True, slots=True)
class Mention:
    """An address in the text, and how strongly its place says that it failed."""

    address: str
    line: int
    begins_line: bool
    is_announced: bool
    is_alone: bool
    head: str
    tail: str

    @property
    def key(self) -> str:
        """The address in lower case."""
        return self.address.lower()

    def is_same(self, other: "Mention") -> bool:
        """Whether both name the same address."""
        return self.key == other.key


def tell_apart(mentions: Sequence[Mention], lines: Sequence[str]) -> dict[str, str]:
    """Return each of several recipients with what is said of it, and of nobody else.

    Args:
        mentions: Where they are named, at least two.
        lines: The text.
    """
    above = _lines_above(mentions, lines)
    # IMail puts the cause before the address: "unknown user: ann@example.com".
    tells_before = len({fold(one.head) if WORDS.search(one.head) else "" for one in mentions}) > 1
    names: dict[str, str] = {}
    said: dict[str, str] = {}
    sources: dict[str, Mention] = {}
    for one, text in zip(mentions, _texts(mentions, above, lines), strict=True):
        names.setdefault(one.key, one.address)
        # Exchange says it to people first, and then again with what the server answered.
        if not said.get(one.key) or (read_codes(text).reply and not read_codes(said[one.key]).reply):
            said[one.key], sources[one.key] = text or (one.head if tells_before else ""), one
        elif contradicts_itself(both := f"{said[one.key]}\n{text}"):
            said[one.key] = both
    told = _hand_over(said)
    with_words_above = {one.key for one, own in zip(mentions, above, strict=True) if own}
    _share([one for one in mentions if sources[one.key] is one], with_words_above, told)
    return {names[key]: text for key, text in told.items()}


def _texts(mentions: Sequence[Mention], above: Sequence[int], lines: Sequence[str]) -> Iterator[str]:
    """Yield what stands above and behind each mention, up to the next one and what stands above that."""
    ends = [one.line - own for one, own in zip(mentions, above, strict=True)][1:]
    for one, own, end, further in zip(mentions, above, [*ends, len(lines)], [*mentions[1:], None], strict=True):
        tail = one.tail
        if further and further.line == one.line:
            tail = tail[: max(tail.lower().find(further.key), 0)].rstrip(_SEPARATORS)
        behind = "\n".join([tail, *lines[one.line + 1 : max(end, one.line + 1)]])
        yield "\n".join([*lines[one.line - own : one.line], SECTION.split(behind, maxsplit=1)[0]]).strip()


def _hand_over(said: Mapping[str, str]) -> dict[str, str]:
    """Give each recipient also what is said of it in the text of another, who loses that."""
    told = dict.fromkeys(said, "")
    for key, text in said.items():
        # To look for each recipient in what is said of each other would take the longest.
        named = {clean_address(one).lower() for one in ADDRESS.findall(text)} & said.keys()
        for owner, words in portion(text, named):
            told[owner or key] += f"{words}\n"
    return {key: text.strip() for key, text in told.items()}


def _lines_above(mentions: Sequence[Mention], lines: Sequence[str]) -> list[int]:
    """Return how many of the lines right above each are about it: an empty one parts them from the one before."""
    above = [0]
    for before, one in pairwise(mentions):
        is_parted = not WORDS.search(before.tail) and not "".join(lines[before.line + 1 : before.line + 2]).strip()
        above.append(_count_above(lines, one.line, before.line + 1) if is_parted else 0)
    first, second = mentions[:2]
    is_its_own = second.line > first.line + 1 and read_codes("".join(lines[first.line - 1 : first.line])).reply
    above[0] = _count_above(lines, first.line, 0) if any(above) or is_its_own else 0
    return above


def _count_above(lines: Sequence[str], number: int, limit: int) -> int:
    """Count the lines right above a line, down to `limit`, that neither an empty one nor a heading parts from it."""
    start = number
    while start > limit and lines[start - 1].strip() and not SECTION.match(lines[start - 1]):
        start -= 1
    return number - start


def _share(mentions: Sequence[Mention], above: set[str], told: dict[str, str]) -> None:
    """Give those who stand in one block what is said above or below it; several answers are about nobody known.

    What names one of them, or stands in brackets behind it, is about that one alone.
    """
    blocks = [(one, other) for one, other in pairwise(mentions) if other.line <= one.line + 1]
    for one, other in reversed(blocks):
        text = told[other.key]
        if not told[one.key] and not (WORDS.search(other.tail) or text.startswith("(") or "@" in text):
            answers = sum(1 for line in text.splitlines() if read_codes(line).reply)
            told[one.key] = told[other.key] = "" if answers > 1 else text
    for one, other in blocks:
        if not told[other.key] and one.key in above:
            told[other.key] = told[one.key]
            above.add(other.key)


def portion(text: str, recipients: Collection[str]) -> Iterator[tuple[str, str]]:
    """Cut a text into portions, each with the one of `recipients` that it is about.

    "User unknown: ann@example.com": what stands before an address in its line
    is about it, too, and so is what stands right above it, where an empty line
    parts that from the address before.

    Args:
        text: Any text.
        recipients: Their addresses in lower case.

    Yields:
        An address, empty for what stands before the first, and a portion; the portions make up the text.
    """
    lowered = text.lower()
    mentions = sorted([(start, address) for address in recipients for start in occurrences(lowered, address)])
    owner, begin, end = "", 0, 0
    for start, address in mentions:
        line = max(text.rfind("\n", 0, start) + 1, end)
        next_begin = line - _length_above(text[end:line]) if owner else line
        yield owner, text[begin:next_begin]
        owner, begin, end = address, next_begin, start + len(address)
    yield owner, text[begin:]


def _length_above(between: str) -> int:
    """Return how much of what stands between two addresses is about the second."""
    first, *others = EMPTY_LINE.split(between)
    return len(others[-1]) if others and others[-1].strip() and not _WORD.search(first) else 0


def occurrences(text: str, address: str) -> Iterator[int]:
    """Yield where `address` stands in `text`, neither as a part of a longer one nor in passing."""
    position = text.find(address)
    for _ in range(_MENTIONS):
        if position < 0:
            return
        behind = text[position + len(address) : position + len(address) + 2]
        goes_on = behind[:1].isalnum() or (behind[:1] in {".", "-", "_"} and behind[1:].isalnum())
        before = text[max(position - _BEFORE, 0) : position]
        if not (goes_on or before[-1:].isalnum() or before[-1:] in _PARTS or _IN_PASSING.search(before)):
            yield position
        position = text.find(address, position + 1)
