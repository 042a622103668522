"""Walk the parts of a message over its octets, lazily and within limits.

A part is split only when someone asks for its children, and decoded only
when someone asks for its text. Every cap is applied before the work it caps:
a hostile message costs what an honest one of the allowed size costs.
"""

import binascii
import quopri
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bounced.parse.header import ContentType, lenient_base64, read_content_type, read_headers


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a message is looked at; what lies beyond is noted, never an error.

    Attributes:
        message_bytes: Octets of the message, from its start.
        header_bytes: Octets of one header.
        depth: Levels of nesting.
        parts: Parts in all.
        recipients: Recipients of one report.
    """

    message_bytes: int = 1 << 20
    header_bytes: int = 1 << 16
    depth: int = 20
    parts: int = 200
    recipients: int = 1000


DEFAULT_LIMITS = Limits()
# QUIRK: some systems declare a boundary and use another; this is how a real one looks.
_DELIMITER_LINE = re.compile(rb"\n--([^\s-][^\n]{0,69}?)[ \t]*\n(?:[Cc]ontent-|\n)")


class Part:
    """One entity: its header, and a body that is decoded or split on demand."""

    __slots__ = ("_body_start", "_data", "content_type", "headers", "limits")

    def __init__(self, data: bytes, limits: Limits = DEFAULT_LIMITS, *, default_type: str = "text/plain") -> None:
        self.limits = limits
        self.headers, self._body_start = read_headers(data, max_bytes=limits.header_bytes)
        self.content_type: ContentType = read_content_type(self.headers.get("content-type") or default_type)
        self._data = data

    @property
    def body(self) -> bytes:
        """The octets after the header, as sent."""
        return self._data[self._body_start :]

    def content(self) -> bytes:
        """Return the body with its Content-Transfer-Encoding undone."""
        encoding = (self.headers.get("content-transfer-encoding") or "").strip().lower()
        match encoding:
            case "base64":
                return lenient_base64(self.body)
            case "quoted-printable":
                return quopri.decodestring(self.body)
            case "x-uuencode" | "uuencode" | "x-uue":
                return _undo_uuencode(self.body)
            case _:
                return self.body

    def children(self) -> Sequence["Part"]:
        """Return the parts of a multipart entity; none for anything else, and for a multipart without any part."""
        if not self.content_type.is_multipart:
            return ()
        default = "message/rfc822" if self.content_type.full == "multipart/digest" else "text/plain"
        pieces = split_multipart(self.body, self.content_type.parameters.get("boundary", ""), self.limits.parts)
        return [Part(piece, self.limits, default_type=default) for piece in pieces]

    def enclosed(self) -> "Part":
        """Return the message inside a ``message/*`` part, or the header inside ``text/rfc822-headers``."""
        return Part(normalize_line_ends(self.content()).lstrip(b"\n"), self.limits)

    def walk(self) -> Iterator["Part"]:
        """Yield this part and the parts below it in order, never entering a returned message."""
        stack: list[tuple[Part, int]] = [(self, 0)]
        for _ in range(self.limits.parts):
            if not stack:
                return
            part, depth = stack.pop()
            yield part
            if part.content_type.is_multipart and depth < self.limits.depth:
                stack.extend((child, depth + 1) for child in reversed(part.children()))


def normalize_line_ends(data: bytes) -> bytes:
    """Turn CRLF, CR CRLF and, where no LF is used at all, bare CR into LF."""
    return data.replace(b"\r", b"" if b"\n" in data else b"\n")


def split_multipart(body: bytes, boundary: str, max_parts: int) -> list[bytes]:
    """Cut a multipart body at its delimiter lines (RFC 2046 section 5.1.1).

    Args:
        body: The octets after the multipart's header.
        boundary: The declared boundary; where it never occurs, the first line that looks like one is taken.
        max_parts: How many parts to return at the most.

    Returns:
        The octets of each part. The last needs no closing delimiter: mail is cut short on its way.
    """
    data = b"\n" + body
    pieces = _cut(data, b"\n--" + boundary.encode("utf-8", "replace"), max_parts) if boundary else []
    if not pieces and (guess := _DELIMITER_LINE.search(data)):
        pieces = _cut(data, b"\n--" + guess[1], max_parts)
    return pieces


def _cut(data: bytes, marker: bytes, max_parts: int) -> list[bytes]:
    starts: list[int] = []
    ends: list[int] = []
    position = data.find(marker)
    while position >= 0 and len(starts) <= max_parts:
        newline = data.find(b"\n", position + 1)
        line_end = len(data) if newline < 0 else newline
        rest = data[position + len(marker) : min(line_end, position + len(marker) + 80)].strip()
        if rest in (b"", b"--"):
            ends.append(position)
            if rest:
                break
            starts.append(line_end + 1)
        position = data.find(marker, line_end)
    else:
        ends.append(len(data))
    return [data[start:end] for start, end in zip(starts, ends[1:], strict=False)][:max_parts]


def _undo_uuencode(data: bytes) -> bytes:
    lines: list[bytes] = []
    for line in data.splitlines():
        if line.startswith((b"begin ", b"end")) or not line:
            continue
        try:
            lines.append(binascii.a2b_uu(line))
        except binascii.Error:
            continue
    return b"".join(lines)
