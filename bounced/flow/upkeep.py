"""Do what time asks for: keep our leases, count what was told, forgive and forget what is old."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from bounced import log
from bounced.errors import StoreError
from bounced.store import Horizon, Store
from bounced.store.counting import Summarize

_log = log.get("store")

_FORGET_SECONDS = 3600.0
_COUNT_SECONDS = 5.0
_BETWEEN_COUNTS_SECONDS = 0.05


Held = Callable[[], tuple[Collection[str], Mapping[str, Collection[str]]]]
"""Tells what is in memory: ids of messages, and for each sink the ids of events."""


async def run(
    store: Store,
    *,
    held: Held,
    lease_seconds: float,
    horizon: Callable[[datetime], Horizon],
    summarize: Summarize,
    clock: Callable[[], datetime],
) -> None:
    """Work until cancelled.

    Args:
        store: What is kept up.
        held: What this process works on; the leases of that are renewed.
        lease_seconds: How long a lease lasts; it is renewed three times in this.
        horizon: Tells, given the time, before when finished work is forgotten.
        summarize: Tells what of an event is counted.
        clock: The time, in UTC.
    """
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_renew(store, held, lease_seconds / 3))
        tasks.create_task(_count(store, summarize))
        tasks.create_task(_forget(store, horizon, clock))


async def _renew(store: Store, held: Held, pause_seconds: float) -> None:
    while True:
        try:
            await store.renew(*held())
        except StoreError as error:
            _log.warning("leases_not_renewed", error=str(error))
        await asyncio.sleep(pause_seconds)


async def _count(store: Store, summarize: Summarize) -> None:
    while True:
        try:
            is_more = await store.count_events(summarize)
        except StoreError as error:
            _log.warning("events_not_counted", error=str(error), consequence="charts and search lag behind")
            is_more = False
        # A great backlog, as after an upgrade, must not crowd out the mail.
        await asyncio.sleep(_BETWEEN_COUNTS_SECONDS if is_more else _COUNT_SECONDS)


async def _forget(store: Store, horizon: Callable[[datetime], Horizon], clock: Callable[[], datetime]) -> None:
    while True:
        try:
            before = horizon(clock())
            purged = await store.purge(before)
            purged["tallies"] = await store.forget_tallies(before.events)
            decayed, shrunk = await store.recipients.decay(), await store.shrink()
        except StoreError as error:
            _log.warning("not_forgotten", error=str(error), consequence="tried again in an hour")
        else:
            if any((*purged.values(), decayed, shrunk)):
                _log.info("forgotten", **purged, decayed_recipients=decayed, freed_pages=shrunk)
        await asyncio.sleep(_FORGET_SECONDS)
