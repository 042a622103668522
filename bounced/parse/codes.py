"""Find SMTP reply codes and enhanced status codes in what a server said.

Digits are everywhere in diagnostics (addresses, sizes, queue ids), so a code
counts only where its surroundings say that it is one.
"""

import re
from dataclasses import dataclass

from bounced.model import Reply, Status

# Each begins with a digit and looks back from there: `re` skips to the digits, and tries nothing in between.
_STATUS = re.compile(r"([245](?<![0-9.A-Za-z_].)\.[0-9]\.[0-9]{1,3})(?![0-9]|[.-][0-9])")
# "550 5.1.1", "550-5.1.1", "550 #5.1.1", "550 (5.1.1": the strongest form, the server's own reply.
_PAIR = re.compile(
    r"([45](?<![0-9.A-Za-z].)[0-9]{2})[ -]{1,3}[#(\['\"]{0,2}([245]\.[0-9]\.[0-9]{1,3})(?![0-9]|\.[0-9])"
)
# A bare reply stands at the start of what the server said, or behind a word or mark that introduces it. Chasquid names
# the command first ("MAIL+RCPT 550 no", "DATA closing 554 no"), Exchange 5.5 its own error ("(000B09B6) 550 no").
_REPLY = re.compile(r"([45](?<![^ \t:;#<>(\"'=\n\uff08\uff1a].)[0-9]{2})(?=[ \-,:;)\"'#\n]|\Z)")
_INTRODUCED = re.compile(
    r"(?:\A|[:;#<>(\"'=\n\uff08\uff1a]"
    r"|\b(?:said|code|error|reply|replied|response|responded|returned|status|refused|smtp|rcpt)\b"
    r"|\Adata(?: closing)?|\([0-9a-f]{8}\)|<--)"
    r"[ \t:=#<>(\"']{0,12}\Z",
    re.IGNORECASE,
)
_BEFORE_REPLY = 20
# QUIRK: some gateways write "550-'text'" in the middle of a sentence.
_QUOTED_BEHIND = ("-'", '-"')
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
        reply, status = pair.groups()
        if reply[0] == status[0]:
            return Codes(Reply(int(reply)), Status.parse(status))
    return Codes(_find_reply(text), find_status(text))


def contradicts_itself(text: str) -> bool:
    """Whether one server's answer in `text` denies the address, and another's refuses by policy, or for now at last."""
    said = [status for reply, status in _PAIR.findall(text[:_LOOKED_AT]) if reply[0] == status[0]]
    is_denied = any(status.startswith("5.1.") for status in said)
    return is_denied and (said[-1][0] == "4" or any(status.startswith("5.7.") for status in said))


def _find_reply(text: str) -> Reply | None:
    for found in _REPLY.finditer(text):
        start, end = found.span()
        is_quoted = text[end : end + 2] in _QUOTED_BEHIND and text[start - 1 : start] == " "
        if is_quoted or _INTRODUCED.search(text[max(start - _BEFORE_REPLY, 0) : start]):
            return Reply(int(found[1]))
    return None


def find_status(text: str) -> Status | None:
    """Return the first enhanced status code in `text` that speaks of a failure, or None."""
    for status in _STATUS.findall(text):
        if status[0] != "2":
            return Status.parse(status)
    return None
