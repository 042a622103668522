"""Recognise what machines send on behalf of people: receipts, automatic answers, challenges.

None of them may ever count against an address.
"""

from bounced.model import Finding, Kind, Report
from bounced.parse.address import find_address
from bounced.parse.charset import decode_unlabelled
from bounced.parse.dsn import STATUS_TYPES, split_blocks
from bounced.parse.mail import Mail

_RECEIPT = frozenset({"message/disposition-notification", "message/global-disposition-notification"})
_AUTO_HEADERS = frozenset(
    {
        "x-autoreply",
        "x-autorespond",
        "x-autoresponse",
        "x-auto-response",
        "x-autoresponder",
        "x-autoreply-from",
        "x-mail-autoreply",
        "x-vacation",
    }
)
_AUTO_VALUES = {
    "precedence": ("auto_reply", "auto-reply"),
    "x-precedence": ("auto_reply", "auto-reply"),
    "preference": ("auto_reply", "auto-reply"),
    "auto-submitted": ("auto-replied",),
    "delivered-to": ("autoresponder",),
    "x-post-messageclass": ("9; autoresponder",),
}
_LIST_HEADERS = frozenset({"list-id", "list-post", "list-unsubscribe", "mailing-list"})
_BOXBE = b"X-Boxbe-Notice;"
_CHALLENGE_HEADERS = frozenset(
    {
        "x-tmda-confirm",
        "x-choicemail-registration-request",
        "x-challenge-response",
        "x-boxbe-notification",
        "x-spamarrest",
    }
)


def read_receipt(mail: Mail) -> Report | None:
    """Recognise a message disposition notification (RFC 8098).

    QUIRK: Dovecot tells with one that a filter rejected the mail (RFC 5429);
    that is a failure, and is left to the readers of those.
    """
    parts = mail.parts_of(_RECEIPT)
    if not parts:
        return None
    fields = tuple(field for block in split_blocks(decode_unlabelled(parts[0].content())) for field in block)
    disposition = next((value.lower() for name, value in fields if name == "disposition"), "")
    if "deleted" in disposition and "automatic-action" in disposition and "rejected" in mail.report_text.lower():
        return None
    return Report(kind=Kind.MDN, reader="rfc8098", fields=fields)


def read_challenge(mail: Mail) -> Report | None:
    """Recognise the question of a filter whether a person sent the mail."""
    is_marked = not _CHALLENGE_HEADERS.isdisjoint(mail.headers.names)
    if not is_marked and (mail.is_from_daemon or "challenge" not in mail.subject_wording):
        return None
    return Report(kind=Kind.CHALLENGE, findings=_sender(mail), reader="challenge")


def read_waiting_list(mail: Mail) -> Report | None:
    """Recognise the question of Boxbe.

    QUIRK: it comes as a status report (``Action: delayed``), which is no delay of a mail system's.
    """
    if not any(_BOXBE in part.body for part in mail.parts_of(STATUS_TYPES)):
        return None
    return Report(kind=Kind.CHALLENGE, findings=_sender(mail), reader="challenge")


def read_auto_reply(mail: Mail) -> Report | None:
    """Recognise an automatic answer (RFC 3834 section 5) by the sender's own marks.

    QUIRK: Exim, Gmail and others put ``Auto-Submitted: auto-replied`` on their
    bounces, so a mail system is never taken for somebody on holiday, but for a
    postmaster whose subject says so.
    """
    if mail.is_from_daemon and ("auto_reply" not in mail.subject_wording or "bounce" in mail.subject_wording):
        return None
    headers = mail.headers
    is_marked = not _AUTO_HEADERS.isdisjoint(headers.names) or any(
        (headers.get(name) or "").strip().lower().startswith(_AUTO_VALUES[name]) for name in _AUTO_VALUES
    )
    if not is_marked and "auto_reply" not in mail.subject_wording:
        return None
    return Report(kind=Kind.AUTO_REPLY, findings=_sender(mail), reader="rfc3834")


def read_silent_answer(mail: Mail) -> Report | None:
    """Recognise an automatic answer of which only the null reverse-path tells (RFC 3834 section 3.3).

    Asked last: what no reader takes for a report, and answers or calls itself bulk, is somebody's responder.
    """
    headers = mail.headers
    if mail.is_from_daemon or not mail.is_from_system or not _LIST_HEADERS.isdisjoint(headers.names):
        return None
    is_bulk = (headers.get("precedence") or "").strip().lower() in {"bulk", "junk"}
    if not is_bulk and not mail.is_conversation:
        return None
    return Report(kind=Kind.AUTO_REPLY, findings=_sender(mail), reader="rfc3834")


def _sender(mail: Mail) -> tuple[Finding, ...]:
    """Who answers: the address that we wrote to, or one behind it."""
    sender = find_address(mail.headers.get("from") or "")
    return (Finding(recipient=sender),) if sender else ()
