"""Events on their way to sinks, and those that never arrived: ``/api/v1/deliveries``."""

from datetime import datetime
from typing import Any

from aiohttp import web

from bounced.admin.describing import describe_delivery
from bounced.admin.filters import DELIVERY_FILTERS, read_delivery_state, read_position, write_position
from bounced.admin.problem import bad_request
from bounced.admin.query import read_cursor, read_json, read_limit, read_query, read_since, write_cursor
from bounced.store import Store

_ROOT = "/api/v1/deliveries"
_MAX_PAGE = _MAX_IDS = 1000


class Deliveries:
    """The routes that ask for deliveries and bring dead ones back."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[web.RouteDef]:
        """Return what is answered where."""
        return [web.get(_ROOT, self._list), web.post(_ROOT + "/retry", self._retry)]

    async def _list(self, request: web.Request) -> web.Response:
        query = read_query(request, *DELIVERY_FILTERS, "cursor", "limit")
        page, following = await self._store.archive.list_deliveries(
            event_ids=[query["event"]] if "event" in query else None,
            state=read_delivery_state(query),
            sink=query.get("sink"),
            since=read_since(query["since"]) if "since" in query else None,
            after=read_position(read_cursor(query["cursor"])) if "cursor" in query else None,
            limit=read_limit(query.get("limit", "100"), most=_MAX_PAGE),
        )
        return web.json_response(
            {"deliveries": list(map(describe_delivery, page)), "next": write_cursor(write_position(following))}
        )

    async def _retry(self, request: web.Request) -> web.Response:
        """Bring dead deliveries back: those of some events, to one sink, since some time, or all."""
        read_query(request)
        ids, sink, since = _read_choice(await read_json(request))
        return web.json_response({"retried": await self._store.retry_deliveries(ids=ids, sink=sink, since=since)})


def _read_choice(body: Any) -> tuple[list[str] | None, str | None, datetime | None]:
    if not isinstance(body, dict) or not body or body.keys() - {"events", "sink", "since", "all"}:
        raise bad_request('say which in the body: "events", "sink" and "since" together, or "all": true')
    ids, sink, since = body.get("events"), body.get("sink"), body.get("since")
    if ids is not None and not (isinstance(ids, list) and all(isinstance(each, str) for each in ids)):
        raise bad_request("events is a list of ids")
    if ids is not None and len(ids) > _MAX_IDS:
        raise bad_request(f"no more than {_MAX_IDS} events can be named in one call")
    if not all(value is None or isinstance(value, str) for value in (sink, since)):
        raise bad_request("sink and since are texts")
    if ids is sink is since is None and body.get("all") is not True:
        raise bad_request('to bring all back say "all": true')
    return ids, sink, None if since is None else read_since(since)
