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
    assert crowd.seconds_to_stand_back(now, until=now + 5) <= 0


def test_others_wait_until_a_crowd_has_passed():
    crowd, now = arrivals(20, 0.001)
    assert 0 < (wait := crowd.seconds_to_stand_back(now, until=now + 5)) < 1
    assert crowd.seconds_to_stand_back(now + wait, until=now + 5) <= 0


def test_nobody_waits_longer_than_he_will():
    crowd, now = arrivals(20, 0.001)
    assert crowd.seconds_to_stand_back(now, until=now + 0.01) == pytest.approx(0.01)
    assert crowd.seconds_to_stand_back(now, until=now - 1) <= 0
