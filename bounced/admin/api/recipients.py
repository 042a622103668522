"""Ask and tell what is known of recipients: the JSON API under ``/api/v1/recipients``."""

from collections.abc import AsyncIterator
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from aiohttp import web

from bounced.admin import exporting
from bounced.admin.answers import answer_check, describe, describe_facts, unknown
from bounced.admin.exporting import Filters, Format
from bounced.admin.importing import UnreadableListError, import_list
from bounced.admin.middleware import note_progress
from bounced.admin.problem import ProblemError, bad_request
from bounced.admin.query import (
    read_cursor,
    read_flag,
    read_json,
    read_limit,
    read_path_address,
    read_query,
    read_since,
    write_cursor,
)
from bounced.escalate import State
from bounced.store import Store

_ROOT = "/api/v1/recipients"
# An address has an @, a pseudonym a colon; whatever has neither is no recipient, but may be one of our own words.
_ONE = _ROOT + "/{address:[^/]*(?:[@:]|%40|%3[Aa])[^/]*}"
_BY = "api"
_FILTERS = ("state", "reason", "since", "contains")
_MAX_CHECKED = _MAX_PAGE = 1000
_MAX_IMPORT_BYTES = 256 * 1024 * 1024


class Recipients:
    """The routes that ask and tell the store of recipients."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[web.RouteDef]:
        """Return what is answered where."""
        return [
            web.post(_ROOT + "/check", self._check),
            web.get(_ROOT + "/export", self._export, allow_head=False),
            web.post(_ROOT + "/import", self._import),
            web.get(_ROOT, self._list),
            web.get(_ONE, self._show),
            web.delete(_ONE, self._clear),
        ]

    async def _show(self, request: web.Request) -> web.Response:
        """Say all that is known of one recipient; one that nothing is known of is active."""
        read_query(request)
        address = read_path_address(request)
        found = await self._store.recipients.fetch(address) or unknown(address)
        return web.json_response(describe(found) | {"address": address, "facts": describe_facts(found)})

    async def _check(self, request: web.Request) -> web.Response:
        """Say of each address whether to send there, in the order of the question."""
        read_query(request)
        addresses = _read_addresses(await read_json(request))
        return web.json_response({"recipients": await answer_check(self._store, addresses)})

    async def _list(self, request: web.Request) -> web.Response:
        query = read_query(request, *_FILTERS, "cursor", "limit")
        limit = read_limit(query.get("limit", "100"), most=_MAX_PAGE)
        filters = _read_filters(query)
        cursor = read_cursor(query["cursor"]) if "cursor" in query else None
        page, following = await self._store.recipients.list(**filters, cursor=cursor, limit=limit)
        return web.json_response({"recipients": [describe(each) for each in page], "next": write_cursor(following)})

    async def _clear(self, request: web.Request) -> web.Response:
        """Make a recipient active again, or forget everything of him."""
        query = read_query(request, "erase", "note")
        address = read_path_address(request)
        if read_flag(query.get("erase", "false")):
            return web.json_response({"address": address, "erased": await self._store.recipients.erase(address)})
        is_cleared = await self._store.recipients.clear(address, by=_BY, note=query.get("note"))
        return web.json_response({"address": address, "cleared": is_cleared})

    async def _export(self, request: web.Request) -> web.StreamResponse:
        query = read_query(request, *_FILTERS, "format")
        try:
            format_ = Format(query.get("format", "csv"))
        except ValueError:
            raise bad_request("format is csv or jsonl") from None
        pages = exporting.read_pages(self._store, _read_filters(query))
        response = web.StreamResponse(headers={"Content-Disposition": f'attachment; filename="recipients.{format_}"'})
        response.content_type = "text/csv" if format_ is Format.CSV else "application/jsonl"
        response.charset = "utf-8"
        first = await anext(pages)  # what fails here can still be said
        await response.prepare(request)
        await response.write((exporting.header(format_) + exporting.write(first, format_)).encode())
        async for page in pages:
            await response.write(exporting.write(page, format_).encode())
            note_progress()
        await response.write_eof()
        return response

    async def _import(self, request: web.Request) -> web.Response:
        read_query(request)
        try:
            result = await import_list(_read_chunks(request), self._store, by=_BY)
        except UnreadableListError as error:
            raise bad_request(str(error)) from None
        return web.json_response(asdict(result))


def _read_addresses(body: Any) -> list[str]:
    """Return what the body of a check asks for."""
    addresses = body.get("addresses") if isinstance(body, dict) else None
    if not isinstance(addresses, list) or not all(isinstance(each, str) for each in addresses):
        raise bad_request('the body is {"addresses": ["…", …]}')
    if len(addresses) > _MAX_CHECKED:
        raise ProblemError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"no more than {_MAX_CHECKED} addresses can be checked in one call"
        )
    return addresses


def _read_filters(query: dict[str, str]) -> Filters:
    state = query.get("state")
    if state is not None and state not in set(State):
        raise bad_request(f"state is one of {', '.join(State)}")
    since = query.get("since")
    return Filters(
        state=None if state is None else State(state),
        reason=query.get("reason"),
        since=None if since is None else read_since(since),
        contains=query.get("contains"),
    )


async def _read_chunks(request: web.Request) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in request.content.iter_any():
        note_progress()
        size += len(chunk)
        if size > _MAX_IMPORT_BYTES:
            raise ProblemError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"a list may have {_MAX_IMPORT_BYTES} octets; what came before is imported, send the rest",
            )
        yield chunk
