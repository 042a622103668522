"""Which events replace which, by what is said of a message now and was said before."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bounced.event import make_events
from bounced.event.correction import find_corrections, keep_identity
from bounced.model import Action, Envelope, Finding, Kind, Message, Original, Outcome, Report, Understanding, Verp
from bounced.pipeline import judge_answer

MESSAGE = Message.of(Envelope("", ("bounce@example.com",), datetime(2026, 11, 23, tzinfo=UTC)), b"back")
HARD, SOFT = judge_answer("550 5.1.1 no such user"), judge_answer("452 4.2.2 mailbox full")


def said(*outcomes, kind=Kind.BOUNCE):
    """Return what a report says of recipients, each with a verdict."""
    found = tuple(
        Outcome(recipient, Finding(recipient, action=Action.FAILED), verdict) for recipient, verdict in outcomes
    )
    return Understanding(Report(kind, findings=tuple(one.finding for one in found)), Original(), found)


NOTHING = said(kind=Kind.NOT_BOUNCE)


def tell(understanding):
    return list(make_events(MESSAGE, understanding, source="/then"))


def correct(understanding, told):
    return find_corrections(MESSAGE, understanding, told, source="/now")


def about(event):
    return event and (event.type, event.recipient)


@pytest.mark.parametrize(
    ("before", "now", "corrections"),
    [
        (said(("ann@x", HARD)), said(("ann@x", HARD)), []),
        (NOTHING, NOTHING, []),
        (
            said(("ann@x", HARD), ("ben@x", HARD)),
            said(("ann@x", HARD), ("ben@x", SOFT)),
            [(("bounced.bounce", "ben@x"), ("bounced.bounce", "ben@x"))],
        ),
        (
            NOTHING,
            said(("ann@x", HARD), ("ben@x", SOFT)),
            [
                (("bounced.bounce", "ann@x"), ("bounced.unrecognized", None)),
                (("bounced.bounce", "ben@x"), ("bounced.unrecognized", None)),
            ],
        ),
        (
            said(("ann@x", HARD), ("ben@x", HARD)),
            NOTHING,
            [
                (("bounced.unrecognized", None), ("bounced.bounce", "ann@x")),
                (("bounced.unrecognized", None), ("bounced.bounce", "ben@x")),
            ],
        ),
        (
            said(("ann@x", HARD), ("ben@x", HARD)),
            said(("ann@x", HARD)),
            [(("bounced.unrecognized", None), ("bounced.bounce", "ben@x"))],
        ),
        (said(("ann@x", HARD)), said(("ann@x", HARD), ("ben@x", SOFT)), [(("bounced.bounce", "ben@x"), None)]),
    ],
)
def test_each_event_that_is_wrong_is_replaced(before, now, corrections):
    told = tell(before)
    found = correct(now, told)
    assert [(about(one.event), about(one.replaced)) for one in found] == corrections
    assert len({one.event.id for one in found} | {event.id for event in told}) == len(found) + len(told)
    for one in found:
        document = json.loads(one.event.document)
        assert document["id"] == one.event.id
        assert document["data"]["replaces"] == (one.replaced and one.replaced.id)
    assert correct(now, [*told, *(one.event for one in found)]) == []
    assert [one.event.id for one in correct(now, told)] == [one.event.id for one in found]


def test_to_go_back_is_another_event():
    before, now = said(("ann@x", HARD)), said(("ann@x", SOFT))
    told = tell(before)
    for understanding in (now, before, now):
        told += [one.event for one in correct(understanding, told)]
    assert len({event.id for event in told}) == 4


def test_other_grounds_for_the_same_verdict_are_not_told():
    explained = replace(HARD, why=replace(HARD.why, rule="another/rule"), hint="another hint")
    assert correct(said(("ann@x", explained)), tell(said(("ann@x", HARD)))) == []


def test_whom_it_was_sent_to_stays_as_it_was_found():
    proven = Verp("4711", "signed", is_verified=True, recipient="ann@x")
    [outcome] = said(("private@x", HARD)).outcomes
    before = replace(said(), outcomes=(replace(outcome, recipient="ann@x", verp=proven),))
    now = keep_identity(said(("private@x", SOFT), ("ben@x", SOFT)), tell(before))
    assert [(one.recipient, one.verp and one.verp.is_verified) for one in now.outcomes] == [
        ("ann@x", True),
        ("ben@x", None),
    ]
