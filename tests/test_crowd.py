"""What counts as a crowd, and how long others wait for it."""

import pytest

from bounced.crowd import Crowd


def arrivals(count, apart_seconds):
    crowd, now = Crowd(), 1000.0
    for _ in range(count):
        now += apart_seconds
        crowd.arrive(now)
    return crowd, now


@pytest.mark.parametrize(("count", "apart_seconds"), [(0, 0.001), (7, 0.001), (100, 0.1)])
def test_nobody_waits_for_few(count, apart_seconds):
    crowd, now = arrivals(count, apart_seconds)
    assert crowd.seconds_to_stand_back(now, patience_seconds=5) <= 0


def test_others_wait_until_a_crowd_has_passed():
    crowd, now = arrivals(20, 0.001)
    assert 0 < (wait := crowd.seconds_to_stand_back(now, patience_seconds=5)) < 1
    assert crowd.seconds_to_stand_back(now + wait, patience_seconds=5) <= 0


def test_nobody_waits_for_a_crowd_that_lasts():
    crowd, now = arrivals(2000, 0.001)
    assert crowd.seconds_to_stand_back(now, patience_seconds=5) > 0
    assert crowd.seconds_to_stand_back(now, patience_seconds=1) <= 0


def test_the_next_crowd_is_let_pass_again():
    crowd, now = arrivals(2000, 0.001)
    for number in range(10):
        crowd.arrive(now + 1 + number / 1000)
    assert crowd.seconds_to_stand_back(now + 1.01, patience_seconds=1) > 0
