"""What we tell, and how the telling went."""

from dataclasses import dataclass

from bounced.model.ids import identifier
from bounced.model.sets import EventType


@dataclass(frozen=True, slots=True)
class Event:
    """One fact for consumers, complete and final.

    Attributes:
        id: Derived from message, type and recipient, so that a repeat has the same id.
        type: What consumers filter by.
        recipient: Whom it concerns; None where the message names nobody.
        routing_key: The subject on queues.
        document: The CloudEvents JSON on one line, byte for byte what every sink sends.
    """

    id: str
    type: EventType
    recipient: str | None
    routing_key: str
    document: str

    @staticmethod
    def derive_id(message_id: str, type_: EventType, recipient: str | None) -> str:
        """Return the id of the event of `type_` that `message_id` causes for `recipient`."""
        about = (message_id, type_, recipient or "")
        return identifier("evt_", *(part.encode(errors="surrogatepass") for part in about))


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one sink; `attempt` counts from 1."""

    event: Event
    sink: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """The sink has confirmed the event."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The sink did not take the event.

    Attributes:
        error: What happened, in one line without secrets.
        retry_after_seconds: How long the sink asked us to wait, at least.
        is_final: Whether another attempt can never succeed.
        is_gone: Whether the sink asked for nothing more to be sent at all.
    """

    error: str
    retry_after_seconds: float | None = None
    is_final: bool = False
    is_gone: bool = False


SendResult = Delivered | Failed
