"""How long a client is waited for.

Three deadlines run at once: for silence, for a message that comes drop by
drop, and for the session as a whole, so that no way of talking holds a
connection for ever.
"""

from dataclasses import dataclass
from typing import NamedTuple

from bounced.receive.limits import Limits


class Deadline(NamedTuple):
    """When patience ends, in seconds of the caller's clock, and what is said then."""

    at: float
    reply: str


@dataclass(slots=True)
class Patience:
    """What was heard of one client and when.

    Attributes:
        limits: How long to wait.
        began: When the session began, in seconds of a clock that never goes back.
        heard: When the client said anything last.
        octets: How many octets it has sent.
        message_began: When it began to send a message; None while it sends none.
    """

    limits: Limits
    began: float
    heard: float
    octets: int = 0
    message_began: float | None = None
    _octets_before: int = 0

    def hear(self, octets: int, now: float) -> None:
        """Note that the client has sent something."""
        self.octets += octets
        self.heard = now

    def begin_message(self, now: float) -> None:
        """Measure from now on how fast the octets come."""
        self.message_began, self._octets_before = now, self.octets

    def end_message(self, now: float) -> None:
        """Stop measuring; the time that we needed for the message is not the client's silence."""
        self.message_began, self.heard = None, now

    @property
    def deadline(self) -> Deadline:
        """The next moment at which something would have to be said, if the client does nothing until then."""
        limits = self.limits
        nearest = min(
            Deadline(self.heard + limits.idle_seconds, "421 4.4.2 Timeout, closing connection"),
            Deadline(self.began + limits.session_seconds, "421 4.4.2 Session too long, closing connection"),
        )
        if self.message_began is None:
            return nearest
        paid_seconds = (self.octets - self._octets_before) / limits.data_bytes_per_second
        due = self.message_began + limits.idle_seconds + paid_seconds
        return min(nearest, Deadline(due, "421 4.4.2 Message too slow, closing connection"))
