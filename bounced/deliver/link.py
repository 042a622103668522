"""One connection, made when it is needed.

Knows when to connect and when to wait; knows no protocol.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Connection = TypeVar("Connection")

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 5.0
_CLOSE_SECONDS = 2.0


class Link(Generic[Connection]):
    """A connection that is made at the first use, and made again after it was dropped.

    After a failure the next attempt waits, twice as long each time, for all
    that want the connection together. What `connect` raises is raised to the
    one that asked.

    Args:
        connect: Makes a connection.
        disconnect: Ends one; it is given little time and must not raise.
    """

    def __init__(
        self, connect: Callable[[], Awaitable[Connection]], disconnect: Callable[[Connection], Awaitable[None]]
    ) -> None:
        self._connect, self._disconnect = connect, disconnect
        self._connection: Connection | None = None
        self._lock = asyncio.Lock()
        self._pause_seconds = 0.0
        self._not_before = 0.0

    async def get(self) -> Connection:
        """Return the connection; to bound the time is the caller's part."""
        async with self._lock:
            if self._connection is None:
                self._connection = await self._make()
            return self._connection

    async def drop(self, connection: Connection) -> None:
        """Give up a connection that broke; one that was given up already is left alone."""
        if connection is self._connection:
            self._connection = None
            await self._end(connection)

    async def close(self) -> None:
        """End the connection where there is one."""
        if self._connection is not None:
            await self.drop(self._connection)

    async def _make(self) -> Connection:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._not_before - loop.time())
        is_made = False
        try:
            connection = await self._connect()
            is_made = True
        finally:  # a connection that takes so long that its user gives up has failed, too
            longer = min(max(self._pause_seconds * 2, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
            self._pause_seconds = 0.0 if is_made else longer
            self._not_before = loop.time() + self._pause_seconds
        return connection

    async def _end(self, connection: Connection) -> None:
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._disconnect(connection)
        except TimeoutError:
            return
