"""What was told: ``/api/v1/events``."""

from http import HTTPStatus

from aiohttp import web

from bounced.admin.describing import describe_delivery, describe_event
from bounced.admin.filters import EVENT_FILTERS, read_event_filters, read_position, write_position
from bounced.admin.problem import ProblemError
from bounced.admin.query import read_cursor, read_limit, read_query, write_cursor
from bounced.store import Store

_ROOT = "/api/v1/events"
_MAX_PAGE = 1000


class Events:
    """The routes that ask for events."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[web.RouteDef]:
        """Return what is answered where."""
        return [web.get(_ROOT, self._list), web.get(_ROOT + "/{id}", self._show)]

    async def _list(self, request: web.Request) -> web.Response:
        query = read_query(request, *EVENT_FILTERS, "cursor", "limit")
        page, following = await self._store.archive.list_events(
            read_event_filters(query),
            after=read_position(read_cursor(query["cursor"])) if "cursor" in query else None,
            limit=read_limit(query.get("limit", "100"), most=_MAX_PAGE),
        )
        return web.json_response(
            {"events": list(map(describe_event, page)), "next": write_cursor(write_position(following))}
        )

    async def _show(self, request: web.Request) -> web.Response:
        """Return an event as its sinks get it, and how far it has come to each of them."""
        read_query(request)
        event_id = request.match_info["id"]
        stored = await self._store.fetch_event(event_id)
        if stored is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, "there is no such event; it may be older than events are kept")
        deliveries, _ = await self._store.archive.list_deliveries(event_ids=[event_id], limit=_MAX_PAGE)
        return web.json_response(
            {"event": describe_event(stored), "deliveries": list(map(describe_delivery, deliveries))}
        )
