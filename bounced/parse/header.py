"""Read header fields from octets, in whatever state they arrive.

A block keeps the fields as they were sent; a value is unfolded and decoded
only when someone asks for it, because a report has forty fields of which
five matter.
"""

import re
from base64 import b64decode
from collections.abc import KeysView
from dataclasses import dataclass
from functools import lru_cache

from bounced.parse.charset import decode, decode_unlabelled

_FIELD = re.compile(r"\n([!-9;-~]{1,100})[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)")
# QUIRK: mbox files and old delivery agents put an envelope line before or among the fields.
_BELONGS_TO_HEADER = re.compile(rb"[ \t]|>?From |[!-9;-~]{1,100}[ \t]*:")
_FOLD = re.compile(r"\n[ \t]+")
_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?\n]*)\?=")
_BETWEEN_ENCODED_WORDS = re.compile(r"(\?=)[ \t]+(?==\?)")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_PARAMETER = re.compile(r";[ \t]*([A-Za-z0-9*_-]{1,60})[ \t]*=[ \t]*(?:\"([^\"]*)\"|([^;\s]*))")
# Parameters are looked for in the first part of a field only; a boundary has at most 70 octets.
_PARAMETER_LENGTH = 2048


class Headers:
    """The fields of one header, split when first asked for; names are given in lower case."""

    __slots__ = ("_octets", "_values")

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._values: dict[str, str] | None = None

    @property
    def names(self) -> KeysView[str]:
        """The names of all fields."""
        return self._fields().keys()

    def __contains__(self, name: str) -> bool:
        return name in self._fields()

    def get(self, name: str) -> str | None:
        """Return the decoded value of the first field called `name`, or None."""
        values = self._values
        value = (self._fields() if values is None else values).get(name)
        return None if value is None else decode_value(value)

    def _fields(self) -> dict[str, str]:
        """Return the first field of each name, its value one character for each octet as sent."""
        if self._values is None:
            fields = _FIELD.findall("\n" + self._octets.decode("latin-1"))
            self._values = {name.lower(): value for name, value in reversed(fields)}
        return self._values


# A system gives the parts of all its reports the same few fields.
_SHORT = 256
_short_header = lru_cache(maxsize=256)(Headers)


@dataclass(frozen=True, slots=True)
class ContentType:
    """A parsed Content-Type (RFC 2045 section 5.1).

    Attributes:
        full: The type, in lower case.
        parameters: Its parameters, their names in lower case.
        is_multipart: Whether it holds parts (RFC 2046 section 5.1).
    """

    full: str
    parameters: dict[str, str]
    is_multipart: bool


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
        return (_short_header if end <= _SHORT else Headers)(data[:end]), end + 2
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


def decode_value(value: str) -> str:
    """Unfold a field body and decode its encoded words (RFC 2047), right or wrong as they may be.

    Args:
        value: One character for each octet.
    """
    if "\n" in value:
        value = _FOLD.sub(" ", value)
    value = value.strip(" \t\n\r\x0b\x0c")
    if not value.isascii() or "\x1b" in value:
        value = decode_unlabelled(value.encode("latin-1"))
    return decode_words(value) if "=?" in value else value


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
    kept = data.translate(None, _NOT_BASE64)
    return b64decode(kept[: len(kept) - (len(kept) % 4 == 1)] + b"=" * (-len(kept) % 4))


_NOT_BASE64 = bytes(range(256)).translate(None, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


@lru_cache(maxsize=64)
def read_content_type(value: str | None) -> ContentType:
    """Read a Content-Type; a missing or unreadable one is ``text/plain`` (RFC 2045 section 5.2)."""
    head, _, _ = (value or "").partition(";")
    full = "".join(head.split()).lower()
    parameters: dict[str, str] = {}
    for name, quoted, token in _PARAMETER.findall((value or "")[:_PARAMETER_LENGTH]):
        parameters.setdefault(name.lower().rstrip("*"), quoted or token)
    full = full if full.count("/") == 1 else "text/plain"
    return ContentType(full, parameters, full.startswith("multipart/"))
