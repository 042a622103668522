from hypothesis import given
from hypothesis import strategies as st

from bounced.backoff import JITTER, RETRY_SECONDS, next_delay_seconds
from bounced.model import Failed

DAY = 86400
chances = st.floats(0, 1, exclude_max=True)
waits = st.none() | st.floats(0, DAY)
schedules = st.lists(st.floats(0, DAY), max_size=12).map(sorted)


def delays_of(failed, *, chance, retry_seconds=RETRY_SECONDS):
    """All delays until a delivery that keeps failing is dead."""
    delays = []
    while (
        delay := next_delay_seconds(len(delays) + 1, failed, chance=chance, retry_seconds=retry_seconds)
    ) is not None:
        delays.append(delay)
    return delays


def test_without_chance_the_schedule_is_kept():
    assert delays_of(Failed("no"), chance=0) == list(RETRY_SECONDS)


def test_the_default_schedule_lasts_about_three_days():
    assert 3 * DAY <= sum(RETRY_SECONDS) <= 3.5 * DAY


def test_a_final_failure_is_never_tried_again():
    assert delays_of(Failed("no", is_final=True), chance=0) == []


def test_an_empty_schedule_means_one_attempt():
    assert delays_of(Failed("no"), chance=0, retry_seconds=()) == []


@given(schedules, waits, chances)
def test_every_schedule_ends(schedule, wait, chance):
    assert len(delays_of(Failed("no", wait), chance=chance, retry_seconds=schedule)) == len(schedule)


@given(schedules, waits, chances)
def test_a_delay_is_never_shorter_than_the_schedule_or_the_sinks_wish(schedule, wait, chance):
    delays = delays_of(Failed("no", wait), chance=chance, retry_seconds=schedule)
    assert all(delay >= max(least, wait or 0) for delay, least in zip(delays, schedule, strict=True))


@given(schedules, waits, chances)
def test_a_delay_is_bounded(schedule, wait, chance):
    delays = delays_of(Failed("no", wait), chance=chance, retry_seconds=schedule)
    longest = max([wait or 0, *schedule])
    assert all(delay <= longest * (1 + JITTER) for delay in delays)


@given(schedules, waits, chances)
def test_with_the_same_chance_delays_grow_as_the_schedule_does(schedule, wait, chance):
    delays = delays_of(Failed("no", wait), chance=chance, retry_seconds=schedule)
    assert delays == sorted(delays)
