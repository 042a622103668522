"""What came back: ``/api/v1/messages``."""

from http import HTTPStatus

from aiohttp import web

from bounced.admin.describing import describe_message
from bounced.admin.problem import ProblemError
from bounced.admin.query import read_query
from bounced.store import Store

_ROOT = "/api/v1/messages/{id}"


class Messages:
    """The routes that ask for messages."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[web.RouteDef]:
        """Return what is answered where."""
        return [web.get(_ROOT, self._show), web.get(_ROOT + "/source", self._source)]

    async def _show(self, request: web.Request) -> web.Response:
        read_query(request)
        message = await self._store.archive.fetch_message(request.match_info["id"])
        if message is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, "there is no such message")
        return web.json_response(describe_message(message))

    async def _source(self, request: web.Request) -> web.Response:
        read_query(request)
        return await send_source(self._store, request.match_info["id"])


async def send_source(store: Store, message_id: str) -> web.Response:
    """Return the octets of a message as a file, because nothing in them is to be shown as it wants.

    Raises:
        ProblemError: They are not kept, or never were.
    """
    message = await store.fetch_message(message_id)
    if message is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "there is no such message, or its source is not kept any more")
    return web.Response(
        body=message.raw,
        content_type="message/rfc822",
        headers={"Content-Disposition": f'attachment; filename="{message.id}.eml"'},
    )
