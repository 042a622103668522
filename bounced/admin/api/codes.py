"""What codes and reasons mean: ``/api/v1/codes``."""

from collections.abc import Callable

from aiohttp import web

from bounced.admin.query import read_query
from bounced.classify import Knowledge


class Codes:
    """The route that asks for the code table and the reasons."""

    def __init__(self, knowledge: Callable[[], Knowledge]) -> None:
        self._knowledge = knowledge

    def routes(self) -> list[web.RouteDef]:
        """Return what is answered where."""
        return [web.get("/api/v1/codes", self._list)]

    async def _list(self, request: web.Request) -> web.Response:
        read_query(request)
        knowledge = self._knowledge()
        tables = knowledge.tables
        return web.json_response(
            {
                "codes": [
                    {"code": code.code, "bounce_type": code.bounce_type, "text": code.text}
                    for code in tables.codes.values()
                ],
                "reasons": [
                    {
                        "reason": reason.name,
                        "fault": reason.fault,
                        "bounce_type": reason.bounce_type,
                        "text": reason.label,
                    }
                    for reason in tables.reasons.values()
                ],
                "providers": [
                    {"provider": provider.name, "label": provider.label, "postmaster": provider.postmaster}
                    for provider in knowledge.rules.providers.values()
                ],
            }
        )
