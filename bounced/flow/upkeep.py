"""Do what time asks for: keep our leases, forget what is old."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

from bounced import log
from bounced.errors import StoreError
from bounced.store import Store

_log = log.get("store")

_PURGE_SECONDS = 3600.0


Held = Callable[[], tuple[Collection[str], Mapping[str, Collection[str]]]]
"""Tells what is in memory: ids of messages, and for each sink the ids of events."""


async def run(
    store: Store, *, held: Held, lease_seconds: float, keep: timedelta, clock: Callable[[], datetime]
) -> None:
    """Work until cancelled.

    Args:
        store: What is kept up.
        held: What this process works on; the leases of that are renewed.
        lease_seconds: How long a lease lasts; it is renewed three times in this.
        keep: How long finished messages are kept.
        clock: The time, in UTC.
    """
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_renew(store, held, lease_seconds / 3))
        tasks.create_task(_purge(store, keep, clock))


async def _renew(store: Store, held: Held, pause_seconds: float) -> None:
    while True:
        await asyncio.sleep(pause_seconds)
        try:
            await store.renew(*held())
        except StoreError as error:
            _log.warning("leases_not_renewed", error=str(error))


async def _purge(store: Store, keep: timedelta, clock: Callable[[], datetime]) -> None:
    while True:
        try:
            if purged := await store.purge(clock() - keep):
                _log.info("messages_purged", count=purged)
        except StoreError as error:
            _log.warning("messages_not_purged", error=str(error))
        await asyncio.sleep(_PURGE_SECONDS)
