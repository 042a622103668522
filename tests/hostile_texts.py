"""Try every regular expression and the reader with texts that make bad patterns search for ever; run as a process.

It has no clock: whoever starts it limits its CPU time, and the last line that
it printed names what took all of it.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import bounced
from bounced.knowledge import shipped_knowledge
from bounced.pipeline import understand

# At this length a pattern whose time grows with the square still ends; one that is worse does not.
LENGTH = 1000
# As much as a field of a header may have.
FIELD_LENGTH = 60_000
CORES = [
    *("a", "A", "1", " ", "\t", "\n", "\r\n", ".", "-", "@", "<", ">", '"', "\\", "=", "+", ":", ";", ",", "(", ")"),
    *("[", "]", "/", "_", "%", "\0", "\x85", "é", "ß", "İ", "\u0300", "\u200b", "\u202e", "\u3000", "中", "\ud800"),
    *("a.", "a-", "1-", "a ", " a", "<a", "a@", "a@b ", '"a', '\\"', "=a", "a=", "+a", "1.", ".1", "; ", ": ", "\n "),
    *("\n\n", "<>", "--", "\n--", "x@x.", "5.1.1 ", "550 ", "550-", "smtp;", "http://", "<a@b", "to ", "host ", "of "),
    *("&#", "&lt;", "<br>", "</", "<!--", "<style", "=?", "=?a?q?", "?=", "a\n", "\n>", "> ", "{", '{"emailAddress"'),
]
MESSAGE = """\
From: MAILER-DAEMON@mx.example.net {0}
Subject: Undelivered {0}
To: <b+{0}@bounce.example.com>
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/{2}

Your message could not be delivered:
<ann@example.com>: {0}
{1}

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; {0}

Final-Recipient: rfc822; ann@example.com
Action: failed
Status: 5.0.0
Remote-MTA: dns; {0}
Diagnostic-Code: smtp; 550 {0}

--b
Content-Type: message/rfc822

Message-ID: <{0}>
From: {0}

{1}
--b--
"""

# Of no form that is known, so that every reader is asked.
PLAIN = """\
From: MAILER-DAEMON@mx.example.net
Subject: failure notice

Hi. This is the mail system.
{0}
<ann@>:
{0}
"""


def find_patterns(value: Any, name: str, seen: set[int]) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Yield every compiled pattern that can be reached from a value."""
    if id(value) in seen:
        return
    seen.add(id(value))
    match value:
        case re.Pattern():
            yield name, value
        case dict():
            for key, each in value.items():
                yield from find_patterns(each, f"{name}[{str(key)[:30]!r}]", seen)
        case tuple() | list() | set() | frozenset():
            for each in value:
                yield from find_patterns(each, f"{name}[]", seen)
        case _ if type(value).__module__.startswith("bounced"):
            names = [*getattr(type(value), "__slots__", ()), *getattr(value, "__dict__", {})]
            for each in names:
                yield from find_patterns(getattr(value, each, None), f"{name}.{each}", seen)


def all_patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    seen: set[int] = set()
    yield from find_patterns(shipped_knowledge(), "knowledge", seen)
    for module in pkgutil.walk_packages(bounced.__path__, "bounced."):
        if ".migrations" not in module.name and not module.name.endswith("__main__"):
            for name, value in vars(importlib.import_module(module.name)).items():
                yield from find_patterns(value, f"{module.name}.{name}", seen)


def try_pattern(pattern: re.Pattern[Any]) -> None:
    for core in CORES:
        for end in ("", "!\x01"):
            text = core * (LENGTH // len(core)) + end
            subject = text.encode(errors="replace") if isinstance(pattern.pattern, bytes) else text
            pattern.search(subject)
            pattern.fullmatch(subject)


def main() -> None:
    patterns = list(all_patterns())
    for name, pattern in patterns:
        print(name, flush=True)
        try_pattern(pattern)
    for core in CORES:
        print(f"a message full of {core!a}", flush=True)
        field = core * (FIELD_LENGTH // len(core))
        line = field.replace("\r", " ").replace("\n", " ")
        for text in (MESSAGE.format(line, field, "plain"), MESSAGE.format(line, field, "html"), PLAIN.format(field)):
            understand(text.encode(errors="replace"), knowledge=shipped_knowledge())
    print(len(patterns), flush=True)


if __name__ == "__main__":
    main()
