"""Let in who may ask: programs by a token in every request, people by a session that a token opened."""

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bounced.admin.problem import ProblemError
from bounced.admin.sessions import Session, Sessions
from bounced.admin.tokens import Scope, Tokens

COOKIE = "bounced_session"
LOGIN = "/login"
_API = "/api/"
# These look things up, though they are too long for a query.
_QUESTIONS = frozenset({"/api/v1/recipients/check"})


def require_access(tokens: Callable[[], Tokens], sessions: Sessions, *, public: frozenset[str]) -> Middleware:
    """Return a middleware that lets in who may ask; the `public` paths are open to all.

    What does not exist needs a token too, so that strangers learn nothing. A session is good for
    pages only: no page of another site can make a browser use the API.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in public:
            return await handler(request)
        if not tokens():
            raise ProblemError(
                HTTPStatus.FORBIDDEN, "no token is configured, so nobody may ask: set admin.tokens or admin.token_files"
            )
        scope = tokens().allow(request.headers.get("Authorization", ""))
        if not scope and (session := find_session(request, sessions)):
            scope = session.scope
        if not scope and wants_page(request):
            return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": _login_path(request)})
        if not scope:
            raise ProblemError(
                HTTPStatus.UNAUTHORIZED,
                "send a token that is in force: Authorization: Bearer …",
                headers={"WWW-Authenticate": 'Bearer realm="bounced"'},
            )
        if scope < _needed(request):
            raise ProblemError(HTTPStatus.FORBIDDEN, "this token may look, and change nothing")
        return await handler(request)

    return check


def wants_page(request: web.Request) -> bool:
    """Return whether a person with a browser asks."""
    return not request.path.startswith(_API) and "text/html" in request.headers.get("Accept", "")


def find_session(request: web.Request, sessions: Sessions) -> Session | None:
    """Return the session of the person who asks for a page; programs have none."""
    return None if request.path.startswith(_API) else sessions.find(request.cookies.get(COOKIE, ""))


def _login_path(request: web.Request) -> str:
    """Return where to log in, and where to go on from there."""
    is_question = request.method == "GET" and request.path_qs != "/"
    return f"{LOGIN}?next={quote(request.path_qs, safe='/')}" if is_question else LOGIN


def _needed(request: web.Request) -> Scope:
    is_question = request.method in {"GET", "HEAD"} or request.path in _QUESTIONS
    # Whoever is logged in may log out.
    return Scope.READ if is_question or request.path == "/logout" else Scope.WRITE
