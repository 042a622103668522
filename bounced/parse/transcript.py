"""Read recipients from the transcript of an SMTP session that a report quotes."""

import re
from collections.abc import Iterable

from bounced.parse.address import ADDRESS, clean_address

_NAME = r"(?:\"[^\"<>\n]{0,128}\")?[^\s<>\"]{1,320}"
# "554 <ann@example.com>... User unknown": Sendmail's summary of what went wrong with one recipient.
_SUMMARY = re.compile(rf"^\s*[45][0-9]{{2}}[ -](?:[45]\.[0-9]\.[0-9]{{1,3}} )?<?({_NAME})>?\.\.\. (.*)$")
# "Mon 2026-03-02 09:30:59: <-- 550 no": MDaemon, MailEnable and others quote their logs, with arrows.
_LOGGED = re.compile(r"\A[^<>@]{0,60}[ :\]\t](?=<--?|--?>)")
_COMMAND = re.compile(
    rf"^\s*(?:>>> ?|In: +|Sent <<< |SMTP command: |--?> ?|C: )?RCPT TO: ?<?({_NAME})>?", re.IGNORECASE
)
# ">>> ann@example.com (reading response to RCPT TO): 550 no" of Momentum is none.
_DIALOGUE = re.compile(
    r"^\s*(?:>>>(?! <?[^\s<>@]{1,128}@)|<<<|In: |Out: |[SC]: |(?:<--?|--?>) ?[A-Z2-5]|[2-5][0-9]{2}[ -])"
)
_REPLY = re.compile(r"^\s*(?:<<< ?|Out: +|Received >>> |<--? ?|S: )?([245][0-9]{2}[ -].*)$")
# A server that was sent several commands at once (RFC 2920) refuses the recipient, and then DATA, for nobody is left;
# the last command that Sendmail shows is DATA all the same.
NOBODY_LEFT = re.compile(r"^\s*<<< (?:503[ -]|55[04][ -].*no valid recipients).*$", re.IGNORECASE | re.MULTILINE)
_REFUSAL = re.compile(r"^\s*<<< [45][0-9]{2}[ -]", re.MULTILINE)
# What Sendmail concludes from a bare 550, 551 or 553, whatever the server said: "550 5.1.1 <ann@x>... User unknown".
_GUESS = re.compile(
    r"^(<<< 55[013][ -].*\n)55[013] (?:5\.[0-9]\.[0-9]{1,3} )?<?[^\s<>]{1,320}>?\.\.\. .*$", re.MULTILINE
)
_CONCLUSION = re.compile(
    r"^[45][0-9]{2} (?:(?:[45]\.[0-9]\.[0-9]{1,3} )?<?[^\s<>]{1,320}>?\.\.\. .*"
    r"|[45]\.[0-9]\.[0-9]{1,3} Service unavailable)$",
    re.MULTILINE,
)
# The same, as the end of what was said to one recipient, or to all where it names none. Before 8.10 without a code.
_CONCLUDED = re.compile(
    r"(?:[45][0-9]{2} (?:[45]\.[0-9]\.[0-9]{1,3} )?)?(?:<?([^\s<>]{1,320}@[^\s<>]{1,320})>?\.\.\. |Service unavailable)"
)
# All lines of a reply but the last (RFC 5321 section 4.2.1).
CONTINUED = re.compile(r"[245][0-9]{2}-")


def is_transcript(line: str) -> bool:
    """Whether a line is part of an SMTP dialogue."""
    return bool(_DIALOGUE.match(_without_log(line)))


def _without_log(line: str) -> str:
    """Leave out what a log says before its arrow."""
    return _LOGGED.sub("", line) if "<-" in line or "->" in line else line


class _Session:
    """Who was asked for in one dialogue, and what was answered."""

    def __init__(self) -> None:
        self.said: dict[str, tuple[str, list[str]]] = {}
        self.asked: list[str] = []
        self.accepted: list[str] = []
        self.replies: list[list[str]] = []

    def ask(self, address: str) -> None:
        if self.replies:
            self.settle()
        self.asked.append(address)

    def hear(self, reply: str) -> None:
        if self.replies and CONTINUED.match(self.replies[-1][-1]):
            self.replies[-1].append(reply)
        elif self.asked or self.accepted:
            self.replies.append([reply])

    def settle(self) -> None:
        """File the answers: of several that were asked for at once (RFC 2920) each must have its own.

        What is refused after all of them is refused to those that were accepted.
        """
        asked, replies = self.asked, self.replies
        self.asked, self.replies = [], []
        if len(replies) < len(asked):
            for address in asked if replies else ():
                self.file(address, ())
            return
        for address, reply in zip(asked, replies, strict=False):
            if reply[0].startswith("2"):
                self.accepted.append(address)
            else:
                self.file(address, reply)
        for reply in replies[len(asked) :]:
            for address in self.accepted or (asked if len(asked) == 1 else ()):
                self.file(address, reply if reply[0][0] != "2" else ())

    def file(self, address: str, lines: Iterable[str]) -> None:
        self.said.setdefault(address.lower(), (address, []))[1].extend(lines)


def read_transcript(report: str) -> dict[str, str]:
    """Return each recipient that a transcript says was refused, with the lines that say so.

    What was asked before a summary line belongs to it: Sendmail prints the
    dialogue first and its conclusion after it.
    """
    session = _Session()
    dialogue: list[str] = []
    for line in report.splitlines():
        spoken = _without_log(line)
        summary, command = _SUMMARY.match(spoken), _COMMAND.match(spoken)
        if command and ADDRESS.fullmatch(command[1]):
            if any(not reply[0].startswith("2") for reply in session.replies):
                dialogue = []
            session.ask(clean_address(command[1]))
            dialogue.append(line)
        elif summary and ADDRESS.fullmatch(summary[1]):
            session.settle()
            session.accepted.clear()
            session.file(clean_address(summary[1]), [*dialogue, line])
            dialogue = []
        else:
            if reply := _REPLY.match(spoken):
                session.hear(reply[1])
            dialogue.append(line)
    last = session.asked
    session.settle()
    for address in () if session.said else last:
        session.file(address, dialogue if len(last) == 1 else ())
    return {address: "\n".join(lines) for address, lines in session.said.values()}


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


def without_guesses(report: str) -> str:
    """Leave out of a transcript what Sendmail made of a server's answer in the line before, and what followed."""
    if "<<< " not in report:
        return report
    told = NOBODY_LEFT.sub("", report)
    return _GUESS.sub(r"\1", told if _REFUSAL.search(told) else report)


def without_conclusions(report: str) -> str:
    """Leave out of a transcript what the reporter made of the answer, and the refusals that followed from it."""
    return _CONCLUSION.sub("", NOBODY_LEFT.sub("", report)) if "..." in report or "<<<" in report else report
