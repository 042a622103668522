"""The AsyncAPI document is valid, up to date, and describes what is really sent."""

import copy
import json
import re
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from bounced.event import make_events, make_quarantine_event
from bounced.event.schema import asyncapi
from bounced.model import Envelope, EventType, Message
from bounced.pipeline import understand
from bounced.shipped import read_text

DOCUMENT = json.loads(read_text("bounced.schemas", "asyncapi.json"))
SPECIFICATION = json.loads((Path(__file__).parent / "schemas" / "asyncapi-3.0.0.json").read_text(encoding="utf-8"))
SAMPLES = [path.read_bytes() for path in files("bounced.samples").iterdir() if path.name.endswith(".eml")]


def make_all_events():
    envelope = Envelope("", ("bounce@example.net",), datetime(2026, 11, 23, tzinfo=UTC))
    for raw in (*SAMPLES, b"Subject: hello\r\n\r\nhello\r\n"):
        message = Message.of(envelope, raw)
        yield from make_events(message, understand(raw), source="/bounced/mx.test.example")
    yield make_quarantine_event(message, source="/bounced/mx.test.example")


EVENTS = list(make_all_events())


def is_valid(document):
    return jsonschema.Draft7Validator(SPECIFICATION).is_valid(document)


def look_up(reference):
    value = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        value = value[part]
    return value


def pattern_of(channel):
    choices = {name: "|".join(each["enum"]) for name, each in channel.get("parameters", {}).items()}
    return re.sub(r"\{(\w+)\}", lambda found: f"({choices[found[1]]})", channel["address"].replace(".", r"\."))


def channels_for(routing_key):
    return [channel for channel in DOCUMENT["channels"].values() if re.fullmatch(pattern_of(channel), routing_key)]


def test_the_document_that_is_shipped_is_up_to_date():
    assert json.loads(json.dumps(asyncapi())) == DOCUMENT, (
        "write it again: python -c 'import json, bounced.event.schema as s; print(json.dumps(s.asyncapi(), indent=2))' "
        "> bounced/schemas/asyncapi.json"
    )


def test_the_document_is_valid_asyncapi():
    jsonschema.Draft7Validator(SPECIFICATION).validate(DOCUMENT)


def test_the_specification_would_find_a_mistake():
    broken = copy.deepcopy(DOCUMENT)
    broken["operations"]["send_bounce"]["action"] = "shout"
    assert not is_valid(broken)


def test_every_reference_leads_somewhere():
    references = re.findall(r'"\$ref": "([^"]+)"', json.dumps(DOCUMENT))
    assert references
    for reference in references:
        assert look_up(reference)


@pytest.mark.parametrize("type_", EventType)
def test_every_type_of_event_has_a_channel(type_):
    assert [channel["address"] for channel in channels_for(str(type_))] == [type_]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.routing_key)
def test_an_event_comes_by_one_channel_with_the_message_that_is_described(event):
    [channel] = channels_for(event.routing_key)
    [message] = channel["messages"].values()
    payload = {**DOCUMENT, "$ref": f"{message['$ref']}/payload"}
    jsonschema.Draft202012Validator(payload).validate(json.loads(event.document))
    other = json.loads(event.document) | {"type": "bounced.other"}
    assert not jsonschema.Draft202012Validator(payload).is_valid(other)
