"""Rules change; what they would have said of stored messages is told, once."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import jsonschema
import pytest

from bounced.app import make_recipe
from bounced.config import load
from bounced.escalate import State, find_facts
from bounced.event import describe_understanding, json_schema, make_events
from bounced.model import Envelope, Message
from bounced.store import Conclusion, DeliveryState, EventFilters, Horizon, Settlement
from tests.daemon.mail import dsn

RULE = """
[[rule]]
name = "moon"
pattern = ["the moon is full"]
reason = "{reason}"
source = "these tests"
example = "550 the moon is full"
"""
MOON = {"status": "5.1.1", "said": "550 5.1.1 the moon is full"}
ANN, BEN = "ann@example.com", "ben@example.com"


@pytest.fixture
def rules(tmp_path):
    folder = tmp_path / "rules"
    folder.mkdir()
    return folder


@pytest.fixture
def config(write_config, rules):
    return write_config(f'[classify]\nrules = "{rules}"')


@pytest.fixture
def come_back(store, config):
    """Take mail from accepted to concluded as a daemon with this configuration does."""

    async def come_back_(raw):
        loaded = load(config)
        message = Message.of(Envelope("", ("bounce@example.com",), datetime.now(UTC)), raw)
        understanding = make_recipe(loaded)()(raw, message.envelope)
        events = make_events(message, understanding, source="/bounced/mx1.test.example")
        keys = tuple((event.id, "app") for event in events)
        report = json.dumps(describe_understanding(understanding))
        facts = find_facts(message, understanding)
        await store.accept(message, lease=True)
        assert await store.conclude(
            Conclusion(message.id, understanding.kind, report, events, keys, leased=frozenset(keys), facts=facts)
        )
        return message.id, [event.id for event in events]

    return come_back_


@pytest.fixture
def run(call, config):
    """Run the command while the test has a loop of its own."""
    return lambda *arguments: asyncio.to_thread(call, "reclassify", *arguments, "--config", config)


@pytest.fixture
def reclassify(run):
    async def reclassify_(*arguments):
        finished = await run("--since", "1h", "--jsonl", *arguments)
        assert finished.returncode == 0, finished.stderr
        return [json.loads(line) for line in finished.stdout.splitlines()], finished.stderr

    return reclassify_


def set_rule(rules, reason):
    (rules / "moon.toml").write_text(RULE.format(reason=reason))


async def told(store, message_id):
    stored, _ = await store.archive.list_events(EventFilters(message_id=message_id))
    return {one.event.id: json.loads(one.event.document) for one in stored}


async def test_a_corrected_event_names_the_one_it_replaces_and_the_recipient_follows(
    store, rules, come_back, reclassify
):
    message_id, [first] = await come_back(dsn(ANN, **MOON))
    await come_back(dsn(BEN))
    assert (await store.recipients.fetch(ANN)).state is State.SUPPRESSED
    set_rule(rules, "mailbox_full")
    [line], summary = await reclassify()
    assert summary == "2 messages, 1 changed, 1 events to tell\n"
    assert (line["message"], line["replaces"]) == (message_id, first)
    assert (line["before"]["reason"], line["after"]["reason"]) == ("user_unknown", "mailbox_full")
    events = await told(store, message_id)
    corrected = events[line["event"]]
    jsonschema.Draft202012Validator(json_schema()).validate(corrected["data"])
    assert corrected["id"] == line["event"] != first
    assert (corrected["data"]["replaces"], corrected["data"]["advice"]) == (first, "retry")
    assert events[first]["data"]["replaces"] is None
    recipient = await store.recipients.fetch(ANN)
    assert (recipient.state, recipient.counts) == (State.SOFT_BOUNCING, {"soft": 1})
    assert [delivery.event.id for delivery in await store.claim_deliveries("app", 10)] == [line["event"]]
    stored = await store.fetch_event(first)
    assert json.loads(stored.report)["recipients"][0]["reason"] == "mailbox_full"


async def test_running_it_twice_adds_nothing_and_another_change_replaces_the_correction(
    store, rules, come_back, reclassify
):
    message_id, [first] = await come_back(dsn(ANN, **MOON))
    set_rule(rules, "mailbox_full")
    [second], _ = await reclassify()
    assert await reclassify() == ([], "1 messages, 0 changed, 0 events to tell\n")
    set_rule(rules, "greylisted")
    [third], _ = await reclassify()
    (rules / "moon.toml").unlink()
    [fourth], _ = await reclassify()
    assert [line["replaces"] for line in (second, third, fourth)] == [first, second["event"], third["event"]]
    assert len(await told(store, message_id)) == 4
    recipient = await store.recipients.fetch(ANN)
    assert (recipient.state, recipient.counts) == (State.SUPPRESSED, {"hard": 1})


async def test_a_dry_run_prints_and_changes_nothing(store, rules, come_back, reclassify):
    message_id, [first] = await come_back(dsn(ANN, **MOON))
    set_rule(rules, "mailbox_full")
    lines, summary = await reclassify("--dry-run")
    assert [line["replaces"] for line in lines] == [first]
    assert summary == "1 messages, 1 would change, 1 events would be told\n"
    assert list(await told(store, message_id)) == [first]
    assert (await store.recipients.fetch(ANN)).state is State.SUPPRESSED
    assert (await reclassify())[0] == lines


async def test_people_get_a_table(run, rules, come_back):
    await come_back(dsn(ANN, **MOON))
    set_rule(rules, "mailbox_full")
    out = (await run("--since", "1h", "--dry-run")).stdout
    assert "bounce hard suppress user_unknown 511" in out
    assert "bounce soft retry mailbox_full 511" in out
    assert "moon/moon" in out


async def test_what_retention_removed_is_counted_and_left(store, rules, come_back, reclassify):
    message_id, [first] = await come_back(dsn(ANN, **MOON))
    now, past = datetime.now(UTC), datetime.now(UTC) - timedelta(days=1)
    await store.purge(Horizon(messages=now, reports=past, events=past, recipients=past))
    set_rule(rules, "mailbox_full")
    lines, summary = await reclassify()
    assert lines == []
    assert "1 could not be read again, retention has removed their raw content" in summary
    assert list(await told(store, message_id)) == [first]


async def test_an_event_that_retention_removed_is_not_told_again(store, rules, come_back, reclassify):
    message_id, [first] = await come_back(dsn(ANN, **MOON))
    await store.settle(Settlement.delivered((first, "app"), 1))
    now, past = datetime.now(UTC) + timedelta(seconds=1), datetime.now(UTC) - timedelta(days=1)
    await store.purge(Horizon(messages=past, reports=past, events=now, recipients=past))
    set_rule(rules, "mailbox_full")
    lines, summary = await reclassify()
    assert lines == []
    assert "of 1 retention has removed the events" in summary
    assert await told(store, message_id) == {}


async def test_what_was_concluded_before_is_not_looked_at(run, rules, come_back):
    await come_back(dsn(ANN, **MOON))
    set_rule(rules, "mailbox_full")
    finished = await run("--since", "2100-01-01")
    assert finished.stderr == "0 messages, 0 changed, 0 events to tell\n"


async def test_a_correction_that_is_one_bounce_too_many_is_told(store, rules, come_back, run, config):
    await come_back(dsn(ANN, **MOON))
    set_rule(rules, "mailbox_full")
    config.write_text(config.read_text() + "[escalate]\nbounces = 1\ndays = 1\n")
    assert (await run("--since", "1h")).returncode == 0
    assert (await store.recipients.fetch(ANN)).state is State.UNDELIVERABLE
    pending = await store.list_deliveries(state=DeliveryState.PENDING)
    fresh = {one.type: one.event_id for one in pending if one.attempts == 0}
    assert set(fresh) == {"bounced.bounce", "bounced.undeliverable"}
    data = {type_: json.loads((await store.fetch_event(id_)).event.document)["data"] for type_, id_ in fresh.items()}
    assert data["bounced.bounce"]["replaces"]
    assert data["bounced.undeliverable"]["replaces"] is None


def test_it_has_to_be_said_since_when(call, config):
    assert call("reclassify", "--config", config).returncode == 2
