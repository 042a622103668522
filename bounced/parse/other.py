"""Recognise mail that must never count against an address: complaints, receipts, automatic answers."""

import re

from bounced.model import Finding, Kind, Report
from bounced.parse.address import find_address
from bounced.parse.charset import decode_unlabelled
from bounced.parse.dsn import reporting_mta, split_blocks
from bounced.parse.mail import Mail

_FEEDBACK = frozenset({"message/feedback-report"})
_MDN = frozenset({"message/disposition-notification", "message/global-disposition-notification"})
_AUTO_HEADERS = ("x-autoreply", "x-autorespond", "x-auto-response", "x-autoresponder")
_AUTO_PRECEDENCE = frozenset({"auto_reply", "auto-reply"})
_AUTO_SUBJECT = re.compile(
    r"\s*(?:re: ?)?(?:auto(?:matic)?[- ]?(?:reply|response)|out of (?:the )?office|vacation)\b", re.IGNORECASE
)


def read_feedback(mail: Mail) -> Report | None:
    """Read an abuse report (RFC 5965): who complained about which message."""
    parts = mail.parts_of(_FEEDBACK)
    if not parts:
        return None
    fields = tuple(field for block in split_blocks(decode_unlabelled(parts[0].content)) for field in block)
    named = [value for name, value in fields if name in ("original-rcpt-to", "removal-recipient")]
    if not named and mail.returned is not None:
        named = mail.returned.get_all("to")
    found = dict.fromkeys(address for value in named if (address := find_address(value)))
    return Report(
        kind=Kind.FEEDBACK_REPORT,
        findings=tuple(Finding(recipient=address) for address in found),
        reporting_mta=reporting_mta(fields),
        reader="rfc5965",
        fields=fields,
    )


def read_receipt(mail: Mail) -> Report | None:
    """Recognise a message disposition notification (RFC 8098)."""
    parts = mail.parts_of(_MDN)
    if not parts:
        return None
    fields = tuple(field for block in split_blocks(decode_unlabelled(parts[0].content)) for field in block)
    return Report(kind=Kind.MDN, reader="rfc8098", fields=fields)


def read_auto_reply(mail: Mail) -> Report | None:
    """Recognise an automatic answer (RFC 3834 section 5) by the sender's own marks.

    QUIRK: Exim, Gmail and others put ``Auto-Submitted: auto-replied`` on their
    bounces, so a mail system is never taken for somebody on holiday.
    """
    headers = mail.headers
    if mail.is_from_daemon:
        return None
    marked = (headers.get("auto-submitted") or "").lower().startswith("auto-replied")
    marked = marked or any(headers.get(name) is not None for name in _AUTO_HEADERS)
    marked = marked or (headers.get("precedence") or "").strip().lower() in _AUTO_PRECEDENCE
    if not marked and not _AUTO_SUBJECT.match(headers.get("subject") or ""):
        return None
    sender = find_address(headers.get("from") or "")
    return Report(
        kind=Kind.AUTO_REPLY,
        findings=(Finding(recipient=sender),) if sender else (),
        reader="rfc3834",
    )
