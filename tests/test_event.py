import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from bounced.event import json_schema, make_events, make_quarantine_event
from bounced.model import Envelope, EventType, Message
from bounced.pipeline import understand
from bounced.shipped import read_text

SAMPLES = {path.name: path.read_bytes() for path in files("bounced.samples").iterdir() if path.name.endswith(".eml")}
NOW = datetime(2026, 11, 23, 9, 33, 53, 120_000, tzinfo=UTC)
SOURCE = "/bounced/mx1.example.com"


def message(raw, received_at=NOW):
    return Message.of(Envelope("", ("bounce@example.net",), received_at), raw)


def events_of(raw, received_at=NOW):
    return make_events(message(raw, received_at), understand(raw), source=SOURCE)


def document_of(event):
    return json.loads(event.document)


def schema():
    validator = jsonschema.Draft202012Validator(json_schema())
    validator.check_schema(json_schema())
    return validator


@pytest.mark.parametrize("sample", SAMPLES)
def test_an_event_is_a_cloud_event(sample):
    for event in events_of(SAMPLES[sample]):
        document = document_of(event)
        assert {key: value for key, value in document.items() if key not in {"data", "type", "id"}} == {
            "specversion": "1.0",
            "source": SOURCE,
            "time": "2026-11-23T09:33:53.120Z",
            "datacontenttype": "application/json",
            "dataschema": "urn:bounced:schemas/bounce-1.json",
        }
        assert (document["id"], document["type"]) == (event.id, event.type)
        assert document["data"]["recipient"] == event.recipient
        assert "\n" not in event.document


def test_an_event_is_never_so_long_that_a_broker_refuses_it():
    raw = SAMPLES["1-user-unknown.eml"].replace(b"Subject: The November issue", b"Subject: " + b"\x01" * 60_000)
    raw = raw.replace(b"Diagnostic-Code: smtp; ", b"Diagnostic-Code: smtp; " + b"\x01" * 900_000)
    [event] = events_of(raw)
    [usual] = events_of(SAMPLES["1-user-unknown.eml"])
    data = document_of(event)["data"]
    assert len(event.document) < 100_000
    assert len(data["diagnostic"]) == len(data["original"]["subject"]) == 2001
    assert event.recipient == data["recipient"] == usual.recipient


def test_a_long_text_is_told_whole_where_the_event_is_not_too_long():
    raw = SAMPLES["1-user-unknown.eml"].replace(b"Subject: The November issue", b"Subject: " + b"x" * 9000)
    [event] = events_of(raw)
    assert document_of(event)["data"]["original"]["subject"] == "x" * 9000


def test_no_text_holds_a_nul_which_databases_refuse():
    raw = SAMPLES["1-user-unknown.eml"].replace(
        b"Subject: The November issue", rb"Subject: a =?utf-8?q?=00?=\u0000 b" + b"\0"
    )
    [event] = events_of(raw)
    assert document_of(event)["data"]["original"]["subject"] == "a \ufffd\\u0000 b\ufffd"


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_data_keep_to_the_schema(sample):
    for event in events_of(SAMPLES[sample]):
        schema().validate(document_of(event)["data"])


def test_the_quarantine_event_keeps_to_the_schema():
    event = make_quarantine_event(message(b"x"), source=SOURCE)
    schema().validate(document_of(event)["data"])
    assert (event.type, event.recipient, event.routing_key) == ("bounced.unrecognized", None, "bounced.unrecognized")
    assert document_of(event)["data"]["message"]["kind"] is None
    assert document_of(event)["data"]["message"]["notes"] == ["quarantined: reading this message failed three times"]


def test_the_schema_refuses_what_is_no_event():
    data = document_of(events_of(SAMPLES["1-user-unknown.eml"])[0])["data"]
    for wrong in ({"advice": "panic"}, {"recipient": 3}, {"message": None}, {"why": {"rule": "x"}}):
        assert not schema().is_valid(data | wrong)
    assert not schema().is_valid({key: value for key, value in data.items() if key != "code"})


def test_the_shipped_schema_is_the_generated_one():
    assert json.loads(read_text("bounced.schemas", "bounce-1.json")) == json_schema()


def test_every_field_of_the_schema_is_in_every_event():
    names = list(json_schema()["properties"])
    for raw in SAMPLES.values():
        assert [list(document_of(event)["data"]) for event in events_of(raw)] == [names] * len(events_of(raw))


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_same_message_gives_the_same_octets(sample):
    assert events_of(SAMPLES[sample]) == events_of(SAMPLES[sample])


def test_another_process_gives_the_same_octets():
    program = (
        "from pathlib import Path; from bounced.pipeline import understand; import sys;"
        "print([understand(path.read_bytes()) for path in sorted(Path(sys.argv[1]).glob('*/*.eml'))])"
    )
    corpus = Path(__file__).parent / "corpus"
    said = {
        subprocess.run(
            [sys.executable, "-c", program, corpus],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1


def test_the_id_of_an_event_does_not_depend_on_when_it_is_made():
    raw = SAMPLES["1-user-unknown.eml"]
    assert [event.id for event in events_of(raw)] == [event.id for event in events_of(raw, NOW + timedelta(days=1))]


def test_times_are_in_utc():
    (event,) = events_of(SAMPLES["1-user-unknown.eml"], NOW.astimezone(timezone(timedelta(hours=9))))
    assert document_of(event)["time"] == "2026-11-23T09:33:53.120Z"


def test_a_mixed_report_gives_one_event_for_each_recipient():
    bounce, delivery = events_of(SAMPLES["4-two-recipients.eml"])
    assert (bounce.type, bounce.recipient) == (EventType.BOUNCE, "dora@example.com")
    assert (delivery.type, delivery.recipient) == (EventType.DELIVERY, "emil@example.com")
    assert bounce.id != delivery.id
    assert document_of(delivery)["data"]["bounce_type"] is None
    assert document_of(delivery)["data"]["status"] == "2.1.9"


@pytest.mark.parametrize(
    ("sample", "key"),
    [
        ("1-user-unknown.eml", "bounced.bounce.hard.suppress"),
        ("2-mailbox-full.eml", "bounced.bounce.soft.retry"),
        ("3-blocklisted.eml", "bounced.bounce.hard.fix"),
        ("5-delayed.eml", "bounced.delay"),
        ("6-complaint.eml", "bounced.complaint"),
        ("7-away.eml", "bounced.auto_reply"),
        ("8-not-a-bounce.eml", "bounced.unrecognized"),
    ],
)
def test_the_routing_key_says_what_to_do(sample, key):
    assert [event.routing_key for event in events_of(SAMPLES[sample])] == [key]


def test_mail_that_is_no_report_is_told_once_and_names_nobody():
    (event,) = events_of(SAMPLES["8-not-a-bounce.eml"])
    data = document_of(event)["data"]
    assert (event.type, event.recipient) == (EventType.UNRECOGNIZED, None)
    assert data["message"]["kind"] == "not_bounce"
    assert {key for key, value in data.items() if value is not None} == {"original", "message"}


def test_a_complaint_that_names_nobody_is_still_a_complaint():
    (event,) = events_of(b"Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n")
    assert (event.type, event.recipient) == (EventType.COMPLAINT, None)


@pytest.mark.parametrize("type_", ["not-spam", "Auth-Failure"])
def test_a_feedback_report_in_which_nobody_complains_is_no_complaint(type_):
    fields = f"Feedback-Type: {type_}\nOriginal-Rcpt-To: ann@example.com\n"
    (event,) = events_of(f"Content-Type: message/feedback-report\n\n{fields}".encode())
    assert (event.type, event.recipient) == (EventType.UNRECOGNIZED, None)
    told = document_of(event)["data"]["message"]
    assert (told["kind"], told["notes"]) == ("feedback_report", ["a feedback report in which nobody complains"])


def test_what_an_event_says_of_a_bounce():
    raw = SAMPLES["1-user-unknown.eml"]
    (event,) = events_of(raw)
    assert document_of(event)["data"] == {
        "recipient": "ann@example.com",
        "original_recipient": "ann@example.com",
        "final_recipient": "ann@example.com",
        "bounce_type": "hard",
        "advice": "suppress",
        "reason": "user_unknown",
        "fault": "recipient",
        "code": "511",
        "code_text": "Bad destination mailbox address",
        "status": "5.1.1",
        "reply_code": "550",
        "action": "failed",
        "diagnostic": "smtp; 550 5.1.1 <ann@example.com>: Recipient address rejected: "
        "User unknown in virtual mailbox table",
        "why": {"rule": "texts/english/user_unknown/mailbox", "evidence": "user unknown", "confidence": "likely"},
        "provider": None,
        "postmaster": None,
        "hint": None,
        "reporting_mta": "relay.demo.example",
        "remote_mta": "mx.example.com",
        "verp": None,
        "replaces": None,
        "original": {
            "message_id": "<november.1@demo.example>",
            "from": "Demo News <news@demo.example>",
            "to": "Ann <ann@example.com>",
            "subject": "The November issue",
            "date": "Mon, 23 Nov 2026 09:33:50 +0000",
            "list_id": "Demo News <news.demo.example>",
            "feedback_id": None,
            "list_unsubscribe": None,
            "envelope_id": None,
            "headers": {},
        },
        "message": {
            "id": message(raw).id,
            "received_at": "2026-11-23T09:33:53.120Z",
            "size": len(raw),
            "kind": "bounce",
            "notes": [],
        },
    }
