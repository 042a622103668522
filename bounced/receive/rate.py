"""How often each client does something within a minute."""

_MINUTE = 60


class Rate:
    """Counts by client, from the beginning of a minute to its end.

    The memory is bounded: when there are too many clients to remember, a new
    minute begins for all of them.

    Args:
        most: How often one client may within a minute.
        max_clients: How many clients are remembered.
    """

    def __init__(self, most: int, *, max_clients: int = 65_536) -> None:
        self._most, self._max_clients = most, max_clients
        self._counts: dict[bytes, int] = {}
        self._ends_at = 0.0

    def allows(self, client: bytes, now: float) -> bool:
        """Count once more for `client`, and return whether that is allowed.

        Args:
            client: Who it is.
            now: Seconds of a clock that never goes back.
        """
        if now >= self._ends_at or len(self._counts) >= self._max_clients:
            self._counts.clear()
            self._ends_at = now + _MINUTE
        count = self._counts[client] = self._counts.get(client, 0) + 1
        return count <= self._most
