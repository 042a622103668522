"""Events on their way to sinks, and dead letters."""

from aiohttp import web

from bounced.admin.filters import read_delivery_state, read_position, write_position
from bounced.admin.pages.forms import lead_to, read_form
from bounced.admin.pages.rendering import Renderer, write_query
from bounced.admin.problem import bad_request
from bounced.admin.query import read_cursor, read_query, write_cursor
from bounced.admin.sessions import Sessions
from bounced.store import DeliveryState, Store

_ON_A_PAGE = 50


class Deliveries:
    """The page about deliveries."""

    def __init__(self, store: Store, renderer: Renderer, sessions: Sessions) -> None:
        self._store, self._renderer, self._sessions = store, renderer, sessions

    def routes(self) -> list[web.RouteDef]:
        """Return what is answered where."""
        return [web.get("/deliveries", self._list), web.post("/deliveries/retry", self._retry)]

    async def _list(self, request: web.Request) -> web.Response:
        query = read_query(request, "state", "sink", "cursor", "done")
        state = read_delivery_state({"state": query.get("state", DeliveryState.DEAD)})
        sink = query.get("sink") or None
        page, following = await self._store.archive.list_deliveries(
            state=state,
            sink=sink,
            after=read_position(read_cursor(query["cursor"])) if "cursor" in query else None,
            limit=_ON_A_PAGE,
        )
        backlog = await self._store.count_backlog()
        return self._renderer.page(
            request,
            "deliveries.html",
            deliveries=page,
            backlog=backlog,
            sinks=await self._store.archive.list_sinks(),
            names=sorted({*backlog.pending, *backlog.dead, *([sink] if sink else [])}),
            states=list(DeliveryState),
            state=state,
            sink=sink or "",
            following=write_cursor(write_position(following)),
            done=query.get("done"),
        )

    async def _retry(self, request: web.Request) -> web.Response:
        """Bring back one dead delivery, or all to a sink."""
        fields = await read_form(request, self._sessions)
        sink, event = fields.get("sink"), fields.get("event")
        if not sink:
            raise bad_request("the form names no sink")
        await self._store.retry_deliveries(sink=sink, ids=[event] if event else None)
        return lead_to("/deliveries" + write_query({"sink": sink, "done": "retried"}))
