"""Tell what can be an address from what cannot; who answers there is for others to know."""

import re

_MAX_CHARACTERS = 320
# C0, DEL, C1, and lone surrogates, which no database takes.
_UNSPEAKABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_PSEUDONYM = re.compile(r"hmac:[0-9a-f]{64}")


def is_text(text: str) -> bool:
    """Return whether `text` has no characters that no text should have."""
    return not _UNSPEAKABLE.search(text)


def is_address(text: str) -> bool:
    """Return whether `text` may be an address: short, with something on both sides of an ``@``.

    More is not asked for, because mail systems report recipients that no
    grammar allows, and an operator must be able to ask for them.
    """
    local, _, domain = text.rpartition("@")
    has_space = " " in (domain if local.startswith('"') else text)
    return bool(local and domain) and len(text) <= _MAX_CHARACTERS and not has_space and is_text(text)


def is_name(text: str) -> bool:
    """Return whether a recipient may be asked for by `text`: an address, or what lists of a pseudonymous store say."""
    return is_address(text) or _PSEUDONYM.fullmatch(text) is not None
