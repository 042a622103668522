"""Read complaints: who reported which message as spam (RFC 5965), in whatever form a provider sends it."""

from bounced.model import Finding, Kind, Report
from bounced.parse.address import ADDRESS, clean_address, find_address
from bounced.parse.charset import decode_unlabelled
from bounced.parse.dsn import Block, reporting_mta, split_blocks
from bounced.parse.mail import Mail

_REPORT = frozenset({"message/feedback-report"})
_RECIPIENT_FIELDS = ("original-rcpt-to", "removal-recipient")
_KNOWN_FIELDS = frozenset({"feedback-type", "source-ip", "user-agent", "original-mail-from", *_RECIPIENT_FIELDS})
# QUIRK: Hotmail's junk mail reporting programme sends no report; it notes the recipient in the mail it returns.
_JMRP_HEADER = b"\nX-HmXmrOriginalRecipient:"
_MOST_RETURN_PATHS = 4  # RFC 5965 section 3.1 allows one
_RECIPIENT_HEADERS = ("x-hmxmroriginalrecipient", "x-rcpt-to", "x-original-to")


def read(mail: Mail) -> Report | None:
    """Return who complained, or None where `mail` is no complaint."""
    parts = mail.parts_of(_REPORT)
    if parts:
        fields = [field for block in split_blocks(decode_unlabelled(parts[0].content())) for field in block]
        return _report(mail, fields, [value for name, value in fields if name in _RECIPIENT_FIELDS], "rfc5965")
    if "x-apple-unsubscribe" in mail.headers:
        # QUIRK: Apple Mail unsubscribes its user by a mail of its own; the recipient asks for no more.
        return _report(mail, [("feedback-type", "opt-out")], [mail.headers.get("from") or ""], "apple")
    if _is_complaint(mail):
        return _report(mail, _fields_in_text(mail), [], "complaint")
    return None


def _is_complaint(mail: Mail) -> bool:
    is_likely = "complaint" in mail.subject_wording or _JMRP_HEADER in mail.octets
    return is_likely and mail.returned is not None


def _fields_in_text(mail: Mail) -> Block:
    """Take the fields of a report that was sent as plain text."""
    return [field for block in split_blocks(mail.report_text) for field in block if field[0] in _KNOWN_FIELDS]


def _report(mail: Mail, fields: Block, named: list[str], reader: str) -> Report:
    named = named or [value for name, value in fields if name in _RECIPIENT_FIELDS]
    returned = mail.returned
    if not any(map(find_address, named)) and returned is not None:
        named = [value for name in (*_RECIPIENT_HEADERS, "to") if (value := returned.get(name))][:1]
    found = dict.fromkeys(map(clean_address, ADDRESS.findall("\n".join(named)[: mail.limits.header_bytes])))
    paths = [value for name, value in fields if name == "original-mail-from"][:_MOST_RETURN_PATHS]
    if returned is not None and (path := returned.get("return-path")):
        paths.append(path)
    return Report(
        kind=Kind.FEEDBACK_REPORT,
        findings=tuple(Finding(recipient=address) for address in found),
        reporting_mta=reporting_mta(fields),
        reader=reader,
        fields=tuple(fields),
        sent_from=tuple(address for path in paths if (address := find_address(path))),
    )
