"""Put counts of hours together to what charts and tables show."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from bounced.spikes import Spike, find_spikes
from bounced.store import Archive, Tally
from bounced.store.counting import OTHER
from bounced.tallies import Dimension

_HOUR = timedelta(hours=1)
_COMPARED = timedelta(days=8)


class Step(StrEnum):
    """How long one step of a series is; a day is one of UTC."""

    HOUR = "hour"
    DAY = "day"

    def begin(self, moment: datetime) -> datetime:
        """Return when the step began that `moment` is in."""
        hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return hour if self is Step.HOUR else hour.replace(hour=0)

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return _HOUR if self is Step.HOUR else timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Row:
    """How often one key came: in all, and in each step."""

    key: str
    total: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """The counts of one dimension over some time.

    Attributes:
        times: When each step begins.
        rows: The keys, the most frequent first.
    """

    times: tuple[datetime, ...]
    rows: tuple[Row, ...]

    @property
    def total(self) -> int:
        """How many there were in all."""
        return sum(row.total for row in self.rows)

    def top(self, most: int) -> "Series":
        """Return the same with no more than `most` rows; the last sums up those left out."""
        if len(self.rows) <= most:
            return self
        named = [row for row in self.rows if row.key != OTHER][: most - 1]
        rest = [row for row in self.rows if row not in named]
        counts = tuple(sum(column) for column in zip(*(row.counts for row in rest), strict=True))
        return Series(self.times, (*named, Row(OTHER, sum(counts), counts)))


async def read_series(
    archive: Archive, dimension: Dimension, *, since: datetime, until: datetime, step: Step
) -> Series:
    """Return the counts of the steps from that of `since` to that of `until`, which is the last."""
    first = step.begin(since)
    steps = int((step.begin(until) - first) / step.length) + 1
    times = tuple(first + number * step.length for number in range(steps))
    tallies = await archive.list_tallies(dimension, since=first, until=times[-1] + step.length)
    return Series(times, _rows(tallies, {time: number for number, time in enumerate(times)}, step))


def _rows(tallies: Sequence[Tally], numbers: dict[datetime, int], step: Step) -> tuple[Row, ...]:
    counts: dict[str, list[int]] = {}
    for tally in tallies:
        row = counts.setdefault(tally.key, [0] * len(numbers))
        row[numbers[step.begin(tally.hour)]] += tally.count
    rows = (Row(key, sum(row), tuple(row)) for key, row in counts.items())
    return tuple(sorted(rows, key=lambda row: (-row.total, row.key)))


async def read_spikes(archive: Archive, now: datetime) -> list[Spike]:
    """Return which providers refuse more than they did in the week before."""
    series = await read_series(archive, Dimension.REFUSAL, since=now - _COMPARED, until=now, step=Step.HOUR)
    refusals = {
        (provider, reason): row.counts
        for row in series.rows
        for provider, _, reason in [row.key.partition(" ")]
        if reason
    }
    return find_spikes(refusals)
