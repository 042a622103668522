"""Find the words that decided in the text they were read from.

What reads messages is imported where it is used: most daemons never show one.
"""

import re
from collections.abc import Iterator

Piece = tuple[str, bool]
"""Some text, and whether it is what decided."""

_MAX_SHOWN = 65_536
_MAX_PART = 16_384
# Between two words a line may end, and a reply of several lines repeats its code.
_BETWEEN = r"\s+(?:\d{3}[- ](?:\d\.\d{1,3}\.\d{1,3}\s+)?)?"


def mark(text: str, words: str | None) -> list[Piece]:
    """Cut `text` where `words` stand in it, in any case and however lines are broken."""
    if not words or not words.strip():
        return [(text, False)]
    pattern = _BETWEEN.join(re.escape(word) for word in words.split()[:40])
    pieces: list[Piece] = []
    end = 0
    for found in re.finditer(pattern, text, re.IGNORECASE):
        pieces += [(text[end : found.start()], False), (found[0], True)]
        end = found.end()
    return [piece for piece in (*pieces, (text[end:], False)) if piece[0]]


def show_source(raw: bytes, words: str | None) -> tuple[list[Piece], bool]:
    """Return the first part of a message as text with the words marked, and whether that is not all of it."""
    from bounced.parse.mime import normalize_line_ends  # noqa: PLC0415

    text = normalize_line_ends(raw[:_MAX_SHOWN]).decode("utf-8", "replace")
    return mark(text, words), len(raw) > _MAX_SHOWN


def show_decoded(raw: bytes, words: str | None) -> list[Piece]:
    """Return the first decoded part of a message that has the words, where its source hides them; else nothing."""
    for text in _texts(raw):
        pieces = mark(text, words)
        if any(is_marked for _, is_marked in pieces):
            return pieces
    return []


def _texts(raw: bytes) -> Iterator[str]:
    from bounced.parse.charset import decode  # noqa: PLC0415
    from bounced.parse.mime import Part, normalize_line_ends  # noqa: PLC0415

    for part in Part(normalize_line_ends(raw[:1_048_576]).lstrip(b"\n")).walk():
        if part.content_type.full.startswith(("text/", "message/")):
            yield decode(part.content()[:_MAX_PART], part.content_type.parameters.get("charset"))
