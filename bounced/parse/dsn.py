"""Read delivery status notifications (RFC 3464, and RFC 6533 for UTF-8 addresses).

The fields are taken as they come: torn apart by blank lines, in any order,
without mandatory ones, with a type or without. What they mean for the
recipient is decided elsewhere.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from bounced.errors import MalformedReportError
from bounced.model import Action, Finding, Status
from bounced.parse.address import read_typed_address
from bounced.parse.codes import Codes, read_codes
from bounced.parse.header import decode_words

Field = tuple[str, str]
Block = list[Field]

STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,60}")
_NAMES_WITHOUT_HYPHEN = frozenset({"action", "disposition", "error", "failure", "status", "to", "version", "warning"})
_RECIPIENT_NAMES = frozenset({"final-recipient", "original-recipient"})
_ACTIONS = {
    "failed": Action.FAILED,
    "failure": Action.FAILED,
    "error": Action.FAILED,
    "expired": Action.FAILED,
    "delayed": Action.DELAYED,
    "delivered": Action.DELIVERED,
    "deliverable": Action.DELIVERED,
    "relayed": Action.RELAYED,
    "expanded": Action.EXPANDED,
}
_NO_CODES = Codes(None, None)
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_COMMENT = re.compile(r"\([^()]*\)")
# A comment that only names the class of the status (RFC 3463 section 3.1) explains nothing.
_NAMES_CLASS = re.compile(
    r"\((?:unknown |persistent |permanent |temporary |transient )*(?:failure|error)\)", re.IGNORECASE
)


def read_status_part(text: str, *, max_recipients: int) -> tuple[Block, list[Finding], list[str]]:
    """Read the decoded content of a ``message/delivery-status`` part.

    Args:
        text: The content, decoded.
        max_recipients: Where to stop; what is left out is noted.

    Returns:
        The per-message fields with those of blocks that name no address, one
        finding for each recipient, and notes.
    """
    about_message, about_recipients = _group(split_blocks(text))
    findings, notes = [], []
    for block in about_recipients[:max_recipients]:
        try:
            findings.append(read_recipient(block))
        except MalformedReportError as error:
            notes.append(str(error))
            about_message.extend(block)
    if len(about_recipients) > max_recipients:
        notes.append(f"{len(about_recipients) - max_recipients} recipients beyond the first {max_recipients} left out")
    return about_message, findings, notes


def split_blocks(text: str) -> list[Block]:
    """Split status fields at blank lines, unfolding and decoding their values."""
    blocks: list[list[tuple[str, list[str]]]] = [[]]
    for line in text.splitlines():
        head, colon, rest = line.partition(":")
        if colon and (name := _read_name(head)):
            blocks[-1].append((name, [rest.strip()]))
        elif not line or line.isspace():
            blocks.append([])
        elif blocks[-1]:
            # QUIRK: nullmailer continues a Diagnostic-Code in the first column, without the blank of RFC 5322.
            blocks[-1][-1][1].append(line.strip())
    return [[(name, decode_words(" ".join(lines))) for name, lines in block] for block in blocks if block]


@lru_cache(maxsize=256)
def _read_name(text: str) -> str | None:
    """Return the field name that stands before a colon, in lower case, or None where it is only text."""
    name = text.rstrip(" \t").lower()
    return name if _NAME.fullmatch(name) and ("-" in name or name in _NAMES_WITHOUT_HYPHEN) else None


def _group(blocks: Iterable[Block]) -> tuple[Block, list[Block]]:
    """Tell the per-message fields from those of each recipient (RFC 3464 section 2.1)."""
    about_message: Block = []
    about_recipients: list[Block] = []
    for block in blocks:
        if not _RECIPIENT_NAMES.isdisjoint([name for name, _ in block]):
            about_recipients.extend(_split_repeated(block))
        elif about_recipients:
            # QUIRK: gateways tear a recipient's fields apart with blank lines.
            about_recipients[-1].extend(block)
        else:
            about_message.extend(block)
    return about_message, about_recipients


def _split_repeated(block: Block) -> list[Block]:
    """Cut a block where a recipient field comes a second time: the blank line between was lost."""
    groups: list[Block] = [[]]
    for name, value in block:
        if name in _RECIPIENT_NAMES and any(name == seen for seen, _ in groups[-1]):
            groups.append([])
        groups[-1].append((name, value))
    return groups


def read_recipient(block: Block) -> Finding:
    """Read the fields of one recipient (RFC 3464 section 2.3).

    Some systems leave out the mandatory Action or Status; what is missing is
    None. Only a block without any address is useless: the caller notes it and
    reads on, because one bad block must not hide the good ones.

    Raises:
        MalformedReportError: No recipient field holds an address.
    """
    fields = dict(reversed(block))  # of a repeated field the first one counts
    final = read_typed_address(fields.get("final-recipient", ""))
    original = read_typed_address(fields.get("original-recipient", ""))
    if final and original and _XTEXT.sub(_unescape, original) == final:
        original = final  # QUIRK: Exim passes ORCPT on as it came, in the xtext of RFC 3461 section 4.
    recipient = final or original
    if recipient is None:
        raise MalformedReportError(f"no address in a recipient block: {fields.get('final-recipient', '')[:80]!r}")
    status_field = fields.get("status", "")
    # QUIRK: Sendmail's kin and PMDF say in a comment behind the status what others say in Diagnostic-Code.
    comment = _COMMENT.search(status_field)
    is_telling = comment is not None and not _NAMES_CLASS.fullmatch(comment[0])
    diagnostic = fields.get("diagnostic-code") or (comment[0].strip("()") if comment and is_telling else None)
    said = read_codes(without_type(diagnostic or ""))
    status = Status.parse(status_field.split("(")[0].strip())
    by_status = read_codes(status_field) if status is None or comment else _NO_CODES
    return Finding(
        recipient=recipient,
        original_recipient=original,
        action=read_action(fields.get("action")),
        status=status or by_status.status,
        said_status=said.status,
        reply=said.reply or by_status.reply,
        diagnostic=diagnostic,
        remote_mta=_read_host(fields.get("remote-mta", "")),
        fields=tuple(block),
    )


def _read_host(value: str) -> str | None:
    """Return the name in a Remote-MTA field (RFC 3464 section 2.3.5).

    QUIRK: Courier, Gmail and others write the host's address behind its name.
    """
    name = without_type(value)
    first = name.split(maxsplit=1)[0] if name else ""
    return (first if "." in first else name).rstrip(".") or None


def _unescape(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))


def reporting_mta(fields: Iterable[Field]) -> str | None:
    """Return the name in Reporting-MTA (RFC 3464 section 2.2.2) without its type."""
    return next((without_type(value) or None for name, value in fields if name == "reporting-mta"), None)


def read_action(value: str | None) -> Action | None:
    """Read an Action field (RFC 3464 section 2.3.3) or one of the words that systems write instead."""
    words = _COMMENT.sub(" ", value or "").split()
    return _ACTIONS.get(words[0].lower().rstrip(",;.")) if words else None


def without_type(value: str) -> str:
    """Drop the type before the semicolon (``smtp; 550 ...``, ``dns; mx.example.com``)."""
    kind, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon and " " not in kind.strip() else value.strip()
