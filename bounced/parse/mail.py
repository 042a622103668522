"""See a message as mail: its parts, what it says to people, what it gives back."""

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Generic, TypeVar

from bounced.parse.boilerplate import without_boilerplate
from bounced.parse.charset import decode
from bounced.parse.codes import read_codes
from bounced.parse.header import Headers
from bounced.parse.mime import Limits, Part, normalize_line_ends
from bounced.parse.quoted import (
    read_returned_header,
    split_forwarded,
    split_returned,
    text_of_html,
    without_quote,
)
from bounced.parse.wording import FAMILY, shipped_wording
from bounced.phrases import fold

_RETURNED_TYPES = frozenset(
    {
        "message/rfc822",
        "message/global",
        "message/rfc822-headers",
        "message/global-headers",
        "text/rfc822-headers",
        "text/rfc822-header",
    }
)
_DAEMON = re.compile(
    r"(?<![a-z0-9])(?:mailer[-_ .]?daemon|mail[-_ ]?daemon|poo?st[-_ ]?master"
    r"|mail[-_ ]delivery?[-_ ](?:sub)?system|(?<![a-z0-9] )mail[-_ ]delivery?[-_ ]service|mdaemon"
    r"|microsoftexchange[0-9a-f]{32}@)|<>"
)
# Set by the systems that write reports, whatever name they give themselves.
_DAEMON_HEADERS = frozenset({"x-failed-recipients", "x-ms-exchange-message-is-ndr"})
# What programs are called, and people are not, in the name or the local part of an address.
_PROGRAM = re.compile(
    r"\A[^@]{0,200}?(?:\A|[^a-z@])(?:no[-_.]?reply|do[-_.]?not[-_.]?reply|admin|system|server|gateway|deliver|notif|robot|filter"
    r"|[a-z]{0,20}gw[0-9]{0,3}@|anti|security|service|smtp|mta\b|mail|bounce|ndr\b|report|auto|daemon|virus|spam|root\b|imss|nobody"
    r"|scanmail|scanner|mimesweeper|sweeper|exchange|connector|internet|network|uucp|relay|proxy|webmaster|hostmaster|undeliver"
    r"|operator|sysop|sysadm|agent\b|router\b|error|failure|reject|quarantine|postfix|exim\b|sendmail|qmail|dsn\b|ndn\b"
    r"|gwia\b|mx[0-9]?\b|trend|norton|symantec|mcafee|barracuda|returned)"
    r"|\A\s*(?:<>)?\s*\Z"
)
_ANSWER = re.compile(
    r"\s*(?:\[[^\]]{1,60}\]\s*)?(?:re|aw|sv|vs|antw|odp|rif|res|ynt|απ|ответ|答复|回复|回覆|返信|회신)(?:[\[(^]?\d+[\])]?)?\s*[:\uff1a]",
    re.IGNORECASE,
)
_GATEWAY_TAGS = re.compile(
    r"\A(?:\s*(?:\[(?:ext|extern|external|externe|externo|junk|bulk|(?:suspected |possible )?spam\??)\]"
    r"|\*{2,5}spam\*{2,5}))+\s*",
    re.IGNORECASE,
)
_TAGGED = re.compile(r"\s*\[[^\]]{1,60}\]")
_FORWARD = re.compile(
    r"\s*(?:fwd?|wg|tr|rv|enc|i|pd|vb|vl|doorst|i̇lt|ilt|πρθ|转发|轉寄|転送|전달)\s*[:\uff1a]", re.IGNORECASE
)
# How trackers put the number of a ticket before a subject; behind "Undeliverable" it is that of the mail that failed.
_TICKET = re.compile(
    r"\[[a-z ]{0,20}(?:[#~]|\b(?:ticket|case|request|issue|incident|bug)\b|\bref:|[a-z]-(?=\d))"
    r"[ :.#-]{0,3}[a-z0-9_:.]{0,20}\d"
    r"|(?:ticket|case) ?(?:#|no\b|number|id\b)[ .:#-]{0,3}[a-z0-9-]{0,20}\d"
    r"|(?:request|ticket) (?:received|created)\b|new (?:ticket|case)\b",
    re.IGNORECASE,
)
# What a person begins with who writes to another; programs greet a user, a sender or an address.
_GREETS_FRIEND = re.compile(
    r"\s*(?:hi|hello|hey|hallo|moin|salut|hola|ciao|hej)"
    r"(?: (?!there|user|sender|customer|client|subscriber|member|postmaster)[^\W\d_]{1,20}){1,2} ?[,!\n]",
    re.IGNORECASE,
)
_SENTENCE_ENDS = re.compile(r"[.:!?\u3002](?=\s|\Z)")
# Where a responder says that he is one.
_FIRST_WORDS = 300
_TELLING = frozenset({"announce", "delay", "gave_up"})
# Who forwards a report to a machine adds no more than "For your information."
_FEW_WORDS = 5
_CONVERSATION_HEADERS = frozenset(
    {
        "in-reply-to",
        "references",
        "list-id",
        "list-post",
        "mailing-list",
        "list-unsubscribe",
        "x-list-administrivia",
    }
)
_PLAIN, _HTML, _ALTERNATIVE = "text/plain", "text/html", "multipart/alternative"
# What a message says to people is in its first lines; the rest is quoted mail.
_TEXT_LENGTH = 16384
# Marks and styles take most of a page.
_HTML_LENGTH = 4 * _TEXT_LENGTH
_Value = TypeVar("_Value")


class _Once(Generic[_Value]):
    """A property that is read when first asked for; unlike `cached_property` of Python 3.11 without a lock."""

    def __init__(self, read: Callable[["Mail"], _Value]) -> None:
        self._read, self._name, self.__doc__ = read, read.__name__, read.__doc__

    def __get__(self, mail: "Mail", _: type["Mail"]) -> _Value:
        value = mail.__dict__[self._name] = self._read(mail)
        return value


class Mail:
    """A message under one set of limits; everything is read when first asked for."""

    def __init__(self, raw: bytes, limits: Limits) -> None:
        self.limits = limits
        self.is_cut = len(raw) > limits.message_bytes
        self.octets = normalize_line_ends(raw[: limits.message_bytes]).lstrip(b"\n")
        self.top = Part(self.octets, limits)

    @property
    def headers(self) -> Headers:
        """The header of the message itself."""
        return self.top.headers

    @_Once
    def parts(self) -> tuple[Part, ...]:
        """The parts in order, from the message itself down, without those of returned mail."""
        return tuple(self.top.walk())

    @_Once
    def types(self) -> frozenset[str]:
        """The types of all parts."""
        return frozenset([part.content_type.full for part in self.parts])

    def parts_of(self, types: frozenset[str]) -> list[Part]:
        """Return the parts whose type is one of `types`."""
        if types.isdisjoint(self.types):
            return []
        return [part for part in self.parts if part.content_type.full in types]

    @_Once
    def subject(self) -> str:
        """The subject, without what a gateway put before it."""
        return _GATEWAY_TAGS.sub("", self.headers.get("subject") or "")

    @_Once
    def is_from_daemon(self) -> bool:
        """Whether a mail system, not a person, says that it wrote this (From, or a header only systems set)."""
        sender = (self.headers.get("from") or "").lower()
        return bool(_DAEMON.search(sender)) or not _DAEMON_HEADERS.isdisjoint(self.headers.names)

    @property
    def return_path(self) -> str:
        """The reverse-path as it was noted, ``<>`` for the null one; empty where it was not."""
        return (self.headers.get("return-path") or "").strip()

    @_Once
    def is_from_system(self) -> bool:
        """Whether the sender, or the null reverse-path, says that no person wrote this."""
        return self.is_from_daemon or self.return_path == "<>"

    @property
    def is_from_program(self) -> bool:
        """Whether the sender's name is one of those that programs have, or there is none.

        QUIRK: archives of mailing lists write "ann at example.com".
        """
        return self.is_from_daemon or bool(
            _PROGRAM.match((self.headers.get("from") or "").lower().replace(" at ", "@"))
        )

    @_Once
    def is_conversation(self) -> bool:
        """Whether people are talking: an answer, or something from a mailing list, about bounces perhaps.

        A report that somebody forwards whole is still a report, but not one that is shown to
        somebody who is asked about it. Lists and trackers put their name into square brackets before the subject.
        """
        if _FORWARD.match(self.subject) and not self.is_from_system:
            return not self.is_forwarded
        is_marked = bool(_ANSWER.match(self.subject)) or (not self.is_from_system and bool(_TAGGED.match(self.subject)))
        return is_marked or not _CONVERSATION_HEADERS.isdisjoint(self.headers.names)

    @_Once
    def _forwarded_text(self) -> str | None:
        split = split_forwarded(self.text) if _FORWARD.match(self.subject) else None
        return split[1] if split and len(split[0].split()) <= _FEW_WORDS else None

    @property
    def is_forwarded(self) -> bool:
        """Whether somebody passes mail on as text, and says next to nothing himself."""
        return self._forwarded_text is not None

    @_Once
    def is_answer(self) -> bool:
        """Whether a responder, or a person, quotes the report that he got; all that a mail system says is its own."""
        if self.is_from_daemon or self.is_forwarded or self.top.content_type.full == "multipart/report":
            return False
        wording = shipped_wording()
        if _TICKET.match(self.subject) and not {"bounce", "failure"}.isdisjoint(self.subject_wording):
            return True
        # It may name the subject of what it got, which speaks of a failure.
        first = self.folded_report[:_FIRST_WORDS].replace(fold(self.subject) or "\n", "")
        begins = [first.find(words) for words in wording.answer.find(first).values()]
        if greeting := _GREETS_FRIEND.match(self.report_text):
            begins.append(len(fold(greeting[0])))
        if any(not _tells(first[:begin] + _SENTENCE_ENDS.split(first[begin:], maxsplit=1)[0]) for begin in begins):
            return True
        own = without_quote(self.report_text, wording.quoting)
        codes = read_codes(own)
        is_refusal = codes.reply is not None or codes.status is not None
        return len(own) < len(self.report_text.rstrip()) and not (is_refusal or _tells(fold(own)))

    @property
    def is_status_report(self) -> bool:
        """Whether the header announces a delivery status notification (RFC 3464), whatever the body still holds."""
        announced = self.top.content_type
        report_type = announced.parameters.get("report-type", "").lower()
        return announced.full == "multipart/report" and report_type == "delivery-status"

    @_Once
    def is_summary(self) -> bool:
        """Whether the subject announces what happened to mail in a day or a week, and not to one message."""
        words = self.subject_wording
        return "summary" in words and words.keys().isdisjoint({"bounce", "failure", "delay"})

    @_Once
    def may_be_report(self) -> bool:
        """Whether a system sent this, or somebody who passes on what one did.

        A null reverse-path alone does not say so of an answer: responders and ticket systems quote what they got.
        """
        may_be = self.is_from_program or self.is_forwarded or (self.is_from_system and not self.is_conversation)
        return may_be and not (self.is_answer or self.is_summary)

    @_Once
    def is_signed(self) -> bool:
        """Whether more than words says that a mail system sent this: its name, its manner, or mail that it returns.

        Other programs have a null reverse-path too, and fail; only mail is not delivered.
        """
        is_about_mail = self.is_from_system and "bounce" in self.subject_wording
        return self.is_from_daemon or is_about_mail or bool(self.family) or self.returned is not None

    @_Once
    def may_be_bounce(self) -> bool:
        """Whether anything at all speaks for a bounce: the sender, the null return path, or the subject.

        A person's subject does not: people ask about bounces under the subject that those have.
        """
        is_named = "bounce" in self.subject_wording and not self.is_conversation
        return self.may_be_report and (self.is_from_system or is_named)

    @_Once
    def text(self) -> str:
        """What the message says to people, cut to what may hold an explanation.

        This is the first part of plain text that is not empty, unless one of
        HTML comes before it that it is no alternative of: gateways and lists
        append a remark. Else it is the first of HTML, without its marks; else,
        where the parts cannot be told apart, the body as it stands.
        """
        shown: str | None = None
        for above, part in pairwise((self.top, *self.parts)):
            if part.content_type.full == _PLAIN and (content := part.content()) and not content.isspace():
                return _decode(content, part)
            if not shown and part.content_type.full == _HTML:
                shown = text_of_html(_decode(part.content(), part, _HTML_LENGTH))[:_TEXT_LENGTH]
                has_alternative = above.content_type.full == _ALTERNATIVE and len(above.children()) > 1
                if shown.strip() and not has_alternative:
                    break
        if shown is not None:
            return shown
        has_leaf = any(not part.content_type.is_multipart for part in self.parts)
        return "" if has_leaf else _decode(self.top.content(), self.top)

    @property
    def own_octets(self) -> bytes:
        """What the message itself says in all its parts; where those cannot be told apart, the body as it stands."""
        leaves = [part for part in self.parts if not part.content_type.is_multipart]
        own = [part.content() for part in leaves if part.content_type.full not in _RETURNED_TYPES]
        return b"\n\n".join(own) if leaves else self.top.content()

    @_Once
    def folded_text(self) -> str:
        """The text as phrases are compared with it."""
        return fold(self.text)

    @_Once
    def wording(self) -> dict[str, list[str]]:
        """The telling words in the text, by the lists they stand in."""
        return shipped_wording().text.find(self.folded_text)

    @_Once
    def subject_wording(self) -> dict[str, list[str]]:
        """The telling words in the subject, by the lists they stand in."""
        return shipped_wording().subject.find(fold(self.subject))

    @_Once
    def unquoted_text(self) -> str:
        """The text; where somebody forwards a report whole, that report."""
        return self.text if self._forwarded_text is None else self._forwarded_text

    @_Once
    def _split_text(self) -> tuple[str, str]:
        return split_returned(self.unquoted_text, self.wording.get("returned", ()))

    @_Once
    def report_text(self) -> str:
        """The text without the mail that it gives back, and without what was only put around it."""
        return without_boilerplate(self._split_text[0], self.wording.get("boilerplate", ()))

    @_Once
    def folded_report(self) -> str:
        """The text without that mail, as phrases are compared with it."""
        return self.folded_text if self.report_text == self.text else fold(self.report_text)

    @_Once
    def report_wording(self) -> dict[str, list[str]]:
        """The telling words that stand in the report and not in the returned mail."""
        report = self.folded_report
        return {
            name: inside for name, words in self.wording.items() if (inside := [one for one in words if one in report])
        }

    @_Once
    def family(self) -> str:
        """The mail systems that write as the report does; empty where we know none."""
        return next((name for name in self.report_wording if name.startswith(FAMILY)), "").removeprefix(FAMILY)

    @_Once
    def returned(self) -> Headers | None:
        """The header of the mail that failed, where the message gives it back as a part or in its text."""
        found = self.parts_of(_RETURNED_TYPES)
        return found[-1].enclosed().headers if found else read_returned_header(self._split_text[1])


def _tells(folded: str) -> bool:
    """Whether a text speaks of mail that could not be delivered."""
    return any(name in _TELLING or name.startswith(FAMILY) for name in shipped_wording().text.find(folded))


def _decode(content: bytes, part: Part, length: int = _TEXT_LENGTH) -> str:
    return decode(content[:length], part.content_type.parameters.get("charset"))
