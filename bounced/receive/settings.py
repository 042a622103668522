"""What every session needs to know; where the values come from is decided elsewhere."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bounced.model import Message
from bounced.receive.limits import DEFAULT_LIMITS, Limits
from bounced.receive.networks import NOWHERE, Networks
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
        limits: How much of everything a client may have.
        proxies: Who tells us by the PROXY protocol for whom it connects, and has to.
    """

    hostname: str
    recipients: Recipients
    max_message_bytes: int = 33_554_432
    keep_bytes: int | None = None
    admits: Callable[[str], bool] | None = None
    tls: Certificate | None = None
    limits: Limits = DEFAULT_LIMITS
    proxies: Networks = NOWHERE
