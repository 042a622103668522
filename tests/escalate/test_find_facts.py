"""Which messages prove what about whom."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bounced.escalate import FactKind, find_facts
from bounced.model import (
    Action,
    Advice,
    BounceType,
    Confidence,
    Envelope,
    Fault,
    Finding,
    Kind,
    Message,
    Original,
    Outcome,
    Report,
    Understanding,
    Verdict,
    Verp,
    Why,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MESSAGE = Message.of(Envelope("", ("bounces@example.com",), NOW), b"back")
HARD = Verdict(
    BounceType.HARD,
    Advice.SUPPRESS,
    "user_unknown",
    Fault.RECIPIENT,
    "511",
    "Bad destination mailbox",
    None,
    None,
    Why("codes/511", "5.1.1", Confidence.CERTAIN),
)
SOFT = replace(HARD, bounce_type=BounceType.SOFT)


def found(kind, action=None, verdict=None, *, recipient="Ann@Example.com", verp=None, fields=()):
    outcome = Outcome(recipient, Finding(recipient, action=action), verdict, verp)
    return find_facts(MESSAGE, Understanding(Report(kind, fields=fields), Original(), (outcome,)))


@pytest.mark.parametrize(
    ("kind", "action", "verdict", "expected"),
    [
        (Kind.BOUNCE, Action.FAILED, HARD, [FactKind.HARD]),
        (Kind.BOUNCE, None, SOFT, [FactKind.SOFT]),
        (Kind.BOUNCE, Action.DELIVERED, None, [FactKind.DELIVERED]),
        (Kind.SUCCESS, Action.DELIVERED, None, [FactKind.DELIVERED]),
        (Kind.SUCCESS, Action.RELAYED, None, []),
        (Kind.SUCCESS, Action.EXPANDED, None, []),
        (Kind.DELAY, Action.DELAYED, SOFT, []),
        (Kind.FEEDBACK_REPORT, None, None, [FactKind.COMPLAINT]),
        (Kind.AUTO_REPLY, None, None, []),
        (Kind.NOT_BOUNCE, Action.FAILED, None, []),
    ],
)
def test_only_failures_deliveries_and_complaints_are_facts(kind, action, verdict, expected):
    assert [fact.kind for fact in found(kind, action, verdict)] == expected


def test_a_fact_says_what_the_verdict_says():
    [fact] = found(Kind.BOUNCE, Action.FAILED, HARD)
    assert (fact.recipient, fact.message_id, fact.occurred_at) == ("ann@example.com", MESSAGE.id, NOW)
    assert (fact.reason, fact.fault, fact.code, fact.is_weak) == ("user_unknown", Fault.RECIPIENT, "511", False)
    weak = replace(HARD, why=replace(HARD.why, confidence=Confidence.WEAK))
    assert found(Kind.BOUNCE, Action.FAILED, weak)[0].is_weak


@pytest.mark.parametrize(
    ("verp", "verified"),
    [(None, False), (Verp("1", "signed", is_verified=False), False), (Verp("1", "signed", is_verified=True), True)],
)
def test_a_fact_is_verified_where_the_return_path_proves_it(verp, verified):
    [fact] = found(Kind.BOUNCE, Action.FAILED, HARD, verp=verp)
    assert fact.verified is verified


@pytest.mark.parametrize("type_", ["not-spam", "auth-failure"])
def test_a_report_about_which_nobody_complains_is_no_fact(type_):
    assert found(Kind.FEEDBACK_REPORT, fields=(("feedback-type", type_),)) == ()


def test_what_is_no_address_has_no_facts():
    assert found(Kind.BOUNCE, Action.FAILED, HARD, recipient="a" * 400) == ()
