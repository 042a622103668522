"""How a recipient stands, by what happened and in no matter which order it was heard."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from bounced.escalate import Fact, FactKind, Policy, State, Threshold, judge
from bounced.model import Fault

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
POLICY = Policy()
_numbers = count()


def fact(day, kind=FactKind.SOFT, **more):
    strong = {FactKind.SOFT: ("mailbox_full", Fault.RECIPIENT), FactKind.HARD: ("user_unknown", Fault.RECIPIENT)}
    reason, fault = strong.get(kind, (None, None))
    values = {"reason": reason, "fault": fault} | more
    return Fact("ann@example.com", f"msg_{next(_numbers)}", START + timedelta(days=day), kind, **values)


def soft(*days, **more):
    return [fact(day, **more) for day in days]


def state_of(facts, policy=POLICY, now=None):
    return judge(facts, policy, now).state


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ([], State.ACTIVE),
        (soft(0), State.SOFT_BOUNCING),
        (soft(0, 0, 0, 0, 0), State.SOFT_BOUNCING),
        (soft(0, 1, 2, 3), State.SOFT_BOUNCING),
        (soft(0, 0.1, 0.2, 1, 2), State.UNDELIVERABLE),
        (soft(0, 10, 20, 29, 29.5), State.UNDELIVERABLE),
        (soft(0, 10, 20, 30, 40), State.SOFT_BOUNCING),
        (soft(0, 0.1, 10, 20, 31), State.SOFT_BOUNCING),
        (soft(0, 1, 2, 3, 40), State.SOFT_BOUNCING),
        (soft(0, 1, 2, 3, 4, fault=Fault.SENDER), State.ACTIVE),
        (soft(0, 1, 2, 3, 4, fault=Fault.MESSAGE), State.ACTIVE),
        (soft(0, 1, 2, 3, 4, is_weak=True), State.ACTIVE),
        (soft(0, 1, 2, 3, 4, kind=FactKind.HARD, fault=Fault.SYSTEM), State.UNDELIVERABLE),
        (soft(0, 1, 2, 3, 4, kind=FactKind.HARD, fault=Fault.SENDER), State.ACTIVE),
        (soft(0, 1, 2, 3, 4, kind=FactKind.HARD, fault=Fault.UNKNOWN), State.ACTIVE),
        ([fact(0, FactKind.HARD)], State.SUPPRESSED),
        ([fact(0, FactKind.HARD, is_weak=True)], State.ACTIVE),
        ([fact(0, FactKind.COMPLAINT), fact(1, FactKind.HARD)], State.COMPLAINED),
        ([fact(0, FactKind.HARD), fact(1, FactKind.DELIVERED)], State.ACTIVE),
        ([fact(0, FactKind.DELIVERED), fact(1, FactKind.HARD)], State.SUPPRESSED),
        ([*soft(0, 1, 2, 3, 4), fact(5, FactKind.DELIVERED)], State.ACTIVE),
        ([*soft(0, 1, 2), fact(2.5, FactKind.DELIVERED), *soft(3, 4)], State.SOFT_BOUNCING),
        ([fact(0, FactKind.COMPLAINT), fact(1, FactKind.DELIVERED)], State.COMPLAINED),
        ([fact(0, FactKind.COMPLAINT), fact(1, FactKind.CLEARED)], State.ACTIVE),
        ([fact(0, FactKind.HARD), fact(1, FactKind.CLEARED)], State.ACTIVE),
        ([fact(0, FactKind.IMPORTED, state=State.SUPPRESSED)], State.SUPPRESSED),
        ([fact(0, FactKind.IMPORTED, state=State.UNDELIVERABLE), fact(1, FactKind.DELIVERED)], State.ACTIVE),
        ([fact(0, FactKind.IMPORTED, state=State.COMPLAINED), fact(1, FactKind.DELIVERED)], State.COMPLAINED),
    ],
)
def test_a_standing_follows_from_the_facts(facts, state):
    assert state_of(facts) is state


def test_soft_bounces_decay_and_what_they_led_to_does_not():
    later = START + timedelta(days=33)
    assert judge(soft(0, 2), POLICY).decays_at == START + timedelta(days=32)
    assert state_of(soft(0, 2), now=later) is State.ACTIVE
    assert state_of(soft(0, 4), now=later) is State.SOFT_BOUNCING
    assert state_of(soft(0, 1, 2, 3, 4), now=later + timedelta(days=999)) is State.UNDELIVERABLE


def test_a_reason_with_a_threshold_of_its_own_is_counted_alone():
    policy = Policy(by_reason={"mailbox_full": Threshold(bounces=7, days=3)})
    assert state_of(soft(0, 1, 2, 3, 4, 5), policy) is State.SOFT_BOUNCING
    assert state_of(soft(0, 1, 2, 3, 4, 5, 6), policy) is State.UNDELIVERABLE
    mixed = [*soft(0, 1, 2, 3), *soft(4, reason="greylisted")]
    assert state_of(mixed, policy) is State.SOFT_BOUNCING
    assert state_of([*mixed, *soft(5, 6, 7, 8, reason="greylisted")], policy) is State.UNDELIVERABLE


def test_unverified_mail_changes_nothing_where_proof_is_required():
    policy = Policy(require_verified=True)
    kinds = (FactKind.HARD, FactKind.DELIVERED, FactKind.COMPLAINT)
    forged = [fact(day, kind, verified=False) for day, kind in enumerate(kinds)]
    assert judge(forged, policy) == judge([], policy)
    assert state_of([fact(0, FactKind.HARD), forged[1]], policy) is State.SUPPRESSED
    assert state_of([fact(0, FactKind.COMPLAINT)], policy) is State.COMPLAINED


def test_a_standing_says_why_since_when_and_how_often():
    facts = [*soft(0, 0.1, 1), fact(2, FactKind.HARD), fact(3, FactKind.COMPLAINT, reason="complaint")]
    standing = judge(facts[:4], POLICY)
    assert (standing.why, standing.since, standing.reason) == (
        "hard: user_unknown",
        START + timedelta(days=2),
        "user_unknown",
    )
    assert (standing.counts, standing.days) == ({FactKind.SOFT: 3, FactKind.HARD: 1}, 3)
    assert (standing.first_bounce_at, standing.last_bounce_at) == (START, START + timedelta(days=2))
    assert judge(facts, POLICY).reason == "complaint"
    assert judge(soft(0, 0.1, 1, 1.1, 2), POLICY).why == "5 bounces on 3 days, the last of them mailbox_full"
    assert judge([fact(0, FactKind.CLEARED)], POLICY).why == "cleared"
    assert judge([], POLICY).since is None


def test_each_sign_of_life_begins_another_epoch():
    life = fact(1, FactKind.DELIVERED)
    assert judge(soft(0), POLICY).epoch == ""
    assert judge([*soft(0), life, *soft(2)], POLICY).epoch == life.message_id
