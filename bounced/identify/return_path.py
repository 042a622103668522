"""Read the addresses to which a bounce came as return paths that we, or other systems, once gave a message."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from bounced.identify import quoting
from bounced.identify.forms import Form, read_form, shipped_forms
from bounced.identify.verp import DEFAULT_PREFIX, Key, Refusal, Refused, check
from bounced.identify.wrapping import Wrapping, unwrap
from bounced.model import Action, Finding, Verp
from bounced.model.address import recipient_key

_SIGNED = "signed"
_FAILED = frozenset({Action.FAILED, None})


@dataclass(frozen=True, slots=True)
class VerpSettings:
    """How return paths are read.

    Attributes:
        keys: Any of them may have signed; without keys nothing is signed.
        prefix: What stands before the plus in signed addresses.
        wrapping: The secrets of BATV and SRS.
        patterns: Further forms, read before those of the package.
    """

    keys: tuple[Key, ...] = ()
    prefix: str = DEFAULT_PREFIX
    wrapping: Wrapping = field(default_factory=Wrapping)
    patterns: tuple[Form, ...] = ()


def read_return_path(address: str, settings: VerpSettings, *, today: date | None) -> Verp | None:
    """Say what one address tells, or None where it has no form that we know.

    Args:
        address: The recipient of a bounce.
        settings: How to read it.
        today: The day on which the bounce came, in UTC; None takes tokens of any age.
    """
    if not address.isprintable():
        return None
    unwrapped = unwrap(address, settings.wrapping, today=today)
    signed = _read_signed(unwrapped.address, settings, today)
    if signed:
        return signed
    found = read_form(unwrapped.address, (*settings.patterns, *shipped_forms()))
    if found:
        return Verp(found.id, found.form, is_verified=unwrapped.is_verified, recipient=found.recipient)
    return Verp(None, "batv", is_verified=unwrapped.is_verified) if unwrapped.has_tag else None


def _read_signed(address: str, settings: VerpSettings, today: date | None) -> Verp | None:
    if not settings.keys:
        return None
    unquoted = "@".join(quoting.split(address))
    result = check(unquoted, settings.keys, today=today or date.min, prefix=settings.prefix)
    if not isinstance(result, Refused):
        return Verp(result.id, _SIGNED, is_verified=True, recipient=result.recipient)
    if result.token:
        return Verp(result.token.id, _SIGNED, is_verified=False, recipient=result.token.recipient)
    if result.reason is Refusal.NOT_OURS:
        return None
    return Verp(None, _SIGNED, is_verified=False)


def read_return_paths(
    recipients: Iterable[str],
    hints: Iterable[str],
    settings: VerpSettings,
    *,
    today: date | None,
    sent_from: Iterable[str] = (),
) -> Verp | None:
    """Say what the return path tells, the surest of several.

    Args:
        recipients: Those of the envelope.
        hints: Addresses in the header of the bounce. Anyone can write them, and none was accepted as ours, so
            they tell an id and never a recipient.
        settings: How to read them.
        today: The day on which the bounce came, in UTC.
        sent_from: What a complaint names as the return path of the mail complained of. Feedback loops write to
            an address of their own; a signed return path within the report is proof all the same, because only
            those who had the mail know it.
    """
    read = [verp for address in recipients if (verp := read_return_path(address, settings, today=today))]
    named = [verp for address in sent_from if (verp := read_return_path(address, settings, today=today))]
    read += [verp for verp in named if verp.form == _SIGNED]
    if read:
        return max(read, key=lambda verp: verp.is_verified)  # the first one of those that are equal
    for address in dict.fromkeys(hints):
        verp = read_return_path(address, settings, today=today)
        if verp:
            return Verp(verp.id, verp.form, is_verified=False)
    return None


def narrow(verp: Verp | None, findings: Sequence[Finding]) -> list[Verp | None]:
    """Return what the return path tells of each finding among all that a report has.

    A return path that holds a recipient speaks of him alone: of the finding
    that names him, or else of the only one that failed. One that holds none
    was given to one recipient too, but does not say to whom: it proves what is
    said of the only one that failed, and nothing where there are several.
    """
    if verp is None:
        return [None] * len(findings)
    recipient = verp.recipient
    is_about = [recipient is not None and _names(one, recipient) for one in findings]
    of_others = None if recipient else replace(verp, is_verified=False)
    return [verp if about else of_others for about in (is_about if any(is_about) else _are_sole(findings))]


def _are_sole(findings: Sequence[Finding]) -> list[bool]:
    """Say which findings are of the only recipient that failed, or of the only one there is; else none of them."""
    has_failed = [one.action in _FAILED for one in findings]
    is_asked = has_failed if any(has_failed) else [True] * len(findings)
    recipients = {_key(one.recipient) for one, asked in zip(findings, is_asked, strict=True) if asked}
    return is_asked if len(recipients) == 1 else [False] * len(findings)


def _names(finding: Finding, recipient: str) -> bool:
    named = (finding.recipient, finding.original_recipient or "")
    return _key(recipient) in map(_key, named)


def _key(address: str) -> str:
    return recipient_key(address) or address
