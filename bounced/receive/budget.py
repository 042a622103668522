"""The memory that all messages on their way in share.

When it runs out, the message that holds most gives up what it has and is
answered 452: those who hold much cannot keep out those who need little, and
nobody waits for anybody.
"""

from typing import Self


class Share:
    """What is kept of one message, as a context that gives the memory back.

    Args:
        budget: Whose memory it is.
    """

    __slots__ = ("_budget", "_held", "is_revoked", "octets")

    def __init__(self, budget: "Budget") -> None:
        self._budget = budget
        self._held = 0
        self.octets = bytearray()
        self.is_revoked = False

    def keep(self, octets: bytes) -> None:
        """Keep some more, if there is memory for it; otherwise nothing of the message is kept any more."""
        if not self.is_revoked and self._budget.take(self, len(octets)):
            self._held += len(octets)
            self.octets += octets

    def drop(self) -> None:
        """Forget what is kept."""
        self._budget.free += self._held
        self._held = 0
        self.octets = bytearray()  # another one: whoever looks at the old one still may

    def revoke(self) -> None:
        """Forget what is kept, and keep nothing more."""
        self.drop()
        self.is_revoked = True
        self._budget.growing.discard(self)

    @property
    def held(self) -> int:
        """How much of the memory is taken."""
        return self._held

    def detach(self) -> bytes:
        """Return what is kept; from now on it counts, and cannot be revoked."""
        self._budget.growing.discard(self)
        octets, self.octets = bytes(self.octets), bytearray()
        return octets

    def __enter__(self) -> Self:
        self._budget.growing.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._budget.growing.discard(self)
        self.drop()


class Budget:
    """A number of octets, and who holds them.

    Attributes:
        free: What is left.
        growing: The messages that are still coming.

    Args:
        max_bytes: How much there is.
    """

    def __init__(self, max_bytes: int) -> None:
        self.free = max_bytes
        self.growing: set[Share] = set()

    def take(self, share: Share, count: int) -> bool:
        """Take `count` octets for `share`; False where it is itself the largest, and was revoked."""
        while count > self.free:
            largest = max(self.growing, key=lambda each: each.held + (count if each is share else 0), default=share)
            largest.revoke()
            if largest is share:
                return False
        self.free -= count
        return True
