"""Answer people: the dashboard, made on the server, without scripts and without anything from elsewhere."""

from collections.abc import Callable
from datetime import datetime

from aiohttp import web

from bounced.admin.access import LOGIN, wants_page
from bounced.admin.pages.deliveries import Deliveries
from bounced.admin.pages.events import Events
from bounced.admin.pages.login import Login
from bounced.admin.pages.overview import Overview
from bounced.admin.pages.recipients import Recipients
from bounced.admin.pages.rendering import STYLE, STYLE_PATH, Renderer
from bounced.admin.pages.unknown import Unknown
from bounced.admin.problem import ProblemError
from bounced.admin.sessions import Sessions
from bounced.classify import Knowledge
from bounced.store import Store

PUBLIC = frozenset({LOGIN, STYLE_PATH})
"""What strangers may ask for: the form to log in, and how it looks."""


class Pages:
    """All pages of the dashboard.

    Args:
        store: What is shown.
        sessions: Who has logged in.
        knowledge: What reasons and providers are called.
        clock: Tells the time.
    """

    def __init__(
        self,
        store: Store,
        sessions: Sessions,
        knowledge: Callable[[], Knowledge],
        clock: Callable[[], datetime],
    ) -> None:
        self._renderer = renderer = Renderer(sessions, knowledge, clock)
        self._parts = (
            Login(renderer, sessions),
            Overview(store, renderer, knowledge, clock),
            Events(store, renderer, sessions, knowledge),
            Recipients(store, renderer, sessions),
            Deliveries(store, renderer, sessions),
            Unknown(store, renderer),
        )

    def routes(self) -> list[web.RouteDef]:
        """Return what is answered where."""
        return [web.get(STYLE_PATH, _send_style), *(route for part in self._parts for route in part.routes())]

    def present_problem(self, request: web.Request, problem: ProblemError) -> web.Response:
        """Return what is wrong, as a page for people and as a problem document for programs."""
        if not wants_page(request):
            return problem.to_response()
        return self._renderer.page(request, "problem.html", status=problem.status, problem=problem)


async def _send_style(_: web.Request) -> web.Response:
    # Its version stands in the query, so that a browser need not ask again.
    return web.Response(
        text=STYLE,
        content_type="text/css",
        charset="utf-8",
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )
