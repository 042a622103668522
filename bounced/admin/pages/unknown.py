"""What servers say and no rule knows."""

from aiohttp import web

from bounced.admin.api.stats import read_unknown
from bounced.admin.pages.rendering import Renderer
from bounced.admin.query import read_query
from bounced.store import Store


class Unknown:
    """The page about diagnostics that no rule knows."""

    def __init__(self, store: Store, renderer: Renderer) -> None:
        self._store, self._renderer = store, renderer

    def routes(self) -> list[web.RouteDef]:
        """Return what is answered where."""
        return [web.get("/unknown", self._list)]

    async def _list(self, request: web.Request) -> web.Response:
        read_query(request)
        return self._renderer.page(request, "unknown.html", groups=await read_unknown(self._store.archive))
