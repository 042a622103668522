"""How much there was of what, and what is wrong now: ``/api/v1/stats``, ``status`` and ``unknown``."""

import asyncio
import json
from collections.abc import Callable
from datetime import datetime, timedelta

from aiohttp import web

from bounced.admin.answers import write_time
from bounced.admin.describing import describe_backlog, describe_sink, describe_spike
from bounced.admin.problem import bad_request
from bounced.admin.query import read_query, read_since
from bounced.admin.series import Step, read_series, read_spikes
from bounced.classify.unknown import group_unknown
from bounced.store import Archive, Store
from bounced.tallies import Dimension

_ROOT = "/api/v1"
_MAX_STEPS = 1000
_REPORTS = 5000
_MAX_GROUPS = 100

Group = tuple[tuple[str | None, str], tuple[int, str]]


class Stats:
    """The routes that ask for numbers."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store, self._clock = store, clock

    def routes(self) -> list[web.RouteDef]:
        """Return what is answered where."""
        return [
            web.get(_ROOT + "/stats", self._stats),
            web.get(_ROOT + "/status", self._status),
            web.get(_ROOT + "/unknown", self._unknown),
        ]

    async def _stats(self, request: web.Request) -> web.Response:
        query = read_query(request, "by", "step", "since", "until")
        dimension, step = _read_dimension(query.get("by", Dimension.TYPE)), _read_step(query.get("step", Step.HOUR))
        now = self._clock()
        until = read_since(query["until"], "until") if "until" in query else now
        since = read_since(query["since"]) if "since" in query else until - timedelta(days=1)
        if not timedelta(0) <= until - since <= _MAX_STEPS * step.length:
            raise bad_request(f"since is before until, by no more than {_MAX_STEPS} steps")
        series = await read_series(self._store.archive, dimension, since=since, until=until, step=step)
        rows = [{"key": row.key, "total": row.total, "counts": list(row.counts)} for row in series.rows]
        times = [write_time(time) for time in series.times]
        return web.json_response({"by": dimension, "step": step, "times": times, "series": rows})

    async def _status(self, request: web.Request) -> web.Response:
        read_query(request)
        archive = self._store.archive
        return web.json_response(
            {
                "backlog": describe_backlog(await self._store.count_backlog()),
                "sinks": [describe_sink(sink) for sink in await archive.list_sinks()],
                "spikes": [describe_spike(spike) for spike in await read_spikes(archive, self._clock())],
                "uncounted": await archive.count_uncounted(),
            }
        )

    async def _unknown(self, request: web.Request) -> web.Response:
        read_query(request)
        groups = [
            {"times": times, "code": code, "pattern": pattern, "example": example}
            for (code, pattern), (times, example) in await read_unknown(self._store.archive)
        ]
        return web.json_response({"groups": groups})


async def read_unknown(archive: Archive) -> list[Group]:
    """Return what no rule knows in the latest reports, the most frequent first."""
    reports = await archive.list_reports(_REPORTS)
    return await asyncio.to_thread(lambda: group_unknown(map(json.loads, reports))[:_MAX_GROUPS])


def _read_dimension(text: str) -> Dimension:
    if text not in set(Dimension):
        raise bad_request(f"by is one of {', '.join(Dimension)}")
    return Dimension(text)


def _read_step(text: str) -> Step:
    if text not in set(Step):
        raise bad_request(f"step is one of {', '.join(Step)}")
    return Step(text)
