"""Hold a bounded part of the store's work in memory."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from bounced import log
from bounced.errors import StoreError

_log = log.get("store")
_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 15.0


class Window:
    """Counts what is in memory, and knows whether something had to be left in the store.

    Args:
        max_items: How much may be in memory.
        max_bytes: How large all of it may be; one item is always let in.
    """

    def __init__(self, max_items: int, max_bytes: int) -> None:
        self._max_items, self._max_bytes = max_items, max_bytes
        self._items = self._bytes = 0
        self._left_behind = asyncio.Event()
        self._was_left_behind = False
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def is_left_behind(self) -> bool:
        """Whether something that is due may be in the store only."""
        return self._left_behind.is_set() or self._was_left_behind

    def reserve(self, size: int = 0) -> bool:
        """Take a place for one item of `size` octets; False where it has to stay in the store."""
        if self._items >= self._max_items or (self._items and self._bytes + size > self._max_bytes):
            self._left_behind.set()
            return False
        self.add(size)
        return True

    def add(self, size: int = 0) -> None:
        """Count one item that is here already."""
        self._items += 1
        self._bytes += size
        self._empty.clear()

    def release(self, size: int = 0) -> None:
        """Give back the place of one item."""
        self._items -= 1
        self._bytes -= size
        if not self._items:
            self._empty.set()

    async def until_empty(self) -> None:
        """Wait until nothing is in memory."""
        await self._empty.wait()

    async def keep_filled(self, claim: Callable[[int], Awaitable[int]], *, poll_seconds: float) -> None:
        """Claim from the store whenever there is room, without end.

        The store is asked at the start, when something was left behind, and
        every `poll_seconds` for what has become due or came from elsewhere.

        Args:
            claim: Leases up to the given number of items, adds them here and returns how many.
            poll_seconds: How long to wait where the store had nothing.
        """
        while True:
            taken = await self._fill(claim)
            if not taken:
                await self._pause(poll_seconds)

    async def _fill(self, claim: Callable[[int], Awaitable[int]]) -> int:
        """Claim once if there is room; return how much came."""
        room = self._max_items - self._items
        if room <= 0 or self._bytes >= self._max_bytes:
            return 0
        self._was_left_behind = self._left_behind.is_set()  # until the claim tells
        self._left_behind.clear()
        try:
            taken = await claim(room)
        except StoreError:
            return 0  # the store has said so, and is asked again
        finally:
            self._was_left_behind = False
        if taken == room:
            self._left_behind.set()
        return taken

    async def _pause(self, poll_seconds: float) -> None:
        """Wait for the poll, or until the memory has been worked off while more is waiting."""
        try:
            async with asyncio.timeout(poll_seconds):
                await self._left_behind.wait()
                await self._empty.wait()
        except TimeoutError:
            pass


async def store_all(
    write: Callable[[Sequence[_Item]], Awaitable[Sequence[_Answer | StoreError]]],
    items: Sequence[_Item],
    then: Callable[[_Item, _Answer], None],
) -> None:
    """Repeat `write` until the store takes all: what is done must not be forgotten because a disk is full.

    Args:
        write: Writes items, and returns for each the answer or why the store refused it.
        items: What is to be written.
        then: Told of each item that is stored, without waiting for those that are not.
    """
    pause = _FIRST_PAUSE_SECONDS
    while True:
        refused: list[_Item] = []
        for item, answer in zip(items, await write(items), strict=True):
            if isinstance(answer, StoreError):
                refused.append(item)
                _log.warning("store_refused", error=str(answer), retry_seconds=pause)
            else:
                then(item, answer)
        if not refused:
            return
        items = refused
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
