"""Understand a message that holds a delivery status report (RFC 3464)."""

import re
from dataclasses import replace

from bounced.model import Action, Finding, Kind, Report, Status
from bounced.parse.dsn import STATUS_TYPES, read_status_part, reporting_mta
from bounced.parse.mail import Mail

_STATUS_FIELDS_IN_TEXT = re.compile(rb"(?:\A|\n)(?:Reporting-MTA|Final-Recipient)[ \t]*:", re.IGNORECASE)
_GAVE_UP = re.compile(
    r"\b(?:envelope expired|message expired|giving up|gave up|could not be delivered for|no longer)\b"
)
_TIME_IS_UP = Status(4, 4, 7)


def read(mail: Mail) -> Report | None:
    """Return what the status report in `mail` says, or None where it holds none that names a recipient."""
    content = _status_content(mail)
    if content is None:
        return None
    fields, findings, notes = read_status_part(content, max_recipients=mail.limits.recipients)
    if not findings:
        return None
    findings = [_complete(finding, mail) for finding in findings]
    return Report(
        kind=_kind(findings),
        findings=tuple(findings),
        reporting_mta=reporting_mta(fields),
        reader="rfc3464",
        fields=tuple(fields),
        notes=tuple(notes),
    )


def _status_content(mail: Mail) -> bytes | None:
    parts = mail.parts_of(STATUS_TYPES)
    if parts:
        return b"\n\n".join(part.content for part in parts)
    # QUIRK: gateways that break the boundary, or relabel the part, leave the status fields in plain sight.
    for part in mail.parts:
        if part.content_type.main == "text" or part is mail.top:
            found = _STATUS_FIELDS_IN_TEXT.search(part.content)
            if found:
                return part.content[found.start() :]
    return None


def _complete(finding: Finding, mail: Mail) -> Finding:
    """Fill in what the fields leave out and the rest of the message says."""
    if finding.diagnostic is None:
        finding = replace(finding, explanation=_explanation(finding.recipient, mail.text))
    action = finding.action or _action_of_status(finding.status)
    if action is Action.DELAYED and finding.status == _TIME_IS_UP and _GAVE_UP.search(mail.text.lower()):
        # QUIRK: OpenSMTPD says "delayed" also when it has given up.
        action = Action.FAILED
    return replace(finding, action=action)


def _explanation(recipient: str, text: str) -> str | None:
    """Return what the text for people says from the first mention of the recipient on."""
    position = text.lower().find(recipient.lower())
    return text[max(position, 0) :][:_EXPLANATION_LENGTH].strip() or None


_EXPLANATION_LENGTH = 1024


def _action_of_status(status: Status | None) -> Action | None:
    """Say what happened where Action is missing: the class of the status tells (RFC 3463 section 3.1)."""
    match status.class_ if status else None:
        case 2:
            return Action.DELIVERED
        case 5:
            return Action.FAILED
        case _:
            return None


def _kind(findings: list[Finding]) -> Kind:
    """Name the whole message by the worst thing it reports."""
    actions = {finding.action for finding in findings}
    if Action.FAILED in actions or None in actions:
        return Kind.BOUNCE
    return Kind.DELAY if Action.DELAYED in actions else Kind.SUCCESS
