"""Decide who may ask: bearer tokens (RFC 6750), compared so that the time it takes tells nothing."""

import hashlib
import hmac
import re
from collections.abc import Iterable
from enum import IntEnum

from bounced.errors import ConfigurationError

# What RFC 6750 section 2.1 lets a header carry, and no less than 96 random bits in base64.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{16,512}=*")


class Scope(IntEnum):
    """What somebody may do; the greater may do all that the smaller may."""

    NOTHING = 0
    READ = 1
    WRITE = 2


class Tokens:
    """The tokens in force; without any, nobody may ask.

    Args:
        tokens: Those of people who may do everything.
        read_tokens: Those of people who may look and change nothing.

    Raises:
        ConfigurationError: One of them is too short or cannot be sent in a header.
    """

    def __init__(self, tokens: Iterable[str] = (), read_tokens: Iterable[str] = ()) -> None:
        self._digests = [
            *((_digest(_check(token, "admin.tokens")), Scope.WRITE) for token in tokens),
            *((_digest(_check(token, "admin.read_tokens")), Scope.READ) for token in read_tokens),
        ]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def allow(self, authorization: str) -> Scope:
        """Return what the holder of the token in an Authorization field may do."""
        scheme, _, given = authorization.partition(" ")
        scope = self.scope_of(self.digest(given.strip()))
        return scope if scheme.lower() == "bearer" else Scope.NOTHING

    def scope_of(self, digest: bytes) -> Scope:
        """Return what the holder of the token with this digest may do."""
        # All are compared, whichever is the right one; digests are of one length.
        matches = [(hmac.compare_digest(digest, known), scope) for known, scope in self._digests]
        return max((scope for is_equal, scope in matches if is_equal), default=Scope.NOTHING)

    @staticmethod
    def digest(token: str) -> bytes:
        """Return what is kept of a token."""
        return _digest(token)


def _check(token: str, where: str) -> str:
    if not _TOKEN.fullmatch(token):
        raise ConfigurationError(
            "a token is shorter than 16 characters, or has others than letters, digits and ._~+/-",
            where=where,
            remedy="make one with: openssl rand -hex 32",
        )
    return token


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
