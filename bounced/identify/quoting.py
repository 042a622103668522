"""Take an address apart and put it together: a local part is quoted only where it must be (RFC 5321 section 4.1.2)."""

import re

_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_TO_QUOTE = re.compile(r'(["\\])')
_ATOM = r'[^\s\x00-\x1f\x7f"(),.:;<>@\[\]\\]+'
_DOT_ATOM = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")


def split(address: str) -> tuple[str, str]:
    """Return the local part without quotes, and the domain."""
    local_part, _, domain = address.rpartition("@")
    if len(local_part) > 1 and local_part[0] == local_part[-1] == '"':
        local_part = _QUOTED_PAIR.sub(r"\1", local_part[1:-1])
    return local_part, domain


def join(local_part: str, domain: str) -> str:
    """Return the address, its local part in quotes where it needs them."""
    if not _DOT_ATOM.fullmatch(local_part):
        quoted = _TO_QUOTE.sub(r"\\\1", local_part)
        local_part = f'"{quoted}"'
    return f"{local_part}@{domain}"
