"""Decide who may ask: bearer tokens (RFC 6750), compared so that the time it takes tells nothing."""

import hashlib
import hmac
import re
from collections.abc import Iterable

from bounced.errors import ConfigurationError

# What RFC 6750 section 2.1 lets a header carry, and no less than 96 random bits in base64.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{16,512}=*")


class Tokens:
    """The tokens in force; without any, nobody may ask.

    Raises:
        ConfigurationError: One of them is too short or cannot be sent in a header.
    """

    def __init__(self, tokens: Iterable[str] = ()) -> None:
        self._digests = [_digest(_check(token)) for token in tokens]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def allow(self, authorization: str) -> bool:
        """Return whether the value of an Authorization field holds one of the tokens."""
        scheme, _, given = authorization.partition(" ")
        digest = _digest(given.strip())
        # All are compared, whichever is the right one; digests are of one length.
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return scheme.lower() == "bearer" and any(matches)


def _check(token: str) -> str:
    if not _TOKEN.fullmatch(token):
        raise ConfigurationError(
            "a token is shorter than 16 characters, or has others than letters, digits and ._~+/-",
            where="admin.tokens",
            remedy="make one with: openssl rand -hex 32",
        )
    return token


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
