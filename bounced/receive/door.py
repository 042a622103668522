"""Who may come in, and how much a client may bring: the limits that sessions share."""

from collections.abc import Iterator
from contextlib import contextmanager

from bounced.receive.limits import Limits
from bounced.receive.networks import Address, client_network
from bounced.receive.rate import Rate
from bounced.receive.replies import RefusedError


class Door:
    """Counts the clients that are in, all together and each of them.

    Args:
        limits: What is allowed.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._inside = 0
        self._by_client: dict[bytes, int] = {}
        self._connections = Rate(limits.connections_per_minute)
        self._messages = Rate(limits.messages_per_minute)

    @contextmanager
    def visit(self, address: Address | None, now: float) -> Iterator[bytes | None]:
        """Let a client in for as long as the context lasts.

        Args:
            address: Where it comes from; None for a unix socket.
            now: Seconds of a clock that never goes back.

        Returns:
            What `begin_message` wants to know; None for those who are trusted.

        Raises:
            RefusedError: It has to stay outside.
        """
        client = None if address is None or address in self._limits.trusted else client_network(address)
        if self._inside >= self._limits.connections:
            raise RefusedError("421 4.7.0 Too many connections, try again later", is_final=True)
        if client is not None:
            self._count_in(client, now)
        self._inside += 1
        try:
            yield client
        finally:
            self._inside -= 1
            if client is not None:
                self._count_out(client)

    def begin_message(self, client: bytes | None, now: float) -> None:
        """Count a message of `client`, which `visit` gave.

        Raises:
            RefusedError: It was one too many within a minute.
        """
        if client is not None and not self._messages.allows(client, now):
            raise RefusedError("450 4.7.0 Too many messages from you, try again later")

    def _count_in(self, client: bytes, now: float) -> None:
        count = self._by_client.get(client, 0)
        if count >= self._limits.connections_per_client:
            raise RefusedError("421 4.7.0 Too many connections from you", is_final=True)
        if not self._connections.allows(client, now):
            raise RefusedError("421 4.7.0 You connect too often, try again later", is_final=True)
        self._by_client[client] = count + 1

    def _count_out(self, client: bytes) -> None:
        count = self._by_client.pop(client) - 1
        if count:
            self._by_client[client] = count
