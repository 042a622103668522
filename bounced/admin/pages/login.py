"""Log in and out."""

import secrets
from http import HTTPStatus

from aiohttp import web

from bounced import log
from bounced.admin.access import COOKIE, LOGIN
from bounced.admin.pages.forms import lead_to, read_fields, read_form
from bounced.admin.pages.rendering import Renderer
from bounced.admin.problem import ProblemError
from bounced.admin.sessions import LIFETIME_SECONDS, Sessions

_log = log.get("admin")

# Tells our login form from that of a site that wants people to work in a session of its own.
_FORM_COOKIE = "bounced_login"
_FORM_SECONDS = 3600


class Login:
    """The form that a token opens a session with."""

    def __init__(self, renderer: Renderer, sessions: Sessions) -> None:
        self._renderer, self._sessions = renderer, sessions

    def routes(self) -> list[web.RouteDef]:
        """Return what is answered where."""
        return [
            web.get(LOGIN, self._show, allow_head=False),
            web.post(LOGIN, self._log_in),
            web.post("/logout", self._log_out),
        ]

    async def _show(self, request: web.Request) -> web.Response:
        return self._form(request, following=_own_path(request.query.get("next", "")))

    async def _log_in(self, request: web.Request) -> web.Response:
        fields = await read_fields(request)
        form_key = request.cookies.get(_FORM_COOKIE, "")
        sent = fields.get("form_key", "")
        if not form_key or not secrets.compare_digest(form_key.encode(errors="surrogateescape"), sent.encode()):
            raise ProblemError(HTTPStatus.FORBIDDEN, "this form is too old, or cookies are off; load the page again")
        following = _own_path(fields.get("next", ""))
        name = self._sessions.open(fields.get("token", "").strip())
        if name is None:
            _log.warning("login_refused", client=request.remote, remedy="use a token of admin.tokens or read_tokens")
            return self._form(request, following=following, is_wrong=True)
        _log.info("logged_in", client=request.remote)
        response = lead_to(following)
        response.del_cookie(_FORM_COOKIE, path=LOGIN)
        _set_cookie(request, response, COOKIE, name, path="/", seconds=LIFETIME_SECONDS)
        return response

    async def _log_out(self, request: web.Request) -> web.Response:
        await read_form(request, self._sessions)
        self._sessions.close(request.cookies.get(COOKIE, ""))
        response = lead_to(LOGIN)
        response.del_cookie(COOKIE, path="/")
        return response

    def _form(self, request: web.Request, *, following: str, is_wrong: bool = False) -> web.Response:
        form_key = secrets.token_urlsafe(32)
        status = HTTPStatus.FORBIDDEN if is_wrong else HTTPStatus.OK
        response = self._renderer.page(
            request, "login.html", status=status, login_key=form_key, following=following, is_wrong=is_wrong
        )
        _set_cookie(request, response, _FORM_COOKIE, form_key, path=LOGIN, seconds=_FORM_SECONDS)
        return response


def _set_cookie(
    request: web.Request, response: web.Response, name: str, value: str, *, path: str, seconds: int
) -> None:
    # Behind a proxy that speaks TLS the cookie is for TLS only; a client that lies about it only locks itself out.
    is_secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
    response.set_cookie(
        name, value, path=path, max_age=seconds, httponly=True, samesite="Strict", secure=is_secure or None
    )


def _own_path(text: str) -> str:
    """Return `text` if it is a path of ours, else the first page: nobody is led to another site."""
    is_path = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isascii() and text.isprintable()
    return text if is_path else "/"
