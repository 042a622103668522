"""Tell an alias that a report names from the mailbox, or program, behind it that failed.

An alias may lead to others, of which such a report says nothing.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import replace

from bounced.model import Finding
from bounced.model.address import is_same_mailbox, recipient_key
from bounced.parse.address import ADDRESS, clean_address
from bounced.parse.dsn import without_type

# Exim: "(generated from ann@example.org)", Postfix and Sendmail: "(expanded from: <ann@example.org>)".
# `re` looks fast for what a pattern begins with, so it begins with what all of these words end with.
_LED_FROM = re.compile(
    r"ed from(?:(?<=\bgenerated from)|(?<=\bexpanded from)|(?<=\bforwarded from)|(?<=\bredirected from)"
    r"|(?<=\baliased from)):?\s{1,40}<?"
)
_ACTUAL = "x-actual-recipient"


def mark_aliases(findings: Iterable[Finding], text: str) -> tuple[Finding, ...]:
    """Mark the findings whose recipient the fields, or else the text, tell from what failed."""
    named = _named_in(text)
    return tuple([replace(one, is_alias=True) if _is_alias(one, named) else one for one in findings])


def _named_in(text: str) -> set[str]:
    found = [ADDRESS.match(text, led.end()) for led in _LED_FROM.finditer(text)]
    return {_key(clean_address(address[0])) for address in found if address}


def _is_alias(finding: Finding, named: Collection[str]) -> bool:
    """Whether another address failed; Sendmail's X-Actual-Recipient may be a program or a local name as well."""
    value = next((value for name, value in finding.fields if name == _ACTUAL), None)
    actual = without_type(value).strip("<>") if value else None
    if actual is None:
        return bool(named) and _key(finding.recipient) in named
    domain = finding.recipient.rpartition("@")[2]
    return not is_same_mailbox(finding.recipient, actual if "@" in actual else f"{actual}@{domain}")


def _key(address: str) -> str:
    return recipient_key(address) or address
