"""Turn the octets of a message into a report: what it says, not what that means.

The readers are asked in order, from the most exact to the last resort; the
first that understands the message wins. No input makes them raise, and all
of them work within one set of limits.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from bounced.model import Finding, Kind, Report
from bounced.parse import fallback, feedback, notification, rfc3464, text
from bounced.parse.address import find_address
from bounced.parse.alias import mark_aliases
from bounced.parse.automatic import (
    read_auto_reply,
    read_challenge,
    read_receipt,
    read_silent_answer,
    read_waiting_list,
)
from bounced.parse.codes import read_codes
from bounced.parse.dialogue import find_host, find_stage
from bounced.parse.mail import Mail
from bounced.parse.mime import DEFAULT_LIMITS, Limits

__all__ = ["DEFAULT_LIMITS", "Limits", "parse", "read_answer"]

_ORIGINAL_HEADERS = (
    "date",
    "feedback-id",
    "from",
    "list-id",
    "list-unsubscribe",
    "message-id",
    "subject",
    "to",
)
# The most trustworthy first: where it was delivered, where it was meant to go.
_DELIVERED_TO = ("x-original-to", "delivered-to", "envelope-to", "to")
_READERS: tuple[Callable[[Mail], Report | None], ...] = (
    read_waiting_list,
    rfc3464.read,
    feedback.read,
    read_receipt,
    notification.read,
    rfc3464.read_in_text,
    read_challenge,
    read_auto_reply,
    text.read,
    fallback.read,
    text.read_nameless,
    read_silent_answer,
)


def parse(raw: bytes, *, limits: Limits = DEFAULT_LIMITS, headers: Iterable[str] = ()) -> Report:
    """Read a message.

    Args:
        raw: The message as received.
        limits: How much of it to look at.
        headers: Further header fields of the returned message to report, in any case.

    Returns:
        What the first reader that understands it found; a report of kind
        ``not_bounce`` where none does. Never raises, whatever the octets.
    """
    mail = Mail(raw, limits)
    report = _read(mail)
    return replace(
        report,
        findings=mark_aliases(report.findings[: limits.recipients], mail.text),
        original_headers=_original_headers(mail, headers),
        delivered_to=tuple([address for name in _DELIVERED_TO if (address := _address_in(mail.headers.get(name)))]),
        notes=(*report.notes, *_caveats(mail, report)),
    )


def read_answer(text: str, *, host: str | None = None) -> Finding:
    """Read what one server said, without a message around it.

    Args:
        text: A diagnostic, as a log or a report quotes it.
        host: The server's name, where it is known.

    Returns:
        A finding about nobody.
    """
    said = read_codes(text)
    return Finding(
        recipient="",
        said_status=said.status,
        reply=said.reply,
        diagnostic=text,
        remote_mta=host or find_host(text),
        stage=find_stage(text),
    )


def _read(mail: Mail) -> Report:
    for reader in _READERS:
        report = reader(mail)
        if report is not None:
            return report
    return Report(kind=Kind.NOT_BOUNCE)


def _caveats(mail: Mail, report: Report) -> Iterator[str]:
    """Say what of the message was not looked at, and whether it can be relied on."""
    if report.is_unsigned:
        yield "no mail system signs this report, and no mail comes back with it"
    if report.kind is Kind.FEEDBACK_REPORT and not report.is_complaint:
        yield "a feedback report in which nobody complains"
    excess = len(report.findings) - mail.limits.recipients
    if excess > 0:
        yield f"{excess} recipients beyond the first {mail.limits.recipients} left out"
    if len(mail.parts) == mail.limits.parts:
        yield f"looked at the first {mail.limits.parts} parts only"
    if mail.is_cut:
        yield f"looked at the first {mail.limits.message_bytes} octets only"


def _original_headers(mail: Mail, wanted: Iterable[str]) -> dict[str, str]:
    returned = mail.returned
    if returned is None:
        return {}
    names = (*_ORIGINAL_HEADERS, *(name.lower() for name in wanted))
    return {name: value for name in names if (value := returned.get(name))}


def _address_in(field: str | None) -> str | None:
    return find_address(field) if field else None
