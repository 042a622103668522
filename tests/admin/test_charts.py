"""Numbers become steps, and steps become bars."""

from datetime import UTC, datetime, timedelta

import pytest

from bounced.admin.charts import HEIGHT, lay_out, round_up
from bounced.admin.series import Row, Series, Step, read_series
from bounced.store import Tally
from bounced.store.counting import OTHER
from bounced.tallies import Dimension

START = datetime(2026, 11, 23, tzinfo=UTC)


class Archive:
    """Stands for a store in which these numbers are; the store's own tests ask a real one."""

    def __init__(self, *tallies):
        self.tallies = tallies

    async def list_tallies(self, dimension, *, since, until):
        return [each for each in self.tallies if since <= each.hour < until]


def tally(hours, key, count):
    return Tally(START + timedelta(hours=hours), key, count)


def series(*rows):
    return Series(
        tuple(START + timedelta(hours=number) for number in range(len(rows[0][1]))),
        tuple(Row(key, sum(counts), tuple(counts)) for key, counts in rows),
    )


async def test_hours_are_put_into_their_steps():
    archive = Archive(tally(0, "a", 1), tally(23, "a", 2), tally(24, "a", 4), tally(25, "b", 9), tally(48, "a", 99))
    since, until = START + timedelta(hours=5), START + timedelta(hours=30)
    by_day = await read_series(archive, Dimension.REASON, since=since, until=until, step=Step.DAY)
    assert by_day.times == (START, START + timedelta(days=1))
    assert by_day.rows == (Row("b", 9, (0, 9)), Row("a", 7, (3, 4)))
    by_hour = await read_series(archive, Dimension.REASON, since=since, until=until, step=Step.HOUR)
    assert len(by_hour.times) == 26
    assert by_hour.total == 15


def test_what_is_left_out_is_summed_up_with_what_was_counted_so():
    shown = series(("a", [5, 0]), (OTHER, [4, 0]), ("b", [3, 0]), ("c", [1, 1])).top(3)
    assert shown.rows == (Row("a", 5, (5, 0)), Row("b", 3, (3, 0)), Row(OTHER, 6, (5, 1)))


def test_nothing_is_summed_up_where_all_have_room():
    whole = series(("a", [5]), ("b", [3]))
    assert whole.top(2) is whole


@pytest.mark.parametrize(
    ("number", "rounded"), [(0, 4), (1, 4), (4, 4), (5, 6), (9, 10), (21, 40), (41, 60), (101, 120), (1999, 2000)]
)
def test_the_scale_ends_with_a_round_number(number, rounded):
    assert round_up(number) == rounded


def test_columns_stand_on_the_ground_and_no_higher_than_the_scale():
    chart = lay_out("id", "Reasons", series(("a", [3, 0]), ("b", [1, 2])), Step.HOUR, str.upper)
    assert chart.highest == 4
    left, right = [bar for bar in chart.bars if bar.x < 500], [bar for bar in chart.bars if bar.x > 500]
    assert sum(bar.height for bar in left) == HEIGHT
    assert min(bar.y for bar in left) == 0
    [bar] = right
    assert (bar.y, bar.height, bar.title) == (HEIGHT / 2, HEIGHT / 2, "23 Nov 01:00: B 2")


def test_a_chart_says_in_words_what_it_shows():
    chart = lay_out("id", "Reasons", series(("a", [1200, 0])), Step.HOUR, str.upper)
    assert chart.summary == "Reasons from 23 Nov 00:00 to 23 Nov 01:00: A 1,200."
    empty = lay_out("id", "Reasons", Series((START,), ()), Step.DAY, str)
    assert (empty.summary, empty.bars) == ("Reasons from 23 Nov to 23 Nov: nothing.", ())
