"""What every session needs to know; where the values come from is decided elsewhere."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bounced.model import Message
from bounced.receive.recipients import Recipients
from bounced.receive.tls import Certificate

Accept = Callable[[Message], Awaitable[None]]
"""Returns when the message is on stable storage; StoreFullError means 452, any other exception 451."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the sessions of all endpoints behave.

    Attributes:
        hostname: What we call ourselves in greetings.
        recipients: Whom we take mail for.
        max_message_bytes: The largest message that is accepted (RFC 1870).
        keep_bytes: How much of the beginning of a message is handed on; None is all of it.
        admits: Says of a recipient whom we take mail for whether it is genuine; without it all are.
        tls: What STARTTLS uses; without it STARTTLS is not offered.
        timeout_seconds: How long a client may be silent (RFC 5321 section 4.5.3.2).
        max_recipients: How many recipients one message may have (RFC 5321 asks for at least 100).
    """

    hostname: str
    recipients: Recipients
    max_message_bytes: int = 33_554_432
    keep_bytes: int | None = None
    admits: Callable[[str], bool] | None = None
    tls: Certificate | None = None
    timeout_seconds: float = 300
    max_recipients: int = 1000
