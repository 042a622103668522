"""Understand a report that is written for people only.

Mail systems that follow no RFC still write alike: they announce the
recipients, begin a line with each address or put it behind a telling word,
say what the server said, and give the mail back below a divider. This reader
knows the ways of writing; the words are data.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

from bounced.model import Action, Finding, Kind, Report
from bounced.parse.address import ADDRESS, addresses_in, clean_address
from bounced.parse.answer import make_findings
from bounced.parse.bait import is_bait
from bounced.parse.codes import read_codes
from bounced.parse.mail import Mail
from bounced.parse.names import mention_names, sole_recipient
from bounced.parse.portions import WORDS, Mention, tell_apart
from bounced.parse.transcript import is_transcript, read_transcript
from bounced.parse.wording import FAMILY, Wording, shipped_wording
from bounced.phrases import fold

# A bullet, the number of an item, or the kind of an address: MailEnable writes "[SMTP:ann@example.com]".
_BULLET = re.compile(
    r"(?:\s*[0-9]{1,3}[.)])?[\s>*\-\u2022\"'<(\[|]*(?:(?:smtp|mailto|rfc ?822|internet)[:; ] ?<?)?\Z", re.IGNORECASE
)
# Exchange says when: "ann@example.com on Tue, 17 Nov 2026", "ann@example.com am 17.11.2026".
_ADDRESS_ENDS = re.compile(
    r"[>\"'\])]*\s*"
    r"(?:[:,;.(\[<|]|\Z|on \b|(?:am|le|el|em|il|op|den|dnia) [0-9]|-|[45]\d\d "
    r"|(?:is|error|invalid|delivery|successfully)\b)",
    re.IGNORECASE,
)
# "Recipient address: @relay.example.net:ann@example.com" (RFC 5321 appendix C).
_ROUTE = re.compile(r"@[\w.,@-]{1,255}:\Z")
# An address may begin with "recipient=" itself, but does not where that stands for a label.
_KEY = re.compile(r"(?<!\S)(to|rcpt|recipient|address|from|sender)=(?=[^\s=@]{1,64}@)", re.IGNORECASE)
_SAYS = re.compile(r"[\"']*>?(?::|\s+[45][0-9]{2} )")
# One list in one line: "could not be delivered to ann@example.com, ben@example.com".
_FURTHER, _FURTHER_ENDS = re.compile(r"[,;] *[\"'<]*\Z"), re.compile(r"[>\"']*[ \t]*(?:[:,;(]|\.?[ \t]*\Z)")
# Outlook shows a link to write to the address behind it.
_MAILTO = re.compile(r"\A[>)]{0,2}[ \t]*<mailto:[^<>\s]{1,320}>")
_BREAKS_OFF = re.compile(r"\bsaid:(?:\s*[45][0-9]{2}(?:[ -][45]\.[0-9]\.[0-9]{1,3})?)?\s*\Z")
_ALONE = re.compile(r"[>\"'\]):,;.]*\s*\Z")
_BETWEEN = " :=<\"'([*-\t,"
# "550 5.1.1 <ann@example.com>: user unknown": what a server said of an address begins before it.
_CODE_BEFORE = re.compile(r"\b([45][0-9]{2}[ -](?:[45]\.[0-9]\.[0-9]{1,3})?)[ <]*\Z")
# A report tells which mail it is about; what stands in its subject is no part of the report.
_SUBJECT = re.compile(
    r"[\s>*|-]*(?:(?:the )?subject(?: of (?:the|your) (?:e-?mail|message))?(?: (?:is|was))?|betreff|objet|asunto"
    r"|oggetto|onderwerp|assunto|temat|тема|件名|主题|主旨|konu|제목|ämne|emne|aihe|předmět)[ \t]*[:\uff1a]",
    re.IGNORECASE,
)
_LABEL = re.compile(r"\s*[A-Za-z-]+: ")
# How filters describe the mail that they refused: its fields, without the mail itself.
_LISTED_TO = re.compile(r"^[ \t>]*(?:(?:Rcpt )?To|Recipients?)[ \t]*:[ \t]*(\S[^\n]{0,1000})$", re.MULTILINE)
_GREETING = re.compile(r"(?:hi|hello|hey|dear|good (?:morning|day|evening)|hallo|bonjour|hola|ciao)\b[^.]{0,60}?[,!]")
# "The message from news@example.net to": whom it went to, as filters tell it.
_FROM_TO = re.compile(r"\b(?:message|mail|e-mail|email) from <?[^\s<>@]{1,128}@[^\s<>@]{1,255} to\Z")
# "Please forward this message to the owner of the list": who is asked to write somewhere was not refused there.
_REQUEST = re.compile(r"\bplease (?:[a-z]+ )?(?:re-?send|send|forward|write|report|e-?mail)\b[^.!?;:]*\Z")
# Whom a report tells people to ask.
_OFFICE = re.compile(
    r"(?:poo?stmaster|mailer-daemon|abuse|support|help|helpdesk|admin|administrator|hostmaster|info|service|contact)@",
    re.IGNORECASE,
)
_ASKED = re.compile(
    r"\b(?:contact|ask|write to|questions(?: to)?|mail us|call|help from|problem to|report to|kontakt|fragen|contacter)"
    rf"(?: us| me| at| under| via| by e-?mail)*:? *<?(?:{ADDRESS.pattern})",
    re.IGNORECASE,
)
_SAID_LENGTH, _LINE_LENGTH = 2000, 2000
_NEAR = 80  # how far from an address the words stand that tell of it
# Where in a text the words of its kind must stand: right after a line of signs perhaps, or within the first lines.
_FIRST_WORDS, _BEGINNING = 12, 800
_SEVERAL = 2
_KINDS = {Action.FAILED: Kind.BOUNCE, Action.DELAYED: Kind.DELAY, Action.DELIVERED: Kind.SUCCESS}
_ABOUT_MAIL = frozenset({"bounce", "delay", "gave_up"})
_FAILURE = _ABOUT_MAIL | {"failure"}


def read(mail: Mail) -> Report | None:
    """Return what the text of `mail` says of its recipients, or None where it is no report."""
    family = mail.family
    if (_is_letter(mail) or mail.is_summary) if mail.is_from_daemon else not _is_report(mail):
        return None
    speaks = bool(family) or _speaks_of_delivery(mail)
    said = say_of_recipients(mail) if speaks else {}
    found = said or (dict.fromkeys(_guess_recipients(mail), "") if speaks else {})
    if (not found and not family) or is_bait(mail, found):
        return None
    report = _with_subject(mail) if len(found) == 1 else mail.report_text
    action = _action(mail)
    return Report(
        kind=_KINDS[action],
        findings=tuple(_doubt_addressee(_spare_tried(make_findings(found, report, action), found, mail), mail)),
        reader=f"text/{family}" if family else "text",
        is_unsigned=not mail.is_signed,
        notes=() if said else ("the text names no recipient by itself",),
    )


def _doubt_addressee(findings: Iterator[Finding], mail: Mail) -> Iterator[Finding]:
    """Doubt what is said of several where one is whom the report goes to: it may say that the sender is unknown."""
    told = list(findings)
    addressees = addresses_in(mail.headers.get("to") or "") if len(told) >= _SEVERAL else []
    ours = {address.lower() for address in addressees}
    for one in told:
        yield replace(one, is_shared=True) if one.recipient.lower() in ours else one


def _spare_tried(findings: Iterable[Finding], found: Mapping[str, str], mail: Mail) -> Iterator[Finding]:
    """Tell those for whom the mail is still tried from those for whom it was given up, as PowerMTA lists both."""
    is_mixed = len(found) >= _SEVERAL and mail.report_wording.keys() >= {"gave_up", "delay"}
    own = {address: shipped_wording().text.find(fold(said)) for address, said in found.items()} if is_mixed else {}
    is_given_up = any("gave_up" in words for words in own.values())
    for one in findings:
        words = own.get(one.recipient, {})
        is_tried = is_given_up and "delay" in words and "gave_up" not in words
        yield replace(one, action=Action.DELAYED) if is_tried else one


def read_nameless(mail: Mail) -> Report | None:
    """Recognise a mail system's report of which all that names a recipient was cut off, or never written.

    Asked when nobody has found a recipient: the return path may still know whom it concerns.
    """
    subject = mail.subject_wording.keys()
    is_returned = mail.return_path == "<>" and "announce" in mail.report_wording
    says_so = mail.is_status_report or (
        "bounce" in subject and (is_returned or not subject.isdisjoint({"failure", "delay"}))
    )
    if not (mail.is_from_daemon and says_so) or mail.is_conversation or is_bait(mail, ()):
        return None
    return Report(kind=_KINDS[_action(mail)], reader="text", notes=("it names no recipient",))


def _is_report(mail: Mail) -> bool:
    """Whether a text that no mail system signs for is a report all the same.

    People write about bounces and quote them, and their automatic answers have
    a null reverse-path as well: that counts where subject and text speak of a
    failure. A report begins with the words of its kind; in what is no answer
    and greets nobody they may come a little later, or, in what a program sent
    under a subject about mail, a server's reply may stand for them.
    """
    folded = mail.folded_report
    said = read_codes(folded[:_BEGINNING])
    is_refusal = said.reply is not None or said.status is not None
    if not mail.may_be_report:
        return False
    if mail.is_from_system and not _FAILURE.isdisjoint(mail.subject_wording):
        # Parcels cannot be delivered either, but then no server refuses them; and other programs fail, with codes.
        is_about_mail = not _ABOUT_MAIL.isdisjoint(mail.subject_wording)
        return (is_refusal and is_about_mail) or bool(mail.report_wording and "freight" not in mail.report_wording)
    if _GREETING.match(folded):
        return False
    if mail.family:
        latest = _FIRST_WORDS if mail.is_conversation else _BEGINNING
        words = [one for name, found in mail.wording.items() if name.startswith(FAMILY) for one in found]
        return any(0 <= folded.find(one) <= latest for one in words)
    is_worded = bool(mail.report_wording) or read_codes(folded[:_FIRST_WORDS]).reply is not None
    return mail.may_be_bounce and mail.is_from_program and is_refusal and is_worded


def _with_subject(mail: Mail) -> str:
    """Return the report, with a subject before it that says more than which mail it is about.

    QUIRK: Sendmail 5 says only there that it gave up, or that the user is unknown.
    """
    says_more = mail.subject.lower().startswith("returned mail:")
    return f"{mail.subject}\n{mail.report_text}" if says_more else mail.report_text


def _speaks_of_delivery(mail: Mail) -> bool:
    """Whether the header, or the text of a mail system, says what became of mail."""
    if "x-failed-recipients" in mail.headers or not _FAILURE.isdisjoint(mail.subject_wording):
        return True
    said = read_codes(mail.report_text[:_BEGINNING])
    is_told = not mail.report_wording.keys().isdisjoint({"announce", "returned", "success", *_FAILURE})
    return mail.is_from_daemon and (
        is_told or said.reply is not None or said.status is not None or _speaks_of_somebody(mail)
    )


def _speaks_of_somebody(mail: Mail) -> bool:
    """Whether the words right behind the address of somebody else say that it failed."""
    ours = _ours(mail)
    return any(
        _tells_of_failure(one.tail) and one.key not in ours for one in _mentions(mail.report_text.splitlines(), ())
    )


def _ours(mail: Mail) -> str:
    """Return the fields that name who wrote a message and to whom."""
    return f"{mail.headers.get('to')} {mail.headers.get('from')}".lower()


def _is_letter(mail: Mail) -> bool:
    """Whether a postmaster answers as a person: he greets, and takes answers himself."""
    is_answer = mail.is_conversation and mail.return_path != "<>"
    return is_answer and bool(_GREETING.match(mail.folded_report))


def say_of_recipients(mail: Mail) -> dict[str, str]:
    """Return the recipients that the text names, each with what it says of it."""
    found = _find_recipients(mail)
    if found and (len(found) < _SEVERAL or all(found.values())):
        return found
    transcript = read_transcript(mail.report_text)
    answers = {address.lower(): said for address, said in transcript.items()}
    said = {address: said or answers.get(address.lower(), "") for address, said in found.items()}
    return said or transcript


def _guess_recipients(mail: Mail) -> list[str]:
    """Say whom it concerns where no text does: a header field, the subject, the mail that came back or is described."""
    failed = ADDRESS.findall(mail.headers.get("x-failed-recipients") or "")
    if failed:
        return [clean_address(address) for address in failed]
    ours = _ours(mail)
    subject = ADDRESS.findall(mail.subject)
    is_about_failure = not _FAILURE.isdisjoint(mail.subject_wording)
    if len(subject) == 1 and is_about_failure and subject[0].lower() not in ours:
        return [clean_address(subject[0])]
    if mail.returned and (to := sole_recipient(mail.returned)):
        return to
    listed = [address for line in _LISTED_TO.findall(mail.report_text) for address in addresses_in(line)]
    others = [address for address in listed if address.lower() not in ours]
    if others or mail.returned or read_codes(mail.report_text).reply is None:
        return others
    # A server refused somebody, and the report speaks of nobody else.
    text = _ASKED.sub(" ", mail.report_text)
    named = {one.lower(): one for one in addresses_in(text) if one.lower() not in ours}
    return [one for one in named.values() if not _OFFICE.match(one)] if len(named) == 1 else []


def _action(mail: Mail) -> Action:
    """Say what happened to the mail; a failure is what nothing speaks against."""
    if "delay" in mail.subject_wording and "gave_up" not in mail.subject_wording:
        return Action.DELAYED  # the text of one may say what will follow when it gives up
    names = mail.report_wording.keys() | mail.subject_wording.keys()
    if "gave_up" in names:
        return Action.FAILED
    if "delay" in names:
        return Action.DELAYED
    is_refusal = read_codes(mail.report_text).reply is not None
    return Action.DELIVERED if "success" in names and not is_refusal else Action.FAILED


def _find_recipients(mail: Mail) -> dict[str, str]:
    """Return each recipient with what is said of it, up to the next one."""
    lines = mail.report_text.splitlines()
    announcements = mail.wording.get("announce", ())
    reporter = (mail.headers.get("from") or "").lower()
    mentions = [
        one for one in _mentions(lines, announcements) if not (_OFFICE.match(one.address) and one.key in reporter)
    ]
    chosen = [mention for mention in mentions if mention.is_announced] or [one for one in mentions if one.is_alone]
    if chosen and chosen[0].begins_line:
        # Behind the first of a list, an address within a line is one that somebody speaks of.
        chosen = [one for one in chosen if one.begins_line]
    chosen = _with_alike(chosen, mentions, lines, _ours(mail))
    chosen = [one for before, one in pairwise([None, *chosen]) if one and not _continues(one, before, lines)]
    if not chosen or not chosen[0].begins_line:
        named = list(mention_names(lines, announcements, mail.returned))
        chosen = named if {one.key for one in chosen} <= {one.key for one in named} else chosen
    if len({one.address.lower() for one in chosen}) >= _SEVERAL:
        return {address: said[:_SAID_LENGTH] for address, said in tell_apart(chosen, lines).items()}
    return {one.address: "\n".join([one.tail, *lines[one.line + 1 :]]).strip()[:_SAID_LENGTH] for one in chosen[:1]}


def _continues(mention: Mention, before: Mention | None, lines: list[str]) -> bool:
    """Whether an address is a part of what is said of the one before.

    A server repeats the address in its answer, Postfix indents the lines that an answer goes on in, and nothing is
    said by a code alone.
    """
    if before is None or mention.is_same(before):
        return before is not None
    between = "\n".join([before.tail, *lines[before.line + 1 : mention.line]])
    if before.line < mention.line and _BREAKS_OFF.search(between):
        return True
    return (
        mention.line == before.line + 1
        and bool(WORDS.search(before.tail))
        and _indent(lines[mention.line]) > _indent(lines[before.line])
    )


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _with_alike(chosen: list[Mention], mentions: list[Mention], lines: list[str], ours: str) -> list[Mention]:
    """Add the addresses whose lines begin as those of recipients do: words near one of them name them all."""
    begins = {_begin(one, lines) for one in chosen if one.begins_line}
    known = set(chosen)
    return [
        one
        for one in mentions
        if one in known or (one.begins_line and _begin(one, lines) in begins and not _is_bystander(one.address, ours))
    ]


def _is_bystander(address: str, ours: str) -> bool:
    return bool(_OFFICE.match(address)) or address.lower() in ours


def _begin(mention: Mention, lines: list[str]) -> str:
    """Return what stands before an address in its line, without the number of an item."""
    return lines[mention.line][: lines[mention.line].find(mention.address)].lstrip(" .)0123456789")


def _mentions(lines: list[str], announcements: Collection[str]) -> Iterator[Mention]:
    wording = shipped_wording()
    is_announced = False
    seen = 0
    for number, whole in enumerate(lines):
        if "@" not in whole or is_transcript(whole) or _SUBJECT.match(whole):
            continue
        if announcements and not is_announced:
            # The line above what is new is looked at again: an announcement may go over two.
            folded = fold(" ".join(lines[max(seen - 1, 0) : number]))
            is_announced = any(words in folded for words in announcements)
            seen = number
        first: Mention | None = None
        line = _KEY.sub(r"\1= ", whole[:_LINE_LENGTH]) if "=" in whole else whole[:_LINE_LENGTH]
        for match in ADDRESS.finditer(line):
            head, tail = _around(line, match.start(), match.end())
            if first:
                if _FURTHER.search(head[-_NEAR:]) and _FURTHER_ENDS.match(tail):
                    said = tail.lstrip("\"'>): \t")
                    yield replace(first, address=clean_address(match[0]), tail=said)
                continue
            if match[0].startswith("**"):
                continue  # masked, so that nobody reads it
            begins = bool(_BULLET.match(head)) and bool(_ADDRESS_ENDS.match(tail))
            is_owner = _is_owner(head, lines[number - 1])
            is_named = is_owner or _is_named(
                head if _LABEL.match(head) else f"{_line_above(lines, number)} {head}", tail, wording
            )
            if begins or is_named:
                is_strong = is_named or (begins and (is_announced or bool(_SAYS.match(tail))))
                said = tail.lstrip("\"'>): \t")
                if code := _CODE_BEFORE.search(head):
                    said = f"{code[1]} {said}"
                is_alone = bool(_ALONE.match(tail))
                first = Mention(
                    clean_address(match[0]), number, begins or is_owner, is_strong, is_alone, head.strip(_BETWEEN), said
                )
                yield first


def _around(line: str, start: int, end: int) -> tuple[str, str]:
    """Return what stands before an address and behind it, without the way to it and a link to write to it."""
    head, tail = line[:start], line[end:]
    return (
        _ROUTE.sub("", head) if head.endswith(":") else head,
        _MAILTO.sub("", tail) if "<mailto:" in tail else tail,
    )


def _is_owner(head: str, line_above: str) -> bool:
    """Whether the address is that for which Exim ran the program, or wrote the file, named in the line above."""
    return head.strip() == "(generated from" and line_above.lstrip().startswith(("|", "/"))


def _line_above(lines: list[str], number: int) -> str:
    """Return the last line above that is not empty."""
    while number > 0:
        number -= 1
        if line := lines[number].strip():
            return line
    return ""


def _is_named(head: str, tail: str, wording: Wording) -> bool:
    """Whether the words around an address say that it is a recipient."""
    words_before = fold(head[-_NEAR:]).rstrip(_BETWEEN)
    if _REQUEST.search(words_before):
        return False
    is_to = words_before.endswith(wording.before) or _FROM_TO.search(words_before)
    return bool(is_to) or _tells_of_failure(tail)


def _tells_of_failure(tail: str) -> bool:
    """Whether what stands behind an address begins with words that say that it failed."""
    return fold(tail[:_NEAR]).lstrip(" >\"'):-,").startswith(shipped_wording().after)
