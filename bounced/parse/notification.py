"""Read notices that are JSON in a mail: what Amazon SES tells through SNS, to those who let it come as mail.

Source: the SES developer guide, "Amazon SNS notification contents". Only the
small objects that describe one recipient each are decoded, so a notice that
was cut, folded or put as a string into another one can still be read.
"""

import json
import re

from bounced.model import Action, Finding, Kind, Report, Status
from bounced.parse.address import find_address
from bounced.parse.codes import read_codes
from bounced.parse.dsn import read_action, without_type
from bounced.parse.mail import Mail

_TYPE = re.compile(r'"(?:notificationType|eventType)" ?: ?"([A-Za-z]{1,20})"')
_RECIPIENT = re.compile(r'\{[^{}]{0,1000}"emailAddress"[^{}]{1,4000}\}')
_REPORTING_MTA = re.compile(r'"reportingMTA" ?: ?"([^"\\]{1,300})"')
# QUIRK: Sendmail breaks lines longer than its mailer allows with "!" and a fold.
_BROKEN_LINE = re.compile(r"!?\n ")
_KINDS = {
    "Bounce": Kind.BOUNCE,
    "Complaint": Kind.FEEDBACK_REPORT,
    "Delivery": Kind.SUCCESS,
    "DeliveryDelay": Kind.DELAY,
}


def read(mail: Mail) -> Report | None:
    """Return what a notice of SES says of each recipient, or None where `mail` is none."""
    if "emailAddress" not in mail.text or mail.is_conversation:
        return None
    text = _BROKEN_LINE.sub("", mail.text).replace('\\"', '"')
    kind = next((_KINDS[name] for name in _TYPE.findall(text) if name in _KINDS), None)
    if kind is None:
        return None
    mta = _REPORTING_MTA.search(text)
    findings = [finding for match in _RECIPIENT.findall(text) if (finding := _read_recipient(match))]
    return Report(
        kind=kind,
        findings=tuple(findings),
        reporting_mta=without_type(mta[1]) if mta else None,
        reader="ses",
    )


def _read_recipient(text: str) -> Finding | None:
    try:
        fields = json.loads(text)
    except ValueError:
        return None
    # JSON can say half of a surrogate pair, which cannot be written as UTF-8 again.
    values = {name: value.encode(errors="replace").decode() for name, value in fields.items() if isinstance(value, str)}
    recipient = find_address(values.get("emailAddress", ""))
    if recipient is None:
        return None
    diagnostic = values.get("diagnosticCode")
    said = read_codes(without_type(diagnostic or ""))
    return Finding(
        recipient=recipient,
        action=read_action(values.get("action")) or Action.FAILED,
        status=Status.parse(values.get("status", "")),
        said_status=said.status,
        reply=said.reply,
        diagnostic=diagnostic,
    )
