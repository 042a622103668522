"""Answer programs: the JSON API under ``/api/v1``, one module for each thing that is asked about."""

from collections.abc import Callable
from datetime import datetime

from aiohttp import web

from bounced.admin.api.codes import Codes
from bounced.admin.api.deliveries import Deliveries
from bounced.admin.api.events import Events
from bounced.admin.api.messages import Messages
from bounced.admin.api.openapi import OpenApi
from bounced.admin.api.recipients import Recipients
from bounced.admin.api.stats import Stats
from bounced.classify import Knowledge
from bounced.store import Store


def make_routes(store: Store, knowledge: Callable[[], Knowledge], clock: Callable[[], datetime]) -> list[web.RouteDef]:
    """Return all that is answered to programs."""
    return [
        *Recipients(store).routes(),
        *Events(store).routes(),
        *Messages(store).routes(),
        *Deliveries(store).routes(),
        *Stats(store, clock).routes(),
        *Codes(knowledge).routes(),
        *OpenApi().routes(),
    ]
