"""Find SMTP reply codes and enhanced status codes in what a server said.

Digits are everywhere in diagnostics (addresses, sizes, queue ids), so a code
counts only where its surroundings say that it is one.
"""

import re
from dataclasses import dataclass

from bounced.model import Reply, Status

_ENHANCED = r"([245])\.([0-9])\.([0-9]{1,3})(?![0-9]|\.[0-9])"
_STATUS = re.compile(rf"(?<![0-9.A-Za-z_]){_ENHANCED}")
# "550 5.1.1", "550-5.1.1", "550 #5.1.1", "550 (5.1.1": the strongest form, the server's own reply.
_PAIR = re.compile(rf"(?<![0-9.A-Za-z])([45][0-9]{{2}})[ -]{{1,3}}[#(\['\"]{{0,2}}{_ENHANCED}")
# A bare reply stands at the start of what the server said, or behind a word or mark that introduces it.
_REPLY = re.compile(
    r"(?:\A|[:;#<>(\"'=\n]|\b(?:said|code|error|reply|replied|response|responded|returned|status|refused|smtp)\b"
    r"|(?= [45][0-9]{2}-['\"]))"
    r"[ :=#<>(\"']{0,4}([45][0-9]{2})(?=[ \-,:;)\"'#\n]|\Z)",
    re.IGNORECASE,
)
# Diagnostics have at most a few lines; a body is searched by its reader, piece by piece.
_LOOKED_AT = 4096


@dataclass(frozen=True, slots=True)
class Codes:
    """The codes found in one text; None where there is none."""

    reply: Reply | None
    status: Status | None


def read_codes(text: str) -> Codes:
    """Find the reply code and the enhanced status code of a diagnostic.

    A pair of the same class (``550 5.1.1``) wins over codes that stand
    alone; among those the first wins, and a status of class 2 never counts
    beside a failure.

    Args:
        text: A Diagnostic-Code without its type, or the text of a reply.
    """
    text = text[:_LOOKED_AT].strip()
    for pair in _PAIR.finditer(text):
        if pair[1][0] == pair[2]:
            return Codes(Reply(int(pair[1])), Status(*map(int, pair.groups()[1:])))
    reply = _REPLY.search(text)
    return Codes(Reply(int(reply[1])) if reply else None, find_status(text))


def find_status(text: str) -> Status | None:
    """Return the first enhanced status code in `text` that speaks of a failure, or None."""
    for match in _STATUS.finditer(text):
        if match[1] != "2":
            return Status(*map(int, match.groups()))
    return None
