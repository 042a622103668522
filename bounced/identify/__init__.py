"""Say which message, sent to whom, a report answers."""

import re
from collections.abc import Mapping

from bounced.model import Finding, Original

__all__ = ["read_original", "sent_to"]

_OWN_FIELDS = frozenset({"message-id", "from", "to", "subject", "date", "list-id"})


def read_original(headers: Mapping[str, str]) -> Original:
    """Describe the mail that failed by the header fields that came back with it.

    Args:
        headers: Decoded fields of the returned header, names in lower case;
            those without a place of their own go into ``headers``.
    """
    return Original(
        message_id=headers.get("message-id"),
        from_=headers.get("from"),
        to=headers.get("to"),
        subject=headers.get("subject"),
        date=headers.get("date"),
        list_id=headers.get("list-id"),
        headers={name: value for name, value in headers.items() if name not in _OWN_FIELDS},
    )


def sent_to(finding: Finding, original: Original) -> str:
    """Return the address we sent to: the original recipient where the returned mail proves it.

    Forwarding and aliases make Final-Recipient an address that we never
    used. Original-Recipient alone is no proof: any relay may have set it.
    """
    asked = finding.original_recipient
    if asked and original.to and re.search(rf"(?<![\w.+=-]){re.escape(asked)}(?![\w.-])", original.to, re.IGNORECASE):
        return asked
    return finding.recipient
