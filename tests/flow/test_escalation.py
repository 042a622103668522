"""What bounces do to their recipients, through the real pipeline, and what is told of it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jsonschema
import pytest

from bounced.escalate import Policy, State
from bounced.event import json_schema
from bounced.identify import VerpSettings, verp
from bounced.model import Envelope, Event, EventType, Message, Verp
from bounced.pipeline import understand
from bounced.store import Store
from tests.daemon.mail import complaint, dsn

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = START.date()
ANN = "ann@example.com"


def soft(recipient=ANN):
    return dsn(recipient, status="4.2.2", said="452 4.2.2 Mailbox full")


async def bring(flow, raws, *, days_apart=1):
    """Let messages come back one after the other."""
    for number, raw in enumerate(raws):
        moment = START + timedelta(days=number * days_apart)
        await flow.incoming.accept(Message.of(Envelope("", (f"bounces+{number}@example.com",), moment), raw))
        await flow.until_idle()


async def test_soft_bounces_that_persist_are_told_once(make_flow, sink, store):
    flow = make_flow(sink)
    async with flow.running():
        await bring(flow, [soft()] * 7)
        await sink.until_sent(8)
        await flow.until_idle()
    assert (await store.recipients.fetch(ANN)).state is State.UNDELIVERABLE
    stored = await store.fetch_event(Event.derive_id("", EventType.UNDELIVERABLE, ANN))
    document = json.loads(stored.event.document)
    jsonschema.Draft202012Validator(json_schema()).validate(document["data"])
    assert (document["id"], document["type"]) == (stored.event.id, "bounced.undeliverable")
    assert (document["data"]["recipient"], document["data"]["advice"]) == (ANN, "suppress")
    assert document["data"]["message"]["received_at"] == "2026-03-05T12:00:00.000Z"
    assert stored.event.routing_key == "bounced.undeliverable"
    assert sink.sent[ANN] == 8


async def test_a_hard_bounce_suppresses_at_once(make_flow, sink, store):
    flow = make_flow(sink)
    async with flow.running():
        await bring(flow, [dsn("Ann@Example.com")])
    assert (await store.recipients.fetch(ANN)).state is State.SUPPRESSED
    assert sink.sent.total() == 1


@pytest.mark.parametrize(("is_verified", "state"), [(True, State.SUPPRESSED), (False, None)])
async def test_where_proof_is_required_a_forged_bounce_changes_no_recipient(
    make_flow, sink, tmp_path, is_verified, state
):
    def read(raw, *_):
        understanding = understand(raw)
        verp = Verp("1", "signed", is_verified)
        return replace(understanding, outcomes=tuple(replace(one, verp=verp) for one in understanding.outcomes))

    policy = Policy(require_verified=True)
    async with await Store.open(f"sqlite:///{tmp_path}/strict.db", owner="one", policy=policy) as strict:
        flow = make_flow(sink, read=read, on=strict)
        async with flow.running():
            await bring(flow, [dsn(ANN)])
        stored = await strict.recipients.fetch(ANN)
        assert (stored and stored.state) is state


@pytest.mark.parametrize(("is_ours", "state"), [(True, State.COMPLAINED), (False, None)])
async def test_where_proof_is_required_a_complaint_that_proves_nothing_is_told_and_changes_no_recipient(
    make_flow, sink, tmp_path, is_ours, state
):
    key, domain = verp.Key("a", b"a secret of thirty-two octets or so"), "bounce.example.com"
    signed = verp.make("4711", domain=domain, keys=[key if is_ours else replace(key, secret=b"x" * 32)], today=DAY)
    raw = complaint(ANN).replace(b"Version: 1", b"Original-Mail-From: <" + signed.encode() + b">")

    def read(raw, envelope):
        return understand(raw, recipients=envelope.recipients, verp=VerpSettings((key,)), today=DAY)

    async with await Store.open(
        f"sqlite:///{tmp_path}/strict.db", owner="one", policy=Policy(require_verified=True)
    ) as strict:
        flow = make_flow(sink, read=read, on=strict)
        async with flow.running():
            await bring(flow, [raw])
        stored = await strict.recipients.fetch(ANN)
        [delivery] = await strict.list_deliveries()
        document = json.loads((await strict.fetch_event(delivery.event_id)).event.document)
    assert (stored and stored.state) is state
    assert (document["type"], document["data"]["verp"]["verified"]) == ("bounced.complaint", is_ours)
