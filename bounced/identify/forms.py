"""Read the return paths of other systems (VERP): the recipient, list or message that they put into the address.

None of them is signed: anyone can write such an address, and so what it says
is a hint. The forms are data; an operator can add patterns of his own.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from string import Formatter

import tomli

from bounced.errors import ConfigurationError
from bounced.identify import quoting
from bounced.identify.backtracking import count_ways
from bounced.shipped import read_text

_GROUPS = frozenset({"user", "domain", "id", "list", "host"})
_PATTERN_LENGTH = 500
_ADDRESS_LENGTH = 320  # RFC 3696 section 3; no pattern sees more
# Two repetitions that do not know where to end, and some alternatives: a few milliseconds for the worst address.
_MOST_WAYS = 8 * _ADDRESS_LENGTH**2
_TELL_APART = "let a part leave out the character behind it: [^=]+= instead of .+= does not search"
_FLAGS = re.IGNORECASE | re.DOTALL


@dataclass(frozen=True, slots=True)
class Found:
    """What an address says by its form; None is what it does not say."""

    form: str
    id: str | None
    recipient: str | None


@dataclass(frozen=True, slots=True)
class Form:
    """A form of return paths.

    Attributes:
        name: What events call it.
        pattern: Matches the whole address, its local part without quotes.
        template: Makes such an address; empty where only reading is known.
        example: An address that this form reads before any other.
        mark: What stands in every address of this form, in lower case.
    """

    name: str
    pattern: re.Pattern[str]
    template: str = ""
    example: str = ""
    mark: str = ""

    def read(self, address: str) -> dict[str, str] | None:
        """Return the named parts of `address`, or None where it has not this form."""
        if len(address) > _ADDRESS_LENGTH:
            return None
        match = self.pattern.fullmatch("@".join(quoting.split(address)))
        return {name: part for name, part in match.groupdict().items() if part is not None} if match else None

    def make(self, **parts: str) -> str:
        """Return an address in this form, the opposite of `read`."""
        return quoting.join(*self.template.format_map(parts).rsplit("@", 1))


def make_form(name: str, pattern: str) -> Form:
    """Make a form of an operator's pattern.

    Raises:
        ConfigurationError: It is no regular expression, too long, does not name what it finds, or
            could search for long in an address that was made to that end.
    """
    if len(pattern) > _PATTERN_LENGTH:
        raise _unusable(pattern, f"longer than {_PATTERN_LENGTH} characters")
    try:
        compiled = _compile(pattern)
        ways = count_ways(pattern, _FLAGS, text_length=_ADDRESS_LENGTH)
    except (re.error, OverflowError, ValueError) as error:
        raise _unusable(pattern, str(error)) from error
    names = compiled.groupindex.keys()
    if unknown := sorted(names - _GROUPS):
        raise _unusable(pattern, f"there is no group {unknown[0]!r}")
    if "id" not in names and not names >= {"user", "domain"}:
        raise _unusable(pattern, "it names neither an id nor user and domain")
    if ways > _MOST_WAYS:
        raise _unusable(pattern, "an address can be divided among its parts in too many ways", _TELL_APART)
    return Form(name, compiled)


def _unusable(pattern: str, problem: str, remedy: str | None = None) -> ConfigurationError:
    remedy = remedy or "write a regular expression for the whole address with groups out of " + ", ".join(
        sorted(_GROUPS)
    )
    return ConfigurationError(f"{pattern[:80]!r}: {problem}", where="verp.patterns", remedy=remedy)


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, _FLAGS)


@cache
def shipped_forms() -> tuple[Form, ...]:
    """Return the forms that come with the package, in order."""
    entries = tomli.loads(read_text("bounced.identify.data", "forms.toml"))["form"]
    return tuple(
        Form(
            entry["name"],
            _compile(entry["pattern"].replace("\n", "")),
            entry["template"],
            entry["example"],
            _mark_of(entry["template"]),
        )
        for entry in entries
    )


def _mark_of(template: str) -> str:
    """Return the longest text between the fields of a template: cheap to look for before its pattern is tried."""
    return max((text for text, *_ in Formatter().parse(template)), key=len).lower()


def read_form(address: str, forms: Iterable[Form]) -> Found | None:
    """Return what the first form that matches says, or None where none does."""
    lowered = address.lower()
    for form in forms:
        parts = form.read(address) if form.mark in lowered else None
        if parts is not None:
            user, domain = parts.get("user"), parts.get("domain")
            return Found(form.name, parts.get("id"), quoting.join(user, domain) if user and domain else None)
    return None
