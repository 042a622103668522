"""Write pages so that nothing that came by mail can do anything in them.

Every value is escaped by the templates, and its control characters and those
that turn the direction of text are shown as what they are.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from aiohttp import web
from markupsafe import Markup

from bounced import __version__
from bounced.admin.access import find_session
from bounced.admin.sessions import Sessions
from bounced.admin.tokens import Scope
from bounced.classify import Knowledge
from bounced.shipped import read_text
from bounced.store.counting import OTHER
from bounced.visible import make_visible

if TYPE_CHECKING:
    from jinja2 import Environment

STYLE = read_text("bounced.admin.templates", "bounced.css")
STYLE_PATH = "/static/bounced.css"
_STYLE_VERSION = hashlib.sha256(STYLE.encode()).hexdigest()[:12]
_NOTHING = "\N{EN DASH}"
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


class Renderer:
    """Makes pages from templates.

    Args:
        sessions: Who has logged in.
        knowledge: What reasons and providers are called.
        clock: Tells the time.
    """

    def __init__(self, sessions: Sessions, knowledge: Callable[[], Knowledge], clock: Callable[[], datetime]) -> None:
        self._sessions, self._knowledge, self._clock = sessions, knowledge, clock

    @cached_property
    def _environment(self) -> "Environment":
        # Most daemons never show a page, and to them the library would cost time at the start and memory.
        from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

        environment = Environment(
            loader=PackageLoader("bounced.admin"),
            autoescape=True,
            finalize=_finalize,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        filters: dict[str, Callable[..., object]] = {
            "number": lambda number: f"{number:,}",
            "octets": write_octets,
            "segment": lambda text: quote(text, safe=""),
            "query": write_query,
            "time": self._time,
            "words": lambda text: str(text).removeprefix("bounced.").replace("_", " "),
            "reason": name_reason,
            "provider": self.name_provider,
        }
        environment.filters.update(filters)
        return environment

    def page(
        self, request: web.Request, template: str, *, status: HTTPStatus = HTTPStatus.OK, **values: Any
    ) -> web.Response:
        """Return the page that `template` makes of the values."""
        session = find_session(request, self._sessions)
        text = self._environment.get_template(template).render(
            values,
            path=request.path,
            asked=request.query.get("q", "") if request.path == "/search" else "",
            form_key=session.form_key if session else None,
            may_write=session is not None and session.scope >= Scope.WRITE,
            style=f"{STYLE_PATH}?v={_STYLE_VERSION}",
            version=__version__,
        )
        return web.Response(
            body=text.encode("utf-8", "replace"), status=status, content_type="text/html", charset="utf-8"
        )

    def name_provider(self, key: str) -> str:
        """Return what people call a provider."""
        provider = self._knowledge().rules.providers.get(key)
        return provider.label if provider else name_key(key)

    def _time(self, moment: datetime | str | None) -> Markup | None:
        if not moment:
            return None
        moment = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        moment = moment.astimezone(UTC)
        exact, told = f"{moment:%Y-%m-%dT%H:%M:%SZ}", f"{moment:%-d %b %Y, %H:%M} UTC"
        ago = write_age((self._clock() - moment).total_seconds())
        return Markup('<time datetime="{}" title="{}">{}</time>').format(exact, ago, told)


def name_key(key: str) -> str:
    """Return what people call a key that has no other name."""
    return "others" if key == OTHER else key


def name_reason(key: str) -> str:
    """Return what people call a reason."""
    return name_key(key).replace("_", " ")


def write_octets(size: int) -> str:
    """Return a size as people say it."""
    for unit, factor in (("MB", 1_000_000), ("kB", 1000)):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return f"{size} octets"


def write_age(seconds: float) -> str:
    """Return how long ago something was, or in how long it will be, as people say it."""
    size = abs(seconds)
    for name, unit in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if size >= unit:
            told = f"{size // unit:.0f} {name}"
            return f"{told} ago" if seconds > 0 else f"in {told}"
    return "just now"


def write_query(values: Mapping[str, str | None]) -> str:
    """Return the query of a link; what is None or empty is left out."""
    written = urlencode({name: value for name, value in values.items() if value})
    return f"?{written}" if written else ""


def _finalize(value: Any) -> Any:
    if value is None:
        return _NOTHING
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return "\n".join(make_visible(line) for line in value.replace("\t", "    ").split("\n"))
