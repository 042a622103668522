"""Go around every request: its log line, its time, and the form of its errors."""

import asyncio
import time
from collections.abc import Callable
from contextvars import ContextVar
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bounced import log
from bounced.admin.problem import ProblemError, bad_request
from bounced.errors import StoreError

_log = log.get("admin")

_PATIENCE_SECONDS = 30
# Of the request that this task answers now.
_deadline: ContextVar[asyncio.Timeout] = ContextVar("deadline")
_is_started: ContextVar[bool] = ContextVar("is_started", default=False)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",  # paths hold addresses
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_SERVER = "bounced"  # not which libraries, nor their versions


async def add_headers(_: web.BaseRequest, response: web.StreamResponse) -> None:
    """Put on every answer what keeps it out of caches and its text from being taken for anything else."""
    _is_started.set(True)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = _SERVER


@web.middleware
async def log_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Write one line per request, with its route in place of its path, because paths hold addresses."""
    started, status = time.monotonic(), None
    try:
        response = await handler(request)
        status = response.status
        return response
    finally:
        resource = request.match_info.route.resource
        _log.info(
            "request",
            method=request.method,
            route=resource.canonical if resource else None,
            status=status,
            client=request.remote,
            seconds=round(time.monotonic() - started, 3),
        )


def explain_errors(present: Callable[[web.Request, ProblemError], web.Response]) -> Middleware:
    """Return a middleware that says what goes wrong, as `present` writes it; an answer that has begun is cut off."""

    @web.middleware
    async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
        _is_started.set(False)
        try:
            return await handler(request)
        except ConnectionError:
            raise  # the client has gone
        except Exception as error:  # noqa: BLE001 - one request must not end the others; it is logged
            problem = _explain(error)
        if _is_started.get():
            if request.transport:
                request.transport.abort()  # a proper end would make half a list look whole
            raise ConnectionAbortedError
        return present(request, problem)

    return explain


def _explain(error: Exception) -> ProblemError:
    match error:
        case ProblemError():
            return error
        case web.HTTPException():
            allowed = error.headers.get("Allow")
            return ProblemError(
                HTTPStatus(error.status),
                HTTPStatus(error.status).description or HTTPStatus(error.status).phrase,
                headers={"Allow": allowed} if allowed else None,
            )
        case web.RequestPayloadError():
            return bad_request("the body is not encoded as its header fields say")
        case StoreError():
            _log.warning("request_failed", error=str(error))
            return ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE, "the store does not answer; try again", headers={"Retry-After": "5"}
            )
        case _:
            _log.error("request_failed", exc_info=error)
            return ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, "the log of the daemon says more")


@web.middleware
async def limit_time(request: web.Request, handler: Handler) -> web.StreamResponse:
    """End a request that makes no progress."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS) as deadline:
            _deadline.set(deadline)
            return await handler(request)
    except TimeoutError:
        if request.content.is_eof():
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "this took too long; try again") from None
        raise ProblemError(HTTPStatus.REQUEST_TIMEOUT, "the request did not come to its end") from None


def note_progress() -> None:
    """Give the request that is being answered, which moves many rows, its full time again."""
    _deadline.get().reschedule(asyncio.get_running_loop().time() + _PATIENCE_SECONDS)
