"""Say which words of a text are about which of several recipients.

One that was refused for our own fault must not be taken for an unknown one
beside it. What follows an address is about it, up to the next one or to a new
section, as Sendmail's transcript of all dialogues is.
"""

import re
from collections.abc import Collection, Iterator

# How Sendmail heads what follows: other recipients, or the dialogues with all of them.
SECTION = re.compile(r"^ *-{5} ", re.MULTILINE)
_EMPTY_LINE = re.compile(r"\n[ \t]*\n")
_WORD = re.compile(r"[^\W_]")
_MENTIONS = 20


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
    first, *others = _EMPTY_LINE.split(between)
    return len(others[-1]) if others and others[-1].strip() and not _WORD.search(first) else 0


def occurrences(text: str, address: str) -> Iterator[int]:
    """Yield where `address` stands in `text`, and not as a part of a longer one."""
    position = text.find(address)
    for _ in range(_MENTIONS):
        if position < 0:
            return
        behind = text[position + len(address) : position + len(address) + 2]
        goes_on = behind[:1].isalnum() or (behind[:1] in {".", "-", "_"} and behind[1:].isalnum())
        if not (goes_on or (position and (text[position - 1].isalnum() or text[position - 1] in ".-_+="))):
            yield position
        position = text.find(address, position + 1)
