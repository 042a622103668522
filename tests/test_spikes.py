"""What is unusual, and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounced.spikes import Spike, find_spikes

GMAIL = ("gmail", "rate_limited")
OTHER = {("yahoo", "mailbox_full"): [3] * 192}


def spikes(hours):
    return find_spikes({GMAIL: hours, **OTHER})


def test_a_provider_that_begins_to_refuse_is_noticed_in_the_hour_in_which_it_does():
    assert spikes([0] * 191 + [12]) == [Spike("gmail", "rate_limited", count=12, usual=0, hours=0)]


def test_it_stays_news_for_a_day():
    assert spikes([0] * 180 + [30] * 12) == [Spike("gmail", "rate_limited", count=360, usual=0, hours=11)]


def test_it_is_over_when_the_numbers_are_usual_again():
    assert spikes([1] * 180 + [50] * 6 + [1] * 6) == []
    assert spikes([0] * 180 + [50] * 6 + [0] * 6) == []


@pytest.mark.parametrize(
    "hours",
    [
        [0] * 192,
        [0] * 191 + [9],
        [20] * 192,
        [20] * 190 + [40, 45],
        ([0] * 23 + [60]) * 8,
        ([0] * 12 + [200, 150] + [0] * 10) * 8,
    ],
    ids=["silence", "a few", "as always", "somewhat more", "a campaign a day", "a campaign of two hours a day"],
)
def test_what_is_usual_is_no_news(hours):
    assert spikes(hours) == []


def test_ten_times_the_usual_is_news():
    [spike] = spikes([20] * 191 + [400])
    assert (spike.count, spike.usual, spike.hours) == (400, 40, 0)


def test_without_days_to_compare_with_nothing_is_unusual():
    assert find_spikes({GMAIL: [0] * 168 + [100] * 24}) == []
    assert find_spikes({GMAIL: [100] * 24}) == []
    assert find_spikes({}) == []


def test_the_greatest_stands_first():
    small, great = [0] * 191 + [12], [0] * 191 + [500]
    found = find_spikes({("a", "policy"): small, ("b", "policy"): great, **OTHER})
    assert [spike.provider for spike in found] == ["b", "a"]


@given(st.lists(st.integers(0, 10_000), min_size=48, max_size=192))
def test_a_spike_tells_numbers_that_there_are(hours):
    for spike in spikes(hours):
        if spike.provider == "gmail":
            assert spike.count == sum(hours[len(hours) - 1 - spike.hours :]) >= 10
            assert 0 <= spike.hours < 24
