"""What holds of every history."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bounced.escalate import Fact, FactKind, Policy, State, Threshold, find_surplus, judge
from bounced.model import Fault

START = datetime(2026, 3, 1, tzinfo=UTC)
BAD = [State.UNDELIVERABLE, State.SUPPRESSED, State.COMPLAINED]
SIGNS_OF_LIFE = {FactKind.DELIVERED, FactKind.CLEARED}


@st.composite
def make_fact(draw, kinds=tuple(FactKind)):
    kind = draw(st.sampled_from(kinds))
    number = draw(st.integers(0, 10**6))
    return Fact(
        "ann@example.com",
        f"msg_{number}",
        # The time follows from the number: the same message has only one.
        START + timedelta(hours=number * 7919 % 2400),
        kind,
        draw(st.sampled_from(["mailbox_full", "greylisted", "user_unknown"])),
        draw(st.sampled_from(Fault)),
        is_weak=draw(st.booleans()),
        verified=draw(st.booleans()),
        state=draw(st.sampled_from(BAD)) if kind is FactKind.IMPORTED else None,
    )


def histories(**more):
    return st.lists(make_fact(**more), max_size=40, unique_by=lambda fact: (fact.message_id, fact.kind))


policies = st.builds(
    Policy,
    threshold=st.builds(Threshold, bounces=st.integers(1, 6), days=st.integers(1, 3), within_days=st.integers(1, 60)),
    by_reason=st.dictionaries(st.just("mailbox_full"), st.builds(Threshold, bounces=st.integers(1, 9)), max_size=1),
    decay_days=st.integers(1, 60),
    require_verified=st.booleans(),
)
moments = st.none() | st.integers(0, 200).map(lambda days: START + timedelta(days=days))


@given(histories(), policies, moments, st.data())
def test_order_and_repeats_change_nothing(facts, policy, now, data):
    again = data.draw(st.permutations([*facts, *(data.draw(st.lists(st.sampled_from(facts))) if facts else [])]))
    assert judge(again, policy, now) == judge(facts, policy, now)


def is_strong(fact):
    return fact.kind is FactKind.HARD and fact.fault is Fault.RECIPIENT and not fact.is_weak


@given(histories(), policies, moments)
def test_a_hard_bounce_is_never_forgotten_without_a_sign_of_life(facts, policy, now):
    facts = [fact for fact in facts if fact.kind not in SIGNS_OF_LIFE]
    if any(is_strong(fact) and policy.believes(fact) for fact in facts):
        assert judge(facts, policy, now).state in (State.SUPPRESSED, State.COMPLAINED)


@given(histories(), policies, moments)
def test_only_strong_evidence_suppresses(facts, policy, now):
    weak = [fact for fact in facts if not is_strong(fact) and fact.kind is not FactKind.IMPORTED]
    assert judge(weak, policy, now).state is not State.SUPPRESSED


@given(histories(), policies, moments)
def test_an_operator_clears_everything_that_was_before(facts, policy, now):
    cleared = Fact("ann@example.com", "clear/1", START + timedelta(days=365), FactKind.CLEARED, by="ben")
    assert judge([*facts, cleared], policy, now).state is State.ACTIVE


@given(histories(kinds=(FactKind.HARD, FactKind.SOFT)), policies)
def test_a_recipient_that_is_quiet_for_long_enough_is_not_soft_bouncing(facts, policy):
    later = START + timedelta(days=365)
    assert judge(facts, policy, later).state is not State.SOFT_BOUNCING
    standing = judge(facts, policy)
    if standing.state is State.SOFT_BOUNCING:
        assert judge(facts, policy, standing.decays_at - timedelta(microseconds=1)).state is State.SOFT_BOUNCING
        assert judge(facts, policy, standing.decays_at).state is State.ACTIVE


@given(histories(), policies, st.integers(20, 25))
def test_what_is_forgotten_for_want_of_room_does_not_change_the_state(facts, policy, limit):
    surplus = find_surplus(facts, policy, limit)
    assert len(surplus) == max(0, len(facts) - limit)
    assert judge([fact for fact in facts if fact not in surplus], policy).state is judge(facts, policy).state


@given(st.integers(201, 400))
def test_a_flood_on_one_day_does_not_push_other_days_out(count):
    flood = [
        Fact("a", f"f{number}", START + timedelta(days=1, seconds=number), FactKind.SOFT) for number in range(count)
    ]
    facts = [Fact("a", "first", START, FactKind.SOFT), *flood]
    kept = set(facts) - set(find_surplus(facts, Policy()))
    assert len(kept) == 200
    later = Fact("a", "later", START + timedelta(days=2), FactKind.SOFT)
    assert judge([*kept, later], Policy()).state is State.UNDELIVERABLE
