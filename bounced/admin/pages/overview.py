"""The first page: what is wrong now, and the last hours and days."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from aiohttp import web

from bounced.admin.charts import Chart, lay_out
from bounced.admin.pages.rendering import Renderer, name_key, name_reason
from bounced.admin.query import read_query
from bounced.admin.series import Series, Step, read_series, read_spikes
from bounced.admin.trouble import Trouble, find_trouble
from bounced.classify import Knowledge
from bounced.model import BounceType, EventType
from bounced.store import Backlog, Store
from bounced.store.counting import OTHER
from bounced.tallies import Dimension

_MOST_RANKED = 9
_TOTALS = (Dimension.TYPE, Dimension.BOUNCE_TYPE, Dimension.PROVIDER, Dimension.DOMAIN, Dimension.CAMPAIGN)


@dataclass(frozen=True, slots=True)
class Period:
    """How far back the page looks."""

    name: str
    label: str
    length: timedelta
    step: Step


PERIODS = (
    Period("day", "24 hours", timedelta(hours=23), Step.HOUR),
    Period("week", "7 days", timedelta(days=6), Step.DAY),
    Period("month", "30 days", timedelta(days=29), Step.DAY),
)


@dataclass(frozen=True, slots=True)
class Ranking:
    """The most frequent keys of a dimension.

    Attributes:
        heading: What they are.
        rows: What each is called, how often it came, its share of the first in percent, and the page that shows more.
    """

    heading: str
    rows: tuple[tuple[str, int, float, str | None], ...]


class Overview:
    """The first page."""

    def __init__(
        self,
        store: Store,
        renderer: Renderer,
        knowledge: Callable[[], Knowledge],
        clock: Callable[[], datetime],
    ) -> None:
        self._store, self._renderer, self._knowledge, self._clock = store, renderer, knowledge, clock

    def routes(self) -> list[web.RouteDef]:
        """Return what is answered where."""
        return [web.get("/", self._show)]

    async def _show(self, request: web.Request) -> web.Response:
        wanted = read_query(request, "period").get("period")
        period = next((each for each in PERIODS if each.name == wanted), PERIODS[0])
        series = {dimension: await self._read(dimension, period) for dimension in (Dimension.TYPE, Dimension.REASON)}
        totals = {dimension: await self._sum_up(dimension, period) for dimension in _TOTALS}
        backlog, troubles = await self._look_around()
        return self._renderer.page(
            request,
            "overview.html",
            periods=PERIODS,
            period=period,
            troubles=troubles,
            waiting=(backlog.messages, sum(backlog.pending.values()), sum(backlog.dead.values())),
            figures=_figures(totals[Dimension.TYPE], totals[Dimension.BOUNCE_TYPE]),
            charts=self._charts(series, period.step),
            rankings=self._rankings(totals),
        )

    async def _read(self, dimension: Dimension, period: Period) -> Series:
        now = self._clock()
        return await read_series(self._store.archive, dimension, since=now - period.length, until=now, step=period.step)

    async def _sum_up(self, dimension: Dimension, period: Period) -> Counter[str]:
        now = self._clock()
        since = period.step.begin(now - period.length)
        return Counter(await self._store.archive.sum_tallies(dimension, since=since, until=now))

    async def _look_around(self) -> tuple[Backlog, list[Trouble]]:
        archive = self._store.archive
        backlog, sinks, spikes, uncounted = await asyncio.gather(
            self._store.count_backlog(),
            archive.list_sinks(),
            read_spikes(archive, self._clock()),
            archive.count_uncounted(),
        )
        return backlog, find_trouble(backlog, sinks, spikes, uncounted, self._knowledge())

    def _charts(self, series: dict[Dimension, Series], step: Step) -> list[Chart]:
        return [
            lay_out("types", "What came in", series[Dimension.TYPE], step, _name_type),
            lay_out("reasons", "Bounces by reason", series[Dimension.REASON], step, name_reason),
        ]

    def _rankings(self, totals: dict[Dimension, Counter[str]]) -> list[Ranking]:
        name_provider = self._renderer.name_provider
        rankings = [
            _rank("By provider", totals[Dimension.PROVIDER], name_provider, "/events?provider="),
            _rank("By sending domain", totals[Dimension.DOMAIN], name_key, None),
        ]
        campaigns = totals[Dimension.CAMPAIGN]
        return [*rankings, _rank("By campaign", campaigns, name_key, None)] if campaigns else rankings


def _name_type(key: str) -> str:
    return name_key(key).removeprefix("bounced.").replace("_", " ")


def _figures(types: Counter[str], bounces: Counter[str]) -> list[tuple[str, int, str]]:
    """Return the numbers at the top: what each is, how many, and the page that shows them."""
    return [
        ("hard bounces", bounces[BounceType.HARD], f"/events?type={EventType.BOUNCE}"),
        ("soft bounces", bounces[BounceType.SOFT], f"/events?type={EventType.BOUNCE}"),
        ("complaints", types[EventType.COMPLAINT], f"/events?type={EventType.COMPLAINT}"),
        ("delays", types[EventType.DELAY], f"/events?type={EventType.DELAY}"),
        ("unrecognized", types[EventType.UNRECOGNIZED], f"/events?type={EventType.UNRECOGNIZED}"),
    ]


def _rank(heading: str, totals: Counter[str], label: Callable[[str], str], page: str | None) -> Ranking:
    named = Counter({key: total for key, total in totals.items() if key != OTHER}).most_common(_MOST_RANKED)
    others = totals.total() - sum(total for _, total in named)
    most = max([others, *(total for _, total in named), 1])
    rows = [(label(key), total, _share(total, most), f"{page}{quote(key)}" if page else None) for key, total in named]
    if others:
        rows.append((name_key(OTHER), others, _share(others, most), None))
    return Ranking(heading, tuple(rows))


def _share(part: int, whole: int) -> float:
    return round(100 * part / whole, 1)
