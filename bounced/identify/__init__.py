"""Say which message, sent to whom, a report answers.

The return path tells it best, where it holds an id or a recipient: ``verp``
makes and checks signed ones, ``forms`` reads those of other systems, and
``wrapping`` takes off what mail servers put around them. The returned mail
and the report tell the rest.
"""

import re
from collections.abc import Iterable, Mapping

from bounced.identify.forms import make_form, shipped_forms
from bounced.identify.return_path import VerpSettings, narrow, read_return_path, read_return_paths
from bounced.identify.wrapping import BatvKey, Wrapping
from bounced.model import Finding, Original, Verp

__all__ = [
    "BatvKey",
    "VerpSettings",
    "Wrapping",
    "make_form",
    "narrow",
    "read_original",
    "read_return_path",
    "read_return_paths",
    "sent_to",
    "shipped_forms",
]

_OWN_FIELDS = frozenset({"message-id", "from", "to", "subject", "date", "list-id", "feedback-id", "list-unsubscribe"})
# A field may be made of nothing but longer addresses, and a report may ask for each of its recipients.
_MENTIONS = 100
_XTEXT = re.compile(r"\+([0-9A-F]{2})")


def read_original(headers: Mapping[str, str], fields: Iterable[tuple[str, str]] = ()) -> Original:
    """Describe the mail that failed by the header fields that came back with it.

    Args:
        headers: Decoded fields of the returned header, names in lower case;
            those without a place of their own go into ``headers``.
        fields: The per-message fields of the report.
    """
    return Original(
        message_id=headers.get("message-id"),
        from_=headers.get("from"),
        to=headers.get("to"),
        subject=headers.get("subject"),
        date=headers.get("date"),
        list_id=headers.get("list-id"),
        feedback_id=headers.get("feedback-id"),
        list_unsubscribe=headers.get("list-unsubscribe"),
        envelope_id=_read_envelope_id(fields),
        headers={name: value for name, value in headers.items() if name not in _OWN_FIELDS},
    )


def _read_envelope_id(fields: Iterable[tuple[str, str]]) -> str | None:
    """Return the ENVID of the MAIL command; some relays leave it in xtext (RFC 3461 section 4)."""
    value = next((value for name, value in fields if name == "original-envelope-id"), None)
    return _XTEXT.sub(lambda found: chr(int(found[1], 16)), value) if value else None


def sent_to(finding: Finding, original: Original, verp: Verp | None = None) -> str:
    """Return the address we sent to.

    The return path knows it, where it holds a recipient. Forwarding and
    aliases make Final-Recipient an address that we never used, and
    Original-Recipient alone is no proof, since any relay may have set it: it
    counts where the returned mail names it.
    """
    if verp and verp.recipient:
        return verp.recipient
    asked = finding.original_recipient
    return asked if asked and _is_named(asked, original.to) else finding.recipient


def _is_named(address: str, field: str | None) -> bool:
    """Whether `address` stands in `field`, and not as a part of a longer one."""
    text, wanted = (field or "").lower(), address.lower()
    start = text.find(wanted)
    for _ in range(_MENTIONS):
        if start < 0:
            return False
        end = start + len(wanted)
        if not (_goes_on(text[start - 1 : start], ".+=-_") or _goes_on(text[end : end + 1], ".-_")):
            return True
        start = text.find(wanted, start + 1)
    return False


def _goes_on(neighbour: str, marks: str) -> bool:
    return neighbour != "" and (neighbour.isalnum() or neighbour in marks)
