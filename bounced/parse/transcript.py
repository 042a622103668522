"""Read recipients from the transcript of an SMTP session that a report quotes."""

import re

from bounced.parse.address import ADDRESS, clean_address

# "554 <ann@example.com>... User unknown": Sendmail's summary of what went wrong with one recipient.
_SUMMARY = re.compile(r"^\s*[45][0-9]{2}[ -](?:[45]\.[0-9]\.[0-9]{1,3} )?<?([^\s<>]{1,320})>?\.\.\. (.*)$")
_COMMAND = re.compile(r"^\s*(?:>>> ?|In: +|Sent <<< |SMTP command: )?RCPT TO: ?<?([^\s<>]{1,320})>?", re.IGNORECASE)
_DIALOGUE = re.compile(r"^\s*(?:>>>|<<<|In: |Out: |[2-5][0-9]{2}[ -])")
_REFUSAL = re.compile(r"^\s*(?:<<< ?|Out: +|Received >>> )?([45][0-9]{2}[ -].*)$")
# A server that was sent several commands at once (RFC 2920) refuses the recipient, and then DATA, for nobody is left;
# the last command that Sendmail shows is DATA all the same.
NOBODY_LEFT = re.compile(r"^\s*<<< (?:503[ -]|55[04][ -].*no valid recipients).*$", re.IGNORECASE | re.MULTILINE)
# What Sendmail concludes from a bare 550, 551 or 553, whatever the server said: "550 5.1.1 <ann@x>... User unknown".
_CONCLUSION = re.compile(
    r"^[45][0-9]{2} [45]\.[0-9]\.[0-9]{1,3} (?:<?[^\s<>]{1,320}>?\.\.\. .*|Service unavailable)$", re.MULTILINE
)
# The same, as the end of what was said to one recipient, or to all where it names none.
_CONCLUDED = re.compile(
    r"(?:[45][0-9]{2} [45]\.[0-9]\.[0-9]{1,3} )?(?:<?([^\s<>]{1,320}@[^\s<>]{1,320})>?\.\.\. |Service unavailable)"
)
# All lines of a reply but the last (RFC 5321 section 4.2.1).
CONTINUED = re.compile(r"[45][0-9]{2}-")


def is_transcript(line: str) -> bool:
    """Whether a line is part of an SMTP dialogue."""
    return bool(_DIALOGUE.match(line))


def read_transcript(report: str) -> dict[str, str]:
    """Return each recipient that a transcript says was refused, with the lines that say so.

    What was asked before a summary line belongs to it: Sendmail prints the
    dialogue first and its conclusion after it.
    """
    said: dict[str, tuple[str, list[str]]] = {}
    asked: str | None = None
    dialogue: list[str] = []
    for line in report.splitlines():
        summary, command = _SUMMARY.match(line), _COMMAND.match(line)
        if command and ADDRESS.fullmatch(command[1]):
            asked = clean_address(command[1])
            dialogue.append(line)
        elif summary and ADDRESS.fullmatch(summary[1]):
            address = clean_address(summary[1])
            said.setdefault(address.lower(), (address, []))[1].extend([*dialogue, line])
            asked, dialogue = None, []
        else:
            refusal = _REFUSAL.match(line)
            dialogue.append(line)
            if refusal and asked:
                said.setdefault(asked.lower(), (asked, []))[1].append(refusal[1])
    if not said and asked:
        said[asked.lower()] = (asked, dialogue)
    return {address: "\n".join(lines) for address, lines in said.values()}


def read_whole_replies(report: str) -> dict[str, str]:
    """Return the replies of several lines that a transcript quotes, by their first line.

    QUIRK: Sendmail's Diagnostic-Code has the first line, its transcript all.
    """
    replies: dict[str, str] = {}
    lines: list[str] = []
    for line in report.splitlines():
        said = " ".join(line.strip().removeprefix("<<<").split())
        is_continued = bool(CONTINUED.match(said))
        if lines or is_continued:
            lines.append(said)
        if lines and not is_continued:
            replies.setdefault(lines[0], " ".join(lines))
            lines = []
    return replies


def read_answers(report: str) -> dict[str, str]:
    """Return what the server said just before Sendmail's conclusion on a recipient, by its address in lower case.

    A conclusion that names nobody is filed under the empty address.
    """
    answers: dict[str, str] = {}
    lines: list[str] = []
    for line in report.splitlines():
        if line.startswith("<<< "):
            is_further = bool(lines) and bool(CONTINUED.match(lines[-1]))
            lines = [*lines, line[4:].strip()] if is_further else [line[4:].strip()]
        elif lines and (concluded := _CONCLUDED.match(line)):
            answers.setdefault((concluded[1] or "").lower(), " ".join(lines))
        else:
            lines = []
    return answers


def without_conclusions(report: str) -> str:
    """Leave out of a transcript what the reporter made of the answer, and the refusals that followed from it."""
    return _CONCLUSION.sub("", NOBODY_LEFT.sub("", report)) if "..." in report or "<<<" in report else report
