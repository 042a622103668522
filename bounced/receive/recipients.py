"""Decide whether a recipient is ours."""

import re
from collections.abc import Iterable

from bounced.errors import ConfigurationError

_MAX_DOMAIN_LENGTH = 255  # RFC 5321 section 4.5.3.1.2; longer ones would make the IDNA codec slow
_QUOTED = re.compile(r"\\(.)")


class Recipients:
    """The addresses we take mail for.

    A pattern is an address (``bounce@example.com``), an address with ``*`` in
    its local part (``bounces+*@example.com``), a domain, which is all of its
    addresses, ``postmaster``, which RFC 5321 section 4.1.1.3 lets stand
    without a domain, or ``*``, which is everything. Case never matters, and
    an internationalised domain is the same in both its forms.

    Args:
        patterns: What to accept.

    Raises:
        ConfigurationError: A pattern has none of these forms.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._is_anyone = False
        self._is_postmaster = False
        self._domains: set[str] = set()
        self._addresses: set[tuple[str, str]] = set()
        self._wildcards: dict[str, list[re.Pattern[str]]] = {}
        for pattern in patterns:
            self._add(pattern)

    def _add(self, pattern: str) -> None:
        local_part, at, domain = _split(pattern)
        if pattern == "*":
            self._is_anyone = True
        elif not domain or "*" in domain or (at and not local_part) or any(map(str.isspace, pattern)):
            raise ConfigurationError(
                f"{pattern!r} is no recipient pattern",
                where="receive.recipients",
                remedy="write an address, an address with * in its local part, a domain, or * alone",
            )
        elif domain == "postmaster" and not at:
            self._is_postmaster = True
        elif not at:
            self._domains.add(domain)
        elif "*" in local_part:
            parts = map(re.escape, local_part.split("*"))
            self._wildcards.setdefault(domain, []).append(re.compile(".*".join(parts), re.DOTALL))
        else:
            self._addresses.add((local_part, domain))

    def accepts(self, address: str) -> bool:
        """Return whether mail for `address`, as RCPT gave it, is for us."""
        if self._is_anyone:
            return True
        local_part, at, domain = _split(address)
        if not at:
            return self._is_postmaster and domain == "postmaster"
        return (
            domain in self._domains
            or (local_part, domain) in self._addresses
            or any(wildcard.fullmatch(local_part) for wildcard in self._wildcards.get(domain, ()))
        )


def _split(address: str) -> tuple[str, str, str]:
    local_part, at, domain = address.rpartition("@")
    return _fold_local_part(local_part), at, _fold_domain(domain)


def _fold_local_part(local_part: str) -> str:
    if local_part.startswith('"') and local_part.endswith('"'):
        local_part = _QUOTED.sub(r"\1", local_part[1:-1])
    return local_part.casefold()


def _fold_domain(domain: str) -> str:
    """Return the one form in which domains are compared; an impossible one is nobody's, and so the empty one."""
    if domain.isascii():
        return domain.lower()
    try:
        return domain.encode("idna").decode().lower() if len(domain) <= _MAX_DOMAIN_LENGTH else ""
    except UnicodeError:
        return ""
