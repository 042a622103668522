"""The memory that messages share, and who yields when it runs out."""

from hypothesis import given
from hypothesis import strategies as st

from bounced.receive.budget import Budget, Share


def test_the_largest_yields_to_the_smaller():
    budget = Budget(100)
    with Share(budget) as large, Share(budget) as small:
        large.keep(b"x" * 90)
        small.keep(b"y" * 20)
        assert (large.is_revoked, small.octets) == (True, b"y" * 20)
        large.keep(b"x")
        assert (large.octets, budget.free) == (b"", 80)


def test_whoever_would_be_the_largest_gets_nothing():
    budget = Budget(100)
    with Share(budget) as one, Share(budget) as other:
        one.keep(b"x" * 60)
        other.keep(b"y" * 61)
        assert (one.octets, other.is_revoked) == (b"x" * 60, True)


def test_what_is_complete_is_never_taken_away():
    budget = Budget(100)
    with Share(budget) as complete, Share(budget) as late:
        complete.keep(b"x" * 90)
        assert complete.detach() == b"x" * 90
        late.keep(b"y" * 20)
        assert (complete.is_revoked, late.is_revoked, budget.free) == (False, True, 10)
    assert budget.free == 100


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 60), st.booleans())))
def test_no_more_is_held_than_there_is_and_all_comes_back(steps):
    budget = Budget(100)
    shares = [Share(budget).__enter__() for _ in range(5)]
    for index, count, is_complete in steps:
        shares[index].keep(b"x" * count)
        if is_complete:
            shares[index].detach()
        assert budget.free == 100 - sum(share.held for share in shares) >= 0
        assert all(len(share.octets) <= share.held for share in shares)
    for share in shares:
        share.__exit__()
    assert budget.free == 100
