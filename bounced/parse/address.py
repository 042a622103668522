"""Find the mail address in a field or a line of text."""

import re

# Local parts may hold UTF-8 (RFC 6531) and, quoted, nearly anything but control characters; both halves are
# bounded: a scan is linear.
_DOMAIN = r"[^\s\x00-\x1f\x7f<>()\[\],;:\"@\\]{1,255}"
_BARE = rf"[^\s\x00-\x1f\x7f<>()\[\],;:\"@\\'`][^\s\x00-\x1f\x7f<>()\[\],;:\"@\\]{{0,127}}@{_DOMAIN}"
_QUOTED = rf"\"(?:[^\"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f]){{0,128}}\"@{_DOMAIN}"
ADDRESS = re.compile(f"{_QUOTED}|{_BARE}")
_SOURCE_ROUTE = re.compile(r"^@[^\s:]{1,500}:")
_UTF8_ESCAPE = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_ENCODED_WORD_LOCAL_PART = re.compile(r"=\?[^?\s]{1,60}\?[bBqQ]\?[^?\s]{1,200}\?=@" + _DOMAIN)
# No address is this long (RFC 5321 section 4.5.3.1.3); a field may be, with a name before the address.
_LOOKED_AT = 4096
_LAST_CODE_POINT = 0x10FFFF


def find_address(text: str) -> str | None:
    """Return the first mail address in `text` without brackets and route, or None."""
    text = text[:_LOOKED_AT].strip().removeprefix("<")
    route = _SOURCE_ROUTE.match(text)
    if route:
        text = text[route.end() :]
    match = _ENCODED_WORD_LOCAL_PART.search(text) or ADDRESS.search(text)
    return clean_address(match[0]) if match else None


def clean_address(text: str) -> str:
    """Take off what texts put around an address: quotes, and the full stop that ends a sentence."""
    return text.strip("'`").rstrip(".")


def read_typed_address(value: str) -> str | None:
    """Read the value of Final-Recipient or Original-Recipient (RFC 3464 section 2.3.1).

    The address type before the semicolon is ignored where the rest holds a
    mail address; some systems leave the type out or write ``rfc/822`` or
    ``LOCAL``. An ``utf-8`` address may be written in 7 bits (RFC 6533 section 3).

    Returns:
        The address, or None where there is none with a domain.
    """
    _, semicolon, address = value.partition(";")
    return find_address(_UTF8_ESCAPE.sub(_unescape, address if semicolon else value))


def _unescape(match: re.Match[str]) -> str:
    point = int(match[1], 16)
    is_character = point <= _LAST_CODE_POINT and not 0xD800 <= point <= 0xDFFF  # noqa: PLR2004 - surrogates
    return chr(point) if is_character else match[0]
