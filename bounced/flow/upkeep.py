"""Do what time asks for: keep our leases, forget what is old."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from bounced import log
from bounced.errors import StoreError
from bounced.store import Store

_log = log.get("store")

_PURGE_SECONDS = 3600.0


async def run(store: Store, *, lease_seconds: float, keep: timedelta, clock: Callable[[], datetime]) -> None:
    """Work until cancelled.

    Args:
        store: What is kept up.
        lease_seconds: How long a lease lasts; all of ours are renewed three times in this.
        keep: How long finished messages are kept.
        clock: The time, in UTC.
    """
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_renew(store, lease_seconds / 3))
        tasks.create_task(_purge(store, keep, clock))


async def _renew(store: Store, pause_seconds: float) -> None:
    while True:
        await asyncio.sleep(pause_seconds)
        try:
            await store.renew_own()
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
