"""Who gets no more mail, and why; and to clear them."""

from urllib.parse import quote, unquote

from aiohttp import web

from bounced.admin.address import is_name
from bounced.admin.answers import may_send, unknown
from bounced.admin.pages.forms import lead_to, read_form
from bounced.admin.pages.rendering import Renderer
from bounced.admin.pages.rows import describe_row
from bounced.admin.problem import bad_request
from bounced.admin.query import read_cursor, read_query, write_cursor
from bounced.admin.sessions import Sessions
from bounced.escalate import State
from bounced.store import EventFilters, Store

_ON_A_PAGE = 50
_MOST_RELATED = 20
_BY = "dashboard"
_ONE = "/recipients/{address}"


class Recipients:
    """The pages about recipients."""

    def __init__(self, store: Store, renderer: Renderer, sessions: Sessions) -> None:
        self._store, self._renderer, self._sessions = store, renderer, sessions

    def routes(self) -> list[web.RouteDef]:
        """Return what is answered where."""
        return [
            web.get("/recipients", self._list),
            web.get(_ONE, self._show),
            web.post(_ONE + "/clear", self._clear),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        query = read_query(request, "state", "contains", "cursor", "done")
        state = query.get("state", State.SUPPRESSED)
        if state and state not in set(State):
            raise bad_request(f"state is one of {', '.join(State)}")
        page, following = await self._store.recipients.list(
            state=State(state) if state else None,
            contains=query.get("contains") or None,
            cursor=read_cursor(query["cursor"]) if "cursor" in query else None,
            limit=_ON_A_PAGE,
        )
        return self._renderer.page(
            request,
            "recipients.html",
            recipients=page,
            states=list(State),
            state=state,
            contains=query.get("contains", ""),
            following=write_cursor(following),
            done=query.get("done"),
        )

    async def _show(self, request: web.Request) -> web.Response:
        done = read_query(request, "done").get("done")
        address = _read_address(request.rel_url.raw_path.split("/")[2])
        recipient = await self._store.recipients.fetch(address) or unknown(address)
        events, _ = await self._store.archive.list_events(EventFilters(about=address), limit=_MOST_RELATED)
        return self._renderer.page(
            request,
            "recipient.html",
            recipient=recipient,
            sends=may_send(recipient.state),
            rows=[describe_row(stored) for stored in events],
            done=done,
        )

    async def _clear(self, request: web.Request) -> web.Response:
        fields = await read_form(request, self._sessions)
        address = _read_address(request.rel_url.raw_path.split("/")[2])
        await self._store.recipients.clear(address, by=_BY, note=fields.get("note") or None)
        return lead_to(f"/recipients/{quote(address, safe='')}?done=cleared")


def _read_address(segment: str) -> str:
    """Return the address in a part of the path, percent-decoded exactly once.

    Raises:
        ProblemError: It is none.
    """
    address = unquote(segment, errors="replace")
    if not is_name(address):
        raise bad_request("the path holds no address")
    return address
