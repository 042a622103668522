"""Processor time to parse, identify and classify, against the standard library's ``email`` with flufl.bounce."""

import logging
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from email import message_from_bytes
from functools import partial
from pathlib import Path

from flufl.bounce import all_failures

from bounced.classify import Knowledge, Rule, RuleSet
from bounced.cli.mailbox import find_files
from bounced.knowledge import shipped_knowledge
from bounced.pipeline import understand
from tests.benchmarks.scale import Scale
from tests.benchmarks.servers import SAMPLE, write_report
from tests.benchmarks.tables import Figures, Table, compared, take_turns

SIZES = (2_000, 6_000, 64_000, 1_000_000, 16_000_000)
RECIPIENTS = (1, 10, 100, 1000)
TIMES_AS_MANY_RULES = (1, 2, 4)
BLOCK = b"""
Final-Recipient: rfc822;user%d@example.net
Action: failed
Status: 5.0.0
Remote-MTA: dns; mx.example.net
Diagnostic-Code: smtp; 552 5.2.2 user%d@example.net: mailbox is over its quota
"""

Work = Callable[[bytes], object]


def measure(scale: Scale) -> Iterator[Table]:
    """Yield the cost of the mail in a directory."""
    mails = read_mail(scale)
    medians = take_turns(
        {
            "`email` and flufl.bounce": partial(read_all, with_flufl, mails),
            "`bounced`": partial(read_all, understand, mails),
        },
        scale.runs + 2,
    )
    kilobytes = statistics.fmean(map(len, mails)) / 1000
    title = f"Parse and classify: {len(mails)} messages, {written_size(kilobytes)} on average"
    yield Table(title, ("", "mean µs", "x", "99th percentile µs"), compared(medians, less_is_better=True))


def measure_growth(scale: Scale) -> Iterator[Table]:
    """Yield how the cost grows with the size of a message, the recipients of a report, and the rules."""
    mails = read_mail(scale)
    with tempfile.TemporaryDirectory() as directory:
        reports = {written_size(size / 1000): write_report(Path(directory), size).read_bytes() for size in SIZES}
    yield compare_growth("Parse and classify, by size of the message", "size", reports, scale)
    reports = {str(count): report_on(count) for count in RECIPIENTS}
    yield compare_growth("Parse and classify, by recipients of a report", "recipients", reports, scale)
    yield grow_rules(mails, scale)


def read_mail(scale: Scale) -> list[bytes]:
    logging.disable(logging.CRITICAL)
    paths = find_files([str(scale.mail or SAMPLE.parent)])
    return [path.read_bytes() for path in paths if path and path.suffix != ".py"]


def written_size(kilobytes: float) -> str:
    return f"{kilobytes / 1000:.3g} MB" if kilobytes >= 1000 else f"{kilobytes:.2g} KB"


def with_flufl(raw: bytes) -> None:
    # Its detectors raise on some mail; the time is spent all the same.
    with suppress(AttributeError, LookupError, TypeError, ValueError):
        all_failures(message_from_bytes(raw))


def read_all(work: Work, mails: list[bytes]) -> Figures:
    """Return mean and 99th percentile of the microseconds that a message takes, once all is warm."""
    for mail in mails:
        work(mail)
    times = sorted(spent(work, mail) for mail in mails)
    return statistics.fmean(times), times[int(len(times) * 0.99)]


def typical(work: Work, mail: bytes, times: int) -> float:
    """Return the median of the microseconds, once all is warm."""
    work(mail)
    return statistics.median(spent(work, mail) for _ in range(times))


def spent(work: Work, mail: bytes) -> float:
    begin = time.process_time_ns()
    work(mail)
    return (time.process_time_ns() - begin) / 1000


def compare_growth(title: str, what: str, reports: dict[str, bytes], scale: Scale) -> Table:
    """Return the cost of each report, the median of several readings."""
    rows = []
    for name, report in reports.items():
        times = max(3, min(scale(50), scale(5_000_000) // len(report)))
        peer, ours = (typical(work, report, times) for work in (with_flufl, understand))
        rows.append((name, peer, ours, peer / ours))
    return Table(title, (what, "`email` and flufl.bounce: µs", "`bounced`: µs", "x"), rows)


def report_on(count: int) -> bytes:
    """Return a report on so many recipients."""
    head, _, rest = SAMPLE.read_bytes().partition(b"\nAction: failed")
    _, boundary, tail = rest.partition(b"\n--1795426801-eximdsn-42\nContent-type: message/rfc822")
    return head + b"".join(BLOCK % (number, number) for number in range(count)) + boundary + tail


def grow_rules(mails: list[bytes], scale: Scale) -> Table:
    """Return the mean cost with invented rules beside those of the package."""
    shipped = shipped_knowledge()
    many = {times: with_rules(shipped, times) for times in TIMES_AS_MANY_RULES}
    medians = take_turns(
        {
            f"{len(knowledge.rules.rules)}": partial(read_all, partial(understand, knowledge=knowledge), mails)
            for knowledge in many.values()
        },
        scale.runs + 2,
    )
    base = next(iter(medians.values()))[0]
    rows = [(name, mean, mean / base) for name, (mean, _) in medians.items()]
    return Table("Parse and classify, by number of rules", ("rules", "mean µs", "x"), rows)


def with_rules(shipped: Knowledge, times: int) -> Knowledge:
    """Return knowledge with that many times as many rules: their phrases are the words of ours, shuffled."""
    chance = random.Random(0)  # noqa: S311 - the same for each run
    words = sorted({word for rule in shipped.rules.rules for phrase in rule.pattern for word in phrase.split()})

    def invent(rule: Rule, number: int) -> Rule:
        pattern = tuple(" ".join(chance.sample(words, max(2, len(one.split())))) for one in rule.pattern)
        return replace(rule, name=f"{rule.name}-{number}", pattern=pattern)

    invented = [invent(rule, number) for number in range(1, times) for rule in shipped.rules.rules if rule.pattern]
    return Knowledge(shipped.tables, RuleSet([*shipped.rules.rules, *invented]), shipped.words, shipped.doubts)
