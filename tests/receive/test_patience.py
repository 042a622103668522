"""When a client has had its time; the clock is the test's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounced.receive.limits import Limits
from bounced.receive.patience import Patience

LIMITS = Limits(idle_seconds=300, session_seconds=1200, data_bytes_per_second=500)


@pytest.fixture
def patience():
    return Patience(LIMITS, began=0, heard=0)


def test_silence_ends_it(patience):
    assert patience.deadline == (300, "421 4.4.2 Timeout, closing connection")
    patience.hear(6, now=299)
    assert patience.deadline.at == 599


def test_talking_does_not_make_a_session_endless(patience):
    patience.hear(6, now=1199)
    assert patience.deadline == (1200, "421 4.4.2 Session too long, closing connection")


def test_a_message_that_comes_drop_by_drop_ends_it(patience):
    patience.hear(100, now=10)
    patience.begin_message(now=10)
    for now in range(11, 310):
        patience.hear(1, now=now)
    assert patience.deadline == (310 + 299 / 500, "421 4.4.2 Message too slow, closing connection")


def test_a_message_at_the_least_rate_is_waited_for(patience):
    patience.begin_message(now=0)
    for now in range(1, 1000):
        patience.hear(500, now=now)
    assert patience.deadline.at == 1200


def test_our_own_work_is_not_the_clients_silence(patience):
    patience.begin_message(now=0)
    patience.hear(5, now=1)
    patience.end_message(now=290)
    assert patience.deadline.at == 590


@given(st.lists(st.tuples(st.floats(0, 400), st.integers(0, 10**6), st.booleans())))
def test_nothing_that_a_client_does_gives_it_more_than_a_session(steps):
    patience, now = Patience(LIMITS, began=0, heard=0), 0.0
    for seconds, octets, is_message in steps:
        now += seconds
        patience.hear(octets, now)
        (patience.begin_message if is_message else patience.end_message)(now)
        assert patience.deadline.at <= LIMITS.session_seconds
