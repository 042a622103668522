"""Lay out charts: where each bar stands, and what is written beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bounced.admin.series import Series, Step

WIDTH, HEIGHT = 1000, 200
_GAP = 0.25
_MOST_ROWS = 6


@dataclass(frozen=True, slots=True)
class Bar:
    """One piece of a column; `number` tells which row it is of, and so its colour."""

    x: float
    y: float
    width: float
    height: float
    number: int
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Stacked columns, one for each step.

    Attributes:
        id: Its name in the page.
        heading: What it shows.
        bars: All pieces of all columns.
        highest: What the upper edge stands for.
        ends: What is written below the first and the last column.
        columns: What the columns are called, in order.
        rows: The rows as people call them, with their sums and their numbers.
    """

    id: str
    heading: str
    bars: tuple[Bar, ...]
    highest: int
    ends: tuple[str, str]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, int, tuple[int, ...]], ...]

    @property
    def summary(self) -> str:
        """The chart in one sentence, for those who do not see it."""
        sums = ", ".join(f"{name} {total:,}" for name, total, _ in self.rows)
        return f"{self.heading} from {self.ends[0]} to {self.ends[1]}: {sums or 'nothing'}."


def lay_out(id_: str, heading: str, series: Series, step: Step, label: Callable[[str], str]) -> Chart:
    """Return a chart of a series.

    Args:
        id_: Its name in the page.
        heading: What it shows.
        series: The numbers.
        step: How long a step is.
        label: Tells what people call a key.
    """
    shown = series.top(_MOST_ROWS)
    columns = tuple(_write(time, step) for time in series.times)
    sums = [sum(row.counts[at] for row in shown.rows) for at in range(len(columns))]
    highest = round_up(max(sums, default=0))
    names = [label(row.key) for row in shown.rows]
    return Chart(
        id=id_,
        heading=heading,
        bars=tuple(_bars(shown, names, columns, highest)),
        highest=highest,
        ends=(columns[0], columns[-1]),
        columns=columns,
        rows=tuple((name, row.total, row.counts) for name, row in zip(names, shown.rows, strict=True)),
    )


def _bars(series: Series, names: list[str], columns: tuple[str, ...], highest: int) -> list[Bar]:
    width = WIDTH / len(columns)
    bars = []
    for at, column in enumerate(columns):
        top = float(HEIGHT)
        for number, (row, name) in enumerate(zip(series.rows, names, strict=True)):
            if count := row.counts[at]:
                height = HEIGHT * count / highest
                top -= height
                x = round((at + _GAP / 2) * width, 2)
                title = f"{column}: {name} {count:,}"
                bars.append(Bar(x, round(top, 2), round(width * (1 - _GAP), 2), round(height, 2), number, title))
    return bars


def round_up(number: int) -> int:
    """Return a round and even number that is at least `number`, and at least 4, so that its half is whole."""
    power = 1
    while True:
        for factor in (4, 6, 8, 10, 12, 16, 20):
            if number <= factor * power:
                return factor * power
        power *= 10


def _write(time: datetime, step: Step) -> str:
    return f"{time:%-d %b %H:%M}" if step is Step.HOUR else f"{time:%-d %b}"
