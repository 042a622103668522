"""The contract of every sink.

A sink lives from ``open`` to ``close``, once. New settings make a new sink:
it is opened and fed while the old one finishes what it was given.
"""

from collections.abc import Sequence
from typing import Protocol

from bounced.model import Event, SendResult


class Sink(Protocol):
    """A place where events go; it says how it wants to be fed."""

    @property
    def name(self) -> str:
        """What the operator calls it; deliveries are stored under this name."""

    @property
    def batch_size(self) -> int:
        """How many events one ``send`` takes at most."""

    @property
    def concurrency(self) -> int:
        """How many ``send`` may run at the same time."""

    async def open(self) -> None:
        """Get ready inside the running loop.

        The other side need not be there: a daemon whose broker is down starts
        and keeps its events; it is the sends that fail.
        """

    async def send(self, events: Sequence[Event]) -> Sequence[SendResult]:
        """Hand over one to ``batch_size`` events and wait for the answer, in bounded time.

        ``Delivered`` means that the other side has the event for good. In every
        doubt the result is a ``Failed`` that can be retried: the other side may
        get an event twice, and knows it by its id. What the outside does never
        raises; an exception is a bug, which the caller logs and retries.

        A send may be cancelled; nothing is known of its events then.

        Returns:
            One result for each event, in the same order.
        """

    async def close(self) -> None:
        """Let go of everything; closing again, or what was never opened, does nothing."""
