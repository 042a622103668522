"""Understand a message that holds a delivery status report (RFC 3464)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from bounced.model import Action, Finding, Kind, Report, Status
from bounced.parse import text
from bounced.parse.answer import answer_in
from bounced.parse.charset import decode_unlabelled
from bounced.parse.codes import find_status, read_codes
from bounced.parse.dialogue import find_host, find_stage
from bounced.parse.dsn import STATUS_TYPES, Block, read_action, read_status_part, reporting_mta, without_type
from bounced.parse.mail import Mail
from bounced.parse.portions import SECTION, occurrences, portion
from bounced.parse.transcript import CONTINUED, read_answers, read_whole_replies, without_conclusions
from bounced.parse.wording import FAMILY

_STATUS_FIELDS_IN_TEXT = re.compile(r"\n(?:Reporting-MTA|Final-Recipient)[ \t]*:", re.IGNORECASE)
_STATUS_FIELDS_IN_OCTETS = re.compile(_STATUS_FIELDS_IN_TEXT.pattern.encode(), re.IGNORECASE)
_GAVE_UP = re.compile(
    r"\b(?:envelope expired|message expired|giving up|gave up|could not be delivered for|no longer)\b"
)
_QUOTE_ANSWERS = frozenset({f"{FAMILY}exim", f"{FAMILY}opensmtpd"})
_NO_REFUSAL = re.compile(r"2\d\d[ -]")
_NOT_DELIVERED = frozenset({Action.FAILED, Action.DELAYED})
_FIELDS_OF_A_RECIPIENT = frozenset({"action", "status", "diagnostic-code", "final-recipient"})
_TIME_IS_UP = Status(4, 4, 7)
_EXPLANATION_LENGTH = 1024


def read(mail: Mail) -> Report | None:
    """Return what the status part of `mail` says, or None where it has none that names a recipient.

    People attach one to a question; a report that comes from a system is more than an attachment.
    """
    parts = mail.parts_of(STATUS_TYPES)
    if parts and mail.top.content_type.full == "multipart/mixed" and not mail.may_be_report:
        return None
    return _read(decode_unlabelled(b"\n\n".join(part.content() for part in parts)), mail) if parts else None


def read_in_text(mail: Mail) -> Report | None:
    """Return what status fields in the text of `mail` say, or None where there are none.

    QUIRK: gateways that break the boundary, relabel the part, or forward a
    report as text leave the fields in plain sight. But people ask about
    bounces by quoting them, so something else must speak for a bounce.
    """
    if not mail.may_be_bounce:
        return None
    lines = f"\n{mail.unquoted_text}"
    found = _STATUS_FIELDS_IN_TEXT.search(lines)
    if not found and _STATUS_FIELDS_IN_OCTETS.search(octets := b"\n" + mail.own_octets):
        lines = decode_unlabelled(octets)
        found = _STATUS_FIELDS_IN_TEXT.search(lines)
    if not found:
        return None
    report = _read(lines[found.start() :], mail)
    return report and replace(report, is_unsigned=not mail.is_signed)


def _read(content: str, mail: Mail) -> Report | None:
    fields, findings, notes = read_status_part(content, max_recipients=mail.limits.recipients)
    if not findings:
        return _without_address(fields, mail)
    findings = _complete_all(_mend_all(findings, mail), mail)
    return Report(
        kind=_kind(findings),
        findings=tuple(findings),
        reporting_mta=reporting_mta(fields),
        reader="rfc3464",
        fields=tuple(fields),
        notes=tuple(notes),
    )


def _without_address(fields: Block, mail: Mail) -> Report | None:
    """Take the recipients from the text where no status field names one by an address.

    The fields that there are still count: of a single recipient, they speak of it.
    """
    about = dict(reversed(fields))
    if not _FIELDS_OF_A_RECIPIENT & about.keys():
        return None
    action = read_action(about.get("action"))
    report = text.read(mail) or Report(kind=Kind.DELAY if action is Action.DELAYED else Kind.BOUNCE, reader="rfc3464")
    findings = report.findings
    if len(findings) == 1:
        status = find_status(about.get("status", ""))
        findings = (replace(findings[0], status=status, action=action or findings[0].action),)
    return replace(report, findings=findings, reporting_mta=reporting_mta(fields), fields=tuple(fields))


def _mend_all(findings: Iterable[Finding], mail: Mail) -> list[Finding]:
    """Complete diagnostics that were cut, and drop those that refuse nothing.

    QUIRK: Sendmail quotes the answer to its QUIT ("SMTP; 221 bye") where the greeting was refused before.
    """
    mended, replies = [], None
    for finding in findings:
        diagnostic = finding.diagnostic or ""
        said = without_type(diagnostic)
        if finding.action in _NOT_DELIVERED and _NO_REFUSAL.match(said):
            mended.append(replace(finding, diagnostic=None))
        elif CONTINUED.match(said):
            replies = read_whole_replies(mail.text) if replies is None else replies
            whole = replies.get(" ".join(said.split()), said)
            mended.append(replace(finding, diagnostic=diagnostic.replace(said, whole)))
        else:
            mended.append(finding)
    return mended


def _complete_all(findings: list[Finding], mail: Mail) -> list[Finding]:
    # Where the fields say everything, what stands around the report does no harm, and to find it takes long.
    is_all_said = all(finding.diagnostic and finding.reply for finding in findings)
    told = _told({finding.recipient for finding in findings}, mail.text if is_all_said else mail.report_text)
    if any(finding.diagnostic is None for finding in findings):
        answers = _answers(mail)
        findings = [_with_answer(finding, answers, is_sole=len(findings) == 1) for finding in findings]
    return [_complete(finding, told.get(finding.recipient.lower()), mail) for finding in findings]


def _answers(mail: Mail) -> dict[str, str]:
    """Return what the text quotes of the servers' answers, by the recipient in lower case.

    QUIRK: OpenSMTPD has no Diagnostic-Code, Exim none for a reply of several lines that delays, Sendmail none
    where reply and enhanced code disagree.
    """
    if f"{FAMILY}sendmail" in mail.report_wording:
        return read_answers(mail.text)
    if _QUOTE_ANSWERS.isdisjoint(mail.report_wording):
        return {}
    return {address.lower(): said.split("\n\n")[0] for address, said in text.say_of_recipients(mail).items()}


def _with_answer(finding: Finding, answers: Mapping[str, str], *, is_sole: bool) -> Finding:
    if finding.diagnostic is not None:
        return finding
    answer = answers.get(finding.recipient.lower()) or (answers.get("", "") if is_sole else "")
    codes = read_codes(answer)
    if codes.reply is None:
        return finding
    return replace(finding, diagnostic=" ".join(answer.split()), reply=codes.reply, said_status=codes.status)


def _complete(finding: Finding, told: str | None, mail: Mail) -> Finding:
    """Fill in what the fields leave out and the rest of the message says."""
    diagnostic, told = finding.diagnostic or "", told or ""
    stage = (find_stage(diagnostic) if diagnostic else None) or find_stage(told)
    if diagnostic:
        told = without_conclusions(told)
    reply, said_status = finding.reply, finding.said_status
    if not (diagnostic and reply):
        codes = read_codes(answer_in(told))
        reply = reply or codes.reply
        said_status = said_status if diagnostic else codes.status
    return replace(
        finding,
        action=_action(finding, mail),
        explanation=told or None,
        reply=reply,
        said_status=said_status,
        remote_mta=finding.remote_mta or find_host(diagnostic) or find_host(told),
        stage=stage,
    )


def _action(finding: Finding, mail: Mail) -> Action | None:
    action = finding.action or _action_of_status(finding.status)
    if action is Action.DELAYED and finding.status == _TIME_IS_UP and _GAVE_UP.search(mail.text.lower()):
        # QUIRK: OpenSMTPD says "delayed" also when it has given up.
        return Action.FAILED
    return action


def _told(recipients: Iterable[str], written: str) -> dict[str, str]:
    """Return what is `written` for people of each recipient, by its address in lower case.

    Where there is only one recipient, all of the text is about it: au says
    "account is disabled" above and "user unknown" behind the address.
    """
    told = {recipient.lower(): "" for recipient in recipients}
    if len(told) == 1:
        (address,) = told
        start = next(occurrences(written.lower(), address), len(written))
        told[address] = f"{written[start : start + _EXPLANATION_LENGTH]}\n{written}"
    else:
        for owner, said in portion(written, told):
            if owner:
                told[owner] += SECTION.split(said, maxsplit=1)[0]
    return {address: cut for address, said in told.items() if (cut := said[:_EXPLANATION_LENGTH].strip())}


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
