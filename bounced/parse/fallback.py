"""Ask flufl.bounce, the last reader: it knows sixteen old dialects, and addresses only.

This is the one module that knows the standard library's ``email``. Both are
given little: the start of the message, and only when it has few parts.
"""

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from bounced.model import Action, Finding, Kind, Report
from bounced.parse.address import addresses_in, find_address
from bounced.parse.bait import is_bait
from bounced.parse.mail import Mail
from bounced.parse.quoted import EMPTY_LINE

if TYPE_CHECKING:
    from email.message import Message

_BYTES = 1 << 16
_LINES = 4000  # flufl.bounce asks some fifty patterns about each
_BOUNDARIES = 20
# `email` counts the quotes of a whole field anew for each semicolon in it.
_PARAMETERS = 100
_FIELD_WITH_PARAMETERS = re.compile(rb"^content-[a-z-]{1,40}:[^\n]*(?:\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE)
# The time that its patterns take grows with the square of a line, and with the brackets in it.
_LINE_LENGTH, _BRACKETS = 500, 10
_EXPLANATION_LENGTH = 2000
# A detector raises what its own code happens to raise; flufl.bounce passes it on.
_DETECTOR_ERRORS = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def read(mail: Mail) -> Report | None:
    """Return the addresses flufl.bounce finds, or None where nothing speaks for a bounce or it finds none."""
    if not mail.may_be_bounce:
        return None
    octets = b"\n".join(mail.octets[:_BYTES].split(b"\n", _LINES)[:_LINES])
    if _is_costly(octets, mail.limits.parts):
        return None
    temporary, permanent = _ask(octets, sender=mail.headers.get("from") or "unknown")
    findings = [*_findings(permanent, Action.FAILED), *_findings(temporary - permanent, Action.DELAYED)]
    if not findings or is_bait(mail, [finding.recipient for finding in findings]):
        return None
    if len(findings) == 1:
        findings = [_explain(findings[0], mail.report_text)]
    return Report(
        kind=Kind.BOUNCE if findings[0].action is Action.FAILED else Kind.DELAY,
        findings=tuple(findings),
        reader="flufl",
        is_unsigned=not mail.is_signed,
        notes=("read by flufl.bounce: addresses only",),
    )


def _explain(finding: Finding, report: str) -> Finding:
    """Add what the text says: of the only address in it all of that, else what the paragraphs around it say.

    Where there are none it may be about anybody.
    """
    others = {address.lower() for address in addresses_in(report)} - {finding.recipient.lower()}
    own = [one for one in EMPTY_LINE.split(report) if finding.recipient.lower() in one.lower()]
    explanation = "\n\n".join(own) if others and own else report
    return replace(
        finding,
        explanation=explanation[:_EXPLANATION_LENGTH].strip() or None,
        is_shared=bool(others) and not own,
    )


def _is_costly(octets: bytes, max_parts: int) -> bool:
    if octets.lower().count(b"boundary") > _BOUNDARIES or octets.count(b"\n--") > max_parts:
        return True
    return any(field.count(b";") > _PARAMETERS for field in _FIELD_WITH_PARAMETERS.findall(octets))


def _ask(octets: bytes, *, sender: str) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """Return the addresses that failed for now, and those that failed for good."""
    # Their import costs as much as all of ours, and few messages need them.
    from email import message_from_bytes  # noqa: PLC0415
    from email.policy import compat32  # noqa: PLC0415

    from flufl.bounce import all_failures  # noqa: PLC0415

    from bounced.quiet import silence  # noqa: PLC0415

    silence("flufl.bounce")
    try:
        # A detector trips over a field that is not ASCII and a From that is missing or empty; those after it would
        # never be asked.
        header, empty_line, body = octets.partition(b"\n\n")
        message = message_from_bytes(_plain(header.decode("latin-1")) + empty_line + body, policy=compat32)
        del message["From"]
        message["From"] = _plain(sender).decode()
        for part in message.walk():
            _shorten_lines(part)
        return all_failures(message)
    except _DETECTOR_ERRORS:
        return frozenset(), frozenset()


def _shorten_lines(part: "Message") -> None:
    """Leave as much of each line as a notice may have, once its transfer encoding is undone."""
    if part.is_multipart():
        return
    content = part.get_payload(decode=True)
    lines = content.split(b"\n") if isinstance(content, bytes) else []
    kept = [line[:_LINE_LENGTH] if line.count(b"<") <= _BRACKETS else b"" for line in lines]
    if kept != lines:
        del part["Content-Transfer-Encoding"]
        part.set_payload(b"\n".join(kept).decode("ascii", "surrogateescape"))


def _plain(text: str) -> bytes:
    return text.encode("ascii", "replace")


def _findings(addresses: frozenset[bytes], action: Action) -> list[Finding]:
    found = sorted(address for octets in addresses if (address := find_address(octets.decode(errors="replace"))))
    return [Finding(recipient=address, action=action) for address in found]
