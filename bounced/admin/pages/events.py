"""Lists of events, the search, and the page of one event with its ground."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from aiohttp import web

from bounced.admin.address import is_name
from bounced.admin.api.messages import send_source
from bounced.admin.describing import describe_event
from bounced.admin.filters import EVENT_FILTERS, read_event_filters, read_position, write_position
from bounced.admin.highlight import mark, show_decoded, show_source
from bounced.admin.pages.forms import lead_to, read_form
from bounced.admin.pages.rendering import Renderer
from bounced.admin.pages.rows import describe_row
from bounced.admin.problem import ProblemError
from bounced.admin.query import read_cursor, read_query, write_cursor
from bounced.admin.sessions import Sessions
from bounced.classify import Knowledge
from bounced.store import EventFilters, Store, StoredEvent, StoredRecipient

_ON_A_PAGE = 50
_MOST_RELATED = 10


class Events:
    """The pages about what was told."""

    def __init__(
        self, store: Store, renderer: Renderer, sessions: Sessions, knowledge: Callable[[], Knowledge]
    ) -> None:
        self._store, self._renderer, self._sessions, self._knowledge = store, renderer, sessions, knowledge

    def routes(self) -> list[web.RouteDef]:
        """Return what is answered where."""
        return [
            web.get("/events", self._list),
            web.get("/search", self._search),
            web.get("/events/{id}", self._show),
            web.post("/events/{id}/retry", self._retry),
            web.get("/messages/{id}/source", self._source),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        query = {name: value for name, value in read_query(request, *EVENT_FILTERS, "cursor").items() if value}
        page, following = await self._store.archive.list_events(
            read_event_filters(query),
            after=read_position(read_cursor(query["cursor"])) if "cursor" in query else None,
            limit=_ON_A_PAGE,
        )
        return self._renderer.page(
            request,
            "events.html",
            rows=[describe_row(stored) for stored in page],
            filters={name: query.get(name, "") for name in EVENT_FILTERS},
            reasons=list(self._knowledge().tables.reasons),
            providers=self._knowledge().rules.providers,
            following=write_cursor(write_position(following)),
        )

    async def _search(self, request: web.Request) -> web.Response:
        """Find what somebody asks for: an event or message by its id, else a recipient, Message-ID or return path."""
        asked = read_query(request, "q").get("q", "").strip()
        if asked.startswith("evt_") and await self._store.fetch_event(asked):
            return lead_to(f"/events/{quote(asked, safe='')}")
        filters = EventFilters(message_id=asked) if asked.startswith("msg_") else EventFilters(about=asked)
        page = (await self._store.archive.list_events(filters, limit=_ON_A_PAGE))[0] if asked else []
        return self._renderer.page(
            request,
            "search.html",
            rows=[describe_row(stored) for stored in page],
            recipients=await self._find_recipients(asked) if asked else [],
        )

    async def _find_recipients(self, asked: str) -> list[StoredRecipient]:
        known = await self._store.recipients.fetch(asked) if is_name(asked) else None
        if known:
            return [known]
        return (await self._store.recipients.list(contains=asked, limit=_MOST_RELATED))[0]

    async def _show(self, request: web.Request) -> web.Response:
        done = read_query(request, "done").get("done")
        stored = await self._fetch(request)
        document = describe_event(stored)
        data = document.get("data") or {}
        evidence = (data.get("why") or {}).get("evidence")
        archive = self._store.archive
        recipient = data.get("recipient")
        others, _ = await archive.list_events(EventFilters(message_id=stored.message_id), limit=_MOST_RELATED)
        deliveries, _ = await archive.list_deliveries(event_ids=[stored.event.id])
        reason = self._knowledge().tables.reasons.get(data.get("reason") or "")
        return self._renderer.page(
            request,
            "event.html",
            event=stored,
            data=data,
            reason_text=reason.label if reason else None,
            diagnostic=mark(data.get("diagnostic") or "", evidence),
            recipient=await self._store.recipients.fetch(recipient) if recipient and is_name(recipient) else None,
            others=[describe_row(each) for each in others if each.event.id != stored.event.id],
            deliveries=deliveries,
            done=done,
            **await self._read_source(stored.message_id, evidence),
        )

    async def _read_source(self, message_id: str, evidence: str | None) -> dict[str, Any]:
        message = await self._store.fetch_message(message_id)
        if message is None:
            return {"source": None, "is_cut": False, "decoded": []}
        source, is_cut = show_source(message.raw, evidence)
        is_marked = any(marked for _, marked in source)
        decoded = [] if is_marked or not evidence else show_decoded(message.raw, evidence)
        return {"source": source, "is_cut": is_cut, "decoded": decoded}

    async def _retry(self, request: web.Request) -> web.Response:
        fields = await read_form(request, self._sessions)
        stored = await self._fetch(request)
        await self._store.retry_deliveries(ids=[stored.event.id], sink=fields.get("sink"))
        return lead_to(f"/events/{quote(stored.event.id, safe='')}?done=retried#deliveries")

    async def _source(self, request: web.Request) -> web.Response:
        read_query(request)
        return await send_source(self._store, request.match_info["id"])

    async def _fetch(self, request: web.Request) -> StoredEvent:
        stored = await self._store.fetch_event(request.match_info["id"])
        if stored is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, "there is no such event; it may be older than events are kept")
        return stored
