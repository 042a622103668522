"""Read header fields from octets, in whatever state they arrive.

A block keeps the fields as they were sent; a value is unfolded and decoded
only when someone asks for it, because a report has forty fields of which
five matter.
"""

import re
from base64 import b64decode
from dataclasses import dataclass
from functools import lru_cache

from bounced.parse.charset import decode, decode_unlabelled

_VALUE = re.compile(rb"[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)")
# QUIRK: mbox files and old delivery agents put an envelope line before or among the fields.
_BELONGS_TO_HEADER = re.compile(rb"[ \t]|>?From |[!-9;-~]{1,100}[ \t]*:")
_FOLD = re.compile(rb"\n[ \t]+")
_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?\n]*)\?=")
_BETWEEN_ENCODED_WORDS = re.compile(r"(\?=)[ \t]+(?==\?)")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_PARAMETER = re.compile(r";[ \t]*([A-Za-z0-9*_-]{1,60})[ \t]*=[ \t]*(?:\"([^\"]*)\"|([^;\s]*))")
# Parameters are looked for in the first part of a field only; a boundary has at most 70 octets.
_PARAMETER_LENGTH = 2048


class Headers:
    """The fields of one header, searched when they are asked for; names are given in lower case."""

    __slots__ = ("_lowered", "_octets")

    def __init__(self, octets: bytes) -> None:
        self._octets = b"\n" + octets
        self._lowered = self._octets.lower()

    def __contains__(self, name: str) -> bool:
        return self._find(name, 0) is not None

    def get(self, name: str) -> str | None:
        """Return the decoded value of the first field called `name`, or None."""
        field = self._find(name, 0)
        return None if field is None else decode_value(field[1])

    def get_all(self, name: str) -> list[str]:
        """Return the decoded values of all fields called `name`."""
        values, field = [], self._find(name, 0)
        while field is not None:
            values.append(decode_value(field[1]))
            field = self._find(name, field.end())
        return values

    def _find(self, name: str, start: int) -> re.Match[bytes] | None:
        key = b"\n" + name.encode()
        position = self._lowered.find(key, start)
        while position >= 0:
            field = _VALUE.match(self._octets, position + len(key))
            if field is not None:
                return field
            position = self._lowered.find(key, position + len(key))
        return None


@dataclass(frozen=True, slots=True)
class ContentType:
    """A parsed Content-Type (RFC 2045 section 5.1), all but parameter values in lower case."""

    full: str
    parameters: dict[str, str]

    @property
    def main(self) -> str:
        """The type before the slash."""
        return self.full.partition("/")[0]


def read_headers(data: bytes, *, max_bytes: int) -> tuple[Headers, int]:
    """Read a header from the start of `data`.

    The header ends at the first empty line, at the first line that is no
    field (some systems leave the empty line out), or after `max_bytes`.

    Args:
        data: Octets with LF line ends.
        max_bytes: Where to stop looking for fields.

    Returns:
        The fields, and the offset at which the body begins.
    """
    if data.startswith(b"\n"):
        return Headers(b""), 1
    empty_line = data.find(b"\n\n", 0, max_bytes)
    end = empty_line if empty_line >= 0 else min(len(data), max_bytes)
    last_line = data.rfind(b"\n", 0, end) + 1
    if empty_line >= 0 and _BELONGS_TO_HEADER.match(data, last_line, end):
        return Headers(data[:end]), end + 2
    fields_end = _end_of_fields(data, end)
    return Headers(data[:fields_end]), min(fields_end + 2 if fields_end == empty_line else fields_end, len(data))


def _end_of_fields(data: bytes, end: int) -> int:
    """Return where the first line begins that belongs to no header, at most `end`."""
    position = 0
    while position < end:
        if not _BELONGS_TO_HEADER.match(data, position, end):
            return position
        newline = data.find(b"\n", position, end)
        position = end if newline < 0 else newline + 1
    return end


def decode_value(raw: bytes) -> str:
    """Unfold a field body and decode its encoded words (RFC 2047), right or wrong as they may be."""
    if b"\n" in raw:
        raw = _FOLD.sub(b" ", raw)
    return decode_words(decode_unlabelled(raw.strip()))


def decode_words(text: str) -> str:
    """Replace the encoded words of RFC 2047 in `text` by what they stand for."""
    if "=?" not in text:
        return text
    joined = _BETWEEN_ENCODED_WORDS.sub(r"\1", text)
    return _ENCODED_WORD.sub(_decode_word, joined)


def _decode_word(match: re.Match[str]) -> str:
    charset, encoding, payload = match.groups()
    charset = charset.partition("*")[0]  # RFC 2231 section 5: a language may follow the charset
    octets = payload.encode("ascii", "replace")
    if encoding in "bB":
        return decode(lenient_base64(octets), charset)
    return decode(_HEX.sub(lambda found: bytes([int(found[1], 16)]), octets.replace(b"_", b" ")), charset)


def lenient_base64(data: bytes) -> bytes:
    """Decode base64, forgetting what stands outside the alphabet and padding what was cut."""
    kept = bytes(byte for byte in data if byte in _BASE64)
    return b64decode(kept[: len(kept) - (len(kept) % 4 == 1)] + b"=" * (-len(kept) % 4))


_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


@lru_cache(maxsize=64)
def read_content_type(value: str | None) -> ContentType:
    """Read a Content-Type; a missing or unreadable one is ``text/plain`` (RFC 2045 section 5.2)."""
    head, _, _ = (value or "").partition(";")
    full = "".join(head.split()).lower()
    parameters: dict[str, str] = {}
    for name, quoted, token in _PARAMETER.findall((value or "")[:_PARAMETER_LENGTH]):
        parameters.setdefault(name.lower().rstrip("*"), quoted or token)
    return ContentType(full if full.count("/") == 1 else "text/plain", parameters)
