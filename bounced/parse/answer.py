"""Describe what a text says of its recipients: the answer of a server, its codes, what else explains it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice

from bounced.model import Action, Finding
from bounced.parse.address import ADDRESS
from bounced.parse.codes import contradicts_itself, read_codes
from bounced.parse.dialogue import find_host, find_stage
from bounced.parse.portions import WORDS
from bounced.parse.quoted import EMPTY_LINE
from bounced.parse.transcript import without_guesses

_SAID_LENGTH = 2000
_LEAST_WORDS = 2
_SEVERAL = 2


def make_findings(found: Mapping[str, str], report: str, action: Action) -> Iterator[Finding]:
    """Describe each recipient; where nothing is said of one alone, the whole report explains, and is read once.

    Of several, what stands before the first and is about none of them is about
    all. The whole report explains where it says nothing of anybody alone, but
    may speak of each of them in turn.
    """
    is_sole = len(found) < _SEVERAL
    is_told = {address: _tells(said.replace(address, ""), with_codes=not is_sole) for address, said in found.items()}
    above, shared = _answer_above(found, report), _find_shared(found, is_told, report)
    if any(is_told.values()) and not is_sole:
        report = _before_all(found, report)
    explained: Finding | None = None
    for address, said in found.items():
        if is_told[address]:
            finding = _describe(address, above or said, report, action, is_sole=is_sole)
            is_shared = not above and (finding.is_shared or address in shared)
            yield replace(finding, is_shared=is_shared, remote_mta=finding.remote_mta or find_host(said))
        else:
            explained = explained or _read_answer(report, report, action)
            yield replace(explained, recipient=address, is_shared=not is_sole)


def _describe(address: str, said: str, report: str, action: Action, *, is_sole: bool) -> Finding:
    """Describe a recipient by what is said of it; codes that stand beside other addresses alone are doubtful."""
    whole = answer_in(said) if is_sole else said
    answer = _without_others(address, whole) if is_sole else whole
    finding = _read_answer(answer, report, action)
    reply, said_status = finding.reply, finding.said_status
    if reply or said_status or answer == whole:
        is_shared = contradicts_itself(_about(address, said))
    else:
        codes = read_codes(whole)
        reply, said_status, is_shared = codes.reply, codes.status, True
    return replace(
        finding,
        recipient=address,
        diagnostic=_one_line(answer),
        reply=reply,
        said_status=said_status,
        is_shared=is_shared,
    )


def _about(address: str, said: str) -> str:
    """Return what is said right behind an address, and where it is named again."""
    first, *others = EMPTY_LINE.split(said)
    return "\n".join([first, *(one for one in others if address in one)])


def _without_others(address: str, said: str) -> str:
    """Leave out the paragraphs that name other addresses alone; the first stands right behind this one."""
    first, *others = EMPTY_LINE.split(said)
    own = [one for one in others if address in one or not ADDRESS.search(one)]
    return said if len(own) == len(others) else "\n\n".join([first, *own])


def _find_shared(found: Mapping[str, str], is_told: Mapping[str, bool], report: str) -> set[str]:
    """Return those of whom is said what may be about another: it stands once below several, or apart from the last.

    What stands above several, as a heading does, is about all of them.
    """
    owners = Counter(found.values())
    first: dict[str, int] = {}
    shared, is_next_told = set(), True
    for address, said in found.items():
        is_above_told, is_next_told = is_next_told, is_told[address]
        start = report.find(said)
        if not said or not 0 <= first.setdefault(said, report.find(address)) < start or address in said:
            continue
        is_apart = report[:start].rstrip(" \t").endswith("\n\n")
        if report.count(said) < owners[said] if owners[said] > 1 else is_apart and not is_above_told:
            shared.add(address)
    return shared


def _answer_above(found: Mapping[str, str], report: str) -> str | None:
    """Return the answer that stands above all recipients, where nothing is said right behind any of them.

    MailMarshal: "could not be delivered because of", the answer, "the following recipients were affected".
    """
    if any(not _stands_alone(address, report) or read_codes(said).reply for address, said in found.items()):
        return None
    paragraphs = EMPTY_LINE.split(_before_all(found, report))
    return next((one.strip() for one in reversed(paragraphs) if read_codes(one).reply), None)


def _stands_alone(address: str, report: str) -> bool:
    """Whether nothing but other addresses stands behind one up to the next empty line."""
    _, _, behind = report.partition(address)
    said = EMPTY_LINE.split(behind, maxsplit=1)[0]
    return not WORDS.search(ADDRESS.sub("", said) if "@" in said else said)


def answer_in(said: str) -> str:
    """Return the first paragraph where it is a server's answer: what comes then explains it, or speaks of others."""
    first = said.split("\n\n", maxsplit=1)[0]
    return first if read_codes(first).reply and _tells(first, with_codes=False) else said


def _one_line(said: str) -> str:
    return " ".join(without_guesses(said).split())


def _tells(said: str, *, with_codes: bool) -> bool:
    """Whether words explain anything: there is more than one, or a code."""
    words = islice(WORDS.finditer(said), _LEAST_WORDS)
    return sum(1 for _ in words) == _LEAST_WORDS or (with_codes and read_codes(said).reply is not None)


def _before_all(found: Mapping[str, str], report: str) -> str:
    """Return what stands before the first recipient and is about none of them."""
    first = min((report.find(address) for address in found), default=-1)
    own = {line.strip() for said in found.values() for line in said.splitlines()}
    return "\n".join([line for line in report[: max(first, 0)].splitlines() if line.strip() not in own])


def _read_answer(said: str, report: str, action: Action) -> Finding:
    """Return a finding about nobody."""
    said = without_guesses(said)
    codes = read_codes(said)
    return Finding(
        recipient="",
        action=action,
        said_status=codes.status,
        reply=codes.reply,
        remote_mta=find_host(said),
        stage=find_stage(said),
        explanation=without_guesses(report[:_SAID_LENGTH]).strip() or None,
    )
