"""A message that is concluded anew, whichever database it is in."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bounced.escalate import Fact, FactKind, State
from bounced.model import Event, EventType, Fault
from bounced.store.corrections import Since

pytestmark = pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
ANN, BEN = "ann@example.com", "ben@example.com"


def correct(conclusion, *facts, replaced=0):
    """Return a conclusion with one new event, and with `facts` in place of those it had."""
    told = conclusion.events[0]
    event = replace(told, id=Event.derive_id(told.id, EventType.BOUNCE, str(replaced)))
    return replace(conclusion, events=(event,), deliveries=((event.id, "app"),), facts=facts, report='{"new": 1}')


def soft(conclusion, recipient):
    [fact] = [fact for fact in conclusion.facts if fact.recipient == recipient]
    return replace(fact, kind=FactKind.SOFT, reason="mailbox_full")


async def test_facts_are_replaced_and_the_state_follows(store, bounce, clock):
    before = await bounce(BEN)
    conclusion = await bounce(ANN, BEN)
    corrected = correct(conclusion, soft(conclusion, ANN))
    assert await store.corrections.write(corrected, clock.now) == 1
    ann, ben = await store.recipients.fetch(ANN), await store.recipients.fetch(BEN)
    assert (ann.state, ann.counts) == (State.SOFT_BOUNCING, {"soft": 1})
    assert [fact.message_id for fact in ben.facts] == [before.message_id]
    assert (await store.fetch_event(corrected.events[0].id)).report == '{"new": 1}'
    assert await store.fetch_event(conclusion.events[0].id)
    assert corrected.events[0].id in {each.event.id for each in await store.claim_deliveries("app", 10)}


async def test_a_recipient_who_is_not_spoken_of_any_more_is_active(store, bounce, clock):
    conclusion = await bounce(ANN)
    await store.corrections.write(correct(conclusion), clock.now)
    stored = await store.recipients.fetch(ANN)
    assert (stored.state, stored.facts) == (State.ACTIVE, ())


async def test_to_correct_again_writes_nothing(store, bounce, clock):
    conclusion = await bounce(ANN)
    corrected = correct(conclusion, soft(conclusion, ANN))
    assert [await store.corrections.write(corrected, clock.now) for _ in range(2)] == [1, 0]


async def test_what_an_operator_did_since_stays(store, bounce, clock):
    conclusion = await bounce(ANN, kind=FactKind.SOFT)
    clock.pass_(days=1)
    await store.recipients.clear(ANN, by="api")
    hard = Fact(ANN, conclusion.message_id, conclusion.facts[0].occurred_at, FactKind.HARD, "x", Fault.RECIPIENT)
    await store.corrections.write(correct(conclusion, hard), clock.now)
    stored = await store.recipients.fetch(ANN)
    assert (stored.state, stored.counts) == (State.ACTIVE, {"hard": 1, "cleared": 1})


async def test_a_message_that_is_not_concluded_is_not_corrected(store, make_message, conclude_as, clock):
    await store.accept(make_message(), lease=True)
    assert await store.corrections.write(conclude_as(make_message()), clock.now) == 0
    assert await store.corrections.count(clock.now - timedelta(days=1)) == 0


async def test_all_that_was_concluded_since_is_found_once(store, bounce, clock):
    await bounce(ANN)
    clock.pass_(hours=1)
    since, wanted = clock.now, []
    for number in range(7):
        wanted.append((await bounce(ANN, kind=FactKind.SOFT)).message_id)
        clock.pass_(seconds=number % 2)
    found, page = [], Since(since)
    while True:
        ids, after = await store.corrections.list(page, limit=3)
        found += ids
        if after is None:
            break
        page = Since(since, after)
    assert sorted(found) == sorted(wanted)
    assert len(found) == await store.corrections.count(since) == 7
