"""Tell an alias that a report names from the mailbox, or program, behind it that failed.

An alias may lead to others, of which such a report says nothing.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from itertools import islice

from bounced.model import Finding
from bounced.model.address import is_same_mailbox, recipient_key
from bounced.parse.address import ADDRESS, clean_address
from bounced.parse.dsn import without_type

# Exim: "(generated from ann@example.org)", Postfix and Sendmail: "(expanded from: <ann@example.org>)".
_LED_FROM = re.compile(r"\b(?:generated|expanded|forwarded|redirected|aliased) from:?\s{1,40}<?")
# Sun's and Oracle's server: "Recipient address: ann@ims-ms-daemon", and below it "Original address: ann@example.org".
_ORIGINAL = re.compile(r"\bOriginal address: {1,4}")
# Sendmail tells the reason before whose alias it was; the words of both begin before "ed from".
_BETWEEN = re.compile(r">?\s*(?:\(reason: [^\n]{0,400}\)\s*)?\(?[a-z]{0,10}")
_ACTUAL = "x-actual-recipient"
_NEAR, _MENTIONS = 400, 200  # how far above that who failed is named, and how often one is looked for


def mark_aliases(findings: Iterable[Finding], text: str) -> tuple[Finding, ...]:
    """Mark the findings whose recipient the fields, or else the text, tell from what failed.

    Of what failed itself the text may tell where the mail was sent to.
    """
    findings = tuple(findings)
    # To look for two words first is faster than what `re` does.
    led_from = [*islice(_LED_FROM.finditer(text), _MENTIONS)] if "ed from" in text else []
    leads = [*led_from, *(islice(_ORIGINAL.finditer(text), _MENTIONS) if "Original address" in text else ())]
    named = _named_behind(led_from, text)
    origins = _read_origins(leads, text, {_key(one.recipient) for one in findings}) if leads else {}
    return tuple([_mark(one, named, origins) for one in findings])


def _mark(finding: Finding, named: Collection[str], origins: Mapping[str, str]) -> Finding:
    if origins and not finding.original_recipient:
        finding = replace(finding, original_recipient=origins.get(_key(finding.recipient)))
    return replace(finding, is_alias=True) if _is_alias(finding, named) else finding


def _read_origins(leads: Iterable[re.Match[str]], text: str, recipients: Collection[str]) -> dict[str, str]:
    """Return the address that led to each of `recipients`, which is named right above that."""
    origins: dict[str, str] = {}
    for led in leads:
        origin, above = ADDRESS.match(text, led.end()), text[max(led.start() - _NEAR, 0) : led.start()]
        failed = next((one for one in reversed([*ADDRESS.finditer(above)]) if _key(one[0]) in recipients), None)
        if origin and failed and _BETWEEN.fullmatch(above, failed.end()):
            origins.setdefault(_key(failed[0]), clean_address(origin[0]))
    return origins


def _named_behind(leads: Iterable[re.Match[str]], text: str) -> set[str]:
    found = [ADDRESS.match(text, led.end()) for led in leads]
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
