"""See a message as mail: its parts, what it says to people, what it gives back."""

import re
from functools import cached_property

from bounced.parse.charset import decode
from bounced.parse.header import Headers
from bounced.parse.mime import Limits, Part, normalize_line_ends

_RETURNED_TYPES = frozenset(
    {
        "message/rfc822",
        "message/global",
        "message/rfc822-headers",
        "message/global-headers",
        "text/rfc822-headers",
        "text/rfc822-header",
    }
)
_DAEMON = re.compile(
    r"(?<![a-z0-9])(?:mailer[-_ .]?daemon|mail[-_ ]?daemon|postmaster|mail[-_ ]delivery[-_ ](?:sub)?system|mdaemon)"
)
# What a message says to people is in its first lines; the rest is quoted mail.
_TEXT_LENGTH = 8192


class Mail:
    """A message under one set of limits; everything is read when first asked for."""

    def __init__(self, raw: bytes, limits: Limits) -> None:
        self.limits = limits
        self.is_cut = len(raw) > limits.message_bytes
        self.octets = normalize_line_ends(raw[: limits.message_bytes]).lstrip(b"\n")
        self.top = Part(self.octets, limits)

    @property
    def headers(self) -> Headers:
        """The header of the message itself."""
        return self.top.headers

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The parts in order, from the message itself down, without those of returned mail."""
        return tuple(self.top.walk())

    def parts_of(self, types: frozenset[str]) -> list[Part]:
        """Return the parts whose type is one of `types`."""
        return [part for part in self.parts if part.content_type.full in types]

    @cached_property
    def is_from_daemon(self) -> bool:
        """Whether a mail system, not a person, says that it wrote this (From, or a header only systems set)."""
        sender = (self.headers.get("from") or "").lower()
        return bool(_DAEMON.search(sender)) or self.headers.get("x-failed-recipients") is not None

    @cached_property
    def text(self) -> str:
        """The first part written for people, cut to what may hold an explanation."""
        for part in self.parts:
            if part.content_type.full == "text/plain" and part.content.strip():
                charset = part.content_type.parameters.get("charset")
                return decode(part.content[:_TEXT_LENGTH], charset)
        return ""

    @cached_property
    def returned(self) -> Headers | None:
        """The header of the mail that failed, where the message gives it back."""
        found = self.parts_of(_RETURNED_TYPES)
        return found[-1].enclosed.headers if found else None
