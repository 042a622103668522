"""What the daemon tells of itself to those who watch it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """How the daemon is.

    Attributes:
        stuck: The stage that stands still; None while all move.
        is_writable: Whether the store took the last write.
        is_listening: Whether all listeners are open.
        sinks: How many sinks there are.
        failing_sinks: How many of them failed at the last attempt.
    """

    stuck: str | None = None
    is_writable: bool = True
    is_listening: bool = False
    sinks: int = 0
    failing_sinks: int = 0
