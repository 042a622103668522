"""Answer what monitors ask: is it alive, is it ready, what does it measure."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web

from bounced import metrics
from bounced.admin.health import Health


class Monitoring:
    """The routes for monitors; names of sinks are only in the metrics, which need a token."""

    def __init__(self, look: Callable[[], Health]) -> None:
        self._look = look

    def routes(self) -> list[web.RouteDef]:
        """Return what is answered where."""
        return [
            web.get("/healthz", self._say_alive),
            web.get("/readyz", self._say_ready),
            web.get("/metrics", self._show_metrics),
        ]

    async def _say_alive(self, _: web.Request) -> web.Response:
        """Say whether the flow moves; what is not alive should be started anew."""
        stuck = self._look().stuck
        return _answer({"status": "stuck", "stage": stuck} if stuck else {"status": "alive"}, is_well=not stuck)

    async def _say_ready(self, _: web.Request) -> web.Response:
        """Say whether mail can be taken; a sink that is away does not change that."""
        health = self._look()
        is_ready = not health.stuck and health.is_writable and health.is_listening
        body = {
            "status": "ready" if is_ready else "not ready",
            "stuck": health.stuck,
            "store": "writable" if health.is_writable else "not writable",
            "listeners": "open" if health.is_listening else "closed",
            "sinks": {"all": health.sinks, "failing": health.failing_sinks},
        }
        return _answer(body, is_well=is_ready)

    async def _show_metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=metrics.write(), headers={"Content-Type": metrics.CONTENT_TYPE})


def _answer(body: dict[str, Any], *, is_well: bool) -> web.Response:
    return web.json_response(body, status=HTTPStatus.OK if is_well else HTTPStatus.SERVICE_UNAVAILABLE)
