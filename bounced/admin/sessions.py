"""Remember who has logged in to the dashboard.

A session is a random name in a cookie; what it stands for stays here. It ends
after some hours, when its owner logs out, when its token is no longer in
force, and when the daemon stops.
"""

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from bounced.admin.tokens import Scope, Tokens

LIFETIME_SECONDS = 12 * 3600
_MOST_SESSIONS = 1000


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has logged in.

    Attributes:
        scope: What he may do.
        form_key: What every form that he sends has to hold, so that no other site can send one for him.
    """

    scope: Scope
    form_key: str

    def has_sent(self, form_key: str) -> bool:
        """Return whether a form comes from one of our own pages."""
        return secrets.compare_digest(self.form_key.encode(), form_key.encode(errors="surrogatepass"))


@dataclass(frozen=True, slots=True)
class _Entry:
    digest: bytes
    form_key: str
    ends_at: float


class Sessions:
    """Those who have logged in.

    Args:
        tokens: The tokens in force.
        clock: Tells the time in seconds.
    """

    def __init__(self, tokens: Callable[[], Tokens], clock: Callable[[], float] = time.monotonic) -> None:
        self._tokens, self._clock = tokens, clock
        self._entries: dict[bytes, _Entry] = {}

    def open(self, token: str) -> str | None:
        """Begin a session and return its name; None where the token is not in force."""
        digest = self._tokens().digest(token)
        if not self._tokens().scope_of(digest):
            return None
        now = self._clock()
        self._entries = {key: entry for key, entry in self._entries.items() if entry.ends_at > now}
        if len(self._entries) >= _MOST_SESSIONS:
            del self._entries[next(iter(self._entries))]  # the oldest
        name = secrets.token_urlsafe(32)
        self._entries[_key(name)] = _Entry(digest, secrets.token_urlsafe(32), now + LIFETIME_SECONDS)
        return name

    def find(self, name: str) -> Session | None:
        """Return the session of this name, as long as it lasts."""
        entry = self._entries.get(_key(name))
        if entry is None or entry.ends_at <= self._clock():
            return None
        scope = self._tokens().scope_of(entry.digest)
        return Session(scope, entry.form_key) if scope else None

    def close(self, name: str) -> None:
        """End a session."""
        self._entries.pop(_key(name), None)


def _key(name: str) -> bytes:
    """Return what a name is looked up by: the time that takes tells nothing about the name."""
    return hashlib.sha256(name.encode(errors="surrogatepass")).digest()
