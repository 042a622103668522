"""Read command lines, paths and ESMTP parameters (RFC 5321 section 4.1.2, RFC 6531 section 3.3).

What real mailers send is taken, because a refused bounce is lost. Whether an
address is ours is not known here.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from bounced.receive.replies import TOO_BIG, RefusedError

_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")

# QUIRK: mobile carriers: dots in odd places of the local part, so an atom is whatever needs no quotes to be read.
_LOCAL_PART = r'(?:"(?:[^"\\]|\\.)*"|[^\s<>"@\\]+)'
_DOMAIN = r'[^\s<>"@\\]+'
_PATH = re.compile(
    # QUIRK: scripts and telnet: blanks inside the brackets.
    rf"(?:<\s*(?:@[^\s<>:]+:)?(?P<path>(?:{_LOCAL_PART}(?:@{_DOMAIN})?)?)\s*>"
    # QUIRK: old appliances: no brackets at all.
    rf"|(?P<bare>{_LOCAL_PART}@{_DOMAIN}))"
    r"(?:\s+(?P<parameters>.*))?"
)
# RFC 5321 asks for a value without "=", but ORCPT and ENVID of some mailers hold one.
_SIZE = re.compile("[0-9]{1,20}")  # RFC 1870 section 4
_PARAMETER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(?:=\S*)?")


class Path(NamedTuple):
    """An address without brackets and source route, empty for ``<>``, and the parameters behind it as sent."""

    address: str
    parameters: tuple[str, ...]


def split_command(line: bytes) -> tuple[str, str]:
    """Split a command line into its verb in upper case and its argument.

    Raises:
        RefusedError: The line is not UTF-8 or holds control characters.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise RefusedError("500 5.5.2 Commands must be UTF-8") from None
    if _CONTROL.search(text):
        raise RefusedError("500 5.5.2 Control characters are not allowed")
    verb, _, argument = text.partition(" ")
    return verb.upper(), argument.strip()


def read_path(argument: str, keyword: str) -> Path:
    """Read the argument of MAIL or RCPT, which begins with `keyword`.

    Source routes are dropped (RFC 5321 appendix C). Parameters are checked
    for their form only: a mailer may send any extension it knows.

    Raises:
        RefusedError: The argument has no such form.
    """
    if argument[: len(keyword)].upper() != keyword:
        raise RefusedError(f"501 5.5.4 Syntax: {keyword}<address>")
    # QUIRK: scripts and telnet: a blank behind the colon.
    found = _PATH.fullmatch(argument[len(keyword) :].lstrip())
    if not found:
        raise RefusedError("553 5.1.3 Malformed address")
    parameters = tuple((found["parameters"] or "").split())
    if not all(map(_PARAMETER.fullmatch, parameters)):
        raise RefusedError("501 5.5.4 Malformed parameter")
    return Path(found["path"] or found["bare"] or "", parameters)


def check_mail_parameters(parameters: Iterable[str], max_message_bytes: int) -> None:
    """Look at those parameters of MAIL that tell whether we can take the message.

    Raises:
        RefusedError: We cannot, or they make no sense.
    """
    if _value_of("BODY", parameters) not in {None, "7BIT", "8BITMIME"}:
        raise RefusedError("501 5.5.4 BODY is 7BIT or 8BITMIME")
    size = _value_of("SIZE", parameters)
    if size is None:
        return
    if not _SIZE.fullmatch(size):
        raise RefusedError("501 5.5.4 SIZE is a number")
    if int(size) > max_message_bytes:
        raise RefusedError(TOO_BIG)


def _value_of(keyword: str, parameters: Iterable[str]) -> str | None:
    """Return the value of the ESMTP parameter `keyword` in upper case; empty without ``=``, None where it is absent."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.upper() == keyword:
            return value.upper()
    return None
