"""Find the mail address in a field or a line of text."""

import re

# Local parts may hold UTF-8 (RFC 6531) and, quoted, nearly anything but control characters; both halves are
# bounded: a scan is linear.
_SPECIAL = (
    r"\s\x00-\x1f\x7f-\x9f<>()\[\],;:\"@\\\u00ab\u00bb\u2018-\u201f\u2039\u203a"
    r"\u3000-\u3004\u3008-\u301f\uff08\uff09\uff0c\uff1a-\uff1e"
)
# Scripts without spaces between words: the text goes on right behind the address, and before it. All that stands
# behind the first of them is taken for one: many ranges would take the longest part of a start to compile.
_SIGN = r"^\x00-\u2e7f"
_ASCII_DOMAIN = rf"(?:[A-Za-z0-9-]{{1,63}}\.){{1,8}}[A-Za-z0-9-]{{2,63}}(?=[{_SIGN}])"
_DOMAIN = rf"(?:{_ASCII_DOMAIN}|[^{_SPECIAL}/]{{1,255}})"
_BARE = rf"[^{_SPECIAL}'`][^{_SPECIAL}]{{0,127}}@{_DOMAIN}"
_QUOTED = rf"\"(?:[^\"\\\x00-\x1f\x7f-\x9f]|\\[^\x00-\x1f\x7f-\x9f]){{0,128}}\"@{_DOMAIN}"
_SIGNS_BEFORE = re.compile(rf"[^@]*[{_SIGN}](?=[A-Za-z0-9][!-?A-~]*@[!-~]+\Z)")
# How nearly all addresses look: no need to search one.
_PLAIN = re.compile(r"[A-Za-z0-9_+=-][A-Za-z0-9._+=-]{0,127}@[A-Za-z0-9.-]{1,254}[A-Za-z0-9]")
ADDRESS = re.compile(f"{_QUOTED}|{_BARE}")
_SOURCE_ROUTE = re.compile(r"^@[^\s:]{1,500}:")
_UTF8_ESCAPE = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_ENCODED_WORD_LOCAL_PART = re.compile(r"=\?[^?\s]{1,60}\?[bBqQ]\?[^?\s]{1,200}\?=@" + _DOMAIN)
# No address is this long (RFC 5321 section 4.5.3.1.3); a field may be, with a name before the address.
_LOOKED_AT = 4096
_LAST_CODE_POINT = 0x10FFFF


def find_address(text: str) -> str | None:
    """Return the first mail address in `text` without brackets and route, or None."""
    text = text[:_LOOKED_AT].strip().removeprefix("<").removesuffix(">")
    if _PLAIN.fullmatch(text):
        return text
    route = _SOURCE_ROUTE.match(text)
    if route:
        text = text[route.end() :]
    match = _ENCODED_WORD_LOCAL_PART.search(text) or ADDRESS.search(text)
    return clean_address(match[0]) if match else None


def clean_address(text: str) -> str:
    """Take off what texts put around an address: quotes, the end of a sentence, and a word written right before it."""
    if not text.isascii():
        text = _SIGNS_BEFORE.sub("", text)
    return text.strip("'`").rstrip(".!?")


def read_typed_address(value: str) -> str | None:
    """Read the value of Final-Recipient or Original-Recipient (RFC 3464 section 2.3.1).

    The address type before the semicolon is ignored where the rest holds a
    mail address; some systems leave the type out or write ``rfc/822`` or
    ``LOCAL``. An ``utf-8`` address may be written in 7 bits (RFC 6533 section 3).

    Returns:
        The address, or None where there is none with a domain.
    """
    _, semicolon, address = value.partition(";")
    address = address if semicolon else value
    return find_address(_UTF8_ESCAPE.sub(_unescape, address) if "\\x{" in address else address)


def _unescape(match: re.Match[str]) -> str:
    point = int(match[1], 16)
    is_character = point <= _LAST_CODE_POINT and not 0xD800 <= point <= 0xDFFF  # noqa: PLR2004 - surrogates
    return chr(point) if is_character else match[0]


def addresses_in(text: str) -> list[str]:
    """Return the addresses in a text, but not what looks like one within a link."""
    return [clean_address(address) for address in ADDRESS.findall(text) if "//" not in address]
