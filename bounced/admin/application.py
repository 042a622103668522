"""All that the admin server answers, as one application of aiohttp."""

import logging
import socket
from collections.abc import Iterable
from datetime import UTC, datetime

from aiohttp import web

from bounced.admin.access import require_access
from bounced.admin.api import make_routes
from bounced.admin.middleware import add_headers, explain_errors, limit_time, log_request
from bounced.admin.monitoring import Monitoring
from bounced.admin.pages import PUBLIC, Pages
from bounced.admin.sessions import Sessions
from bounced.admin.sources import Sources
from bounced.classify import Knowledge

_MAX_BODY_BYTES = 1024 * 1024
_KEEPALIVE_SECONDS = 30
_LINGERING_SECONDS = 1
_SHUTDOWN_SECONDS = 5
_PUBLIC = PUBLIC | {"/healthz", "/readyz"}


async def start(sources: Sources, listeners: Iterable[socket.socket]) -> web.AppRunner:
    """Answer from `sources` whoever comes through `listeners`, until the runner is cleaned up."""
    # What reaches this logger is what strangers send that is no HTTP; our own errors are in `explain_errors`.
    noise = logging.getLogger("bounced.admin.http")
    noise.setLevel(logging.CRITICAL)
    runner = web.AppRunner(
        _make_application(sources),
        access_log=None,
        logger=noise,
        handle_signals=False,
        keepalive_timeout=_KEEPALIVE_SECONDS,
        lingering_time=_LINGERING_SECONDS,
        shutdown_timeout=_SHUTDOWN_SECONDS,
    )
    await runner.setup()
    for listener in listeners:
        await web.SockSite(runner, listener).start()
    return runner


def _make_application(sources: Sources) -> web.Application:
    def tell_knowledge() -> Knowledge:
        return sources.knowledge()

    sessions = Sessions(lambda: sources.tokens)
    pages = Pages(sources.store, sessions, tell_knowledge, _clock)
    application = web.Application(
        middlewares=[
            log_request,
            explain_errors(pages.present_problem),
            limit_time,
            require_access(lambda: sources.tokens, sessions, public=_PUBLIC),
        ],
        client_max_size=_MAX_BODY_BYTES,
    )
    application.on_response_prepare.append(add_headers)
    application.add_routes(Monitoring(sources.look).routes())
    application.add_routes(make_routes(sources.store, tell_knowledge, _clock))
    application.add_routes(pages.routes())
    return application


def _clock() -> datetime:
    return datetime.now(UTC)
