"""What of an event is counted, and by what it is found."""

import json
from datetime import UTC, datetime

import pytest

from bounced.event import make_events
from bounced.model import Envelope, Event, EventType, Message
from bounced.pipeline import understand
from bounced.tallies import Dimension, mention_of, summarize
from tests.daemon.mail import complaint, dsn

NOW = datetime(2026, 11, 23, 9, 33, 53, tzinfo=UTC)


def events_of(raw, headers=()):
    message = Message.of(Envelope("", ("bounce@example.com",), NOW), raw)
    return make_events(message, understand(raw, headers=headers), source="/test")


def counts_of(raw, **options):
    [event] = events_of(raw, headers=filter(None, [options.get("campaign_header")]))
    return dict(summarize(event, NOW, **options).counts)


def event_with(**data):
    document = json.dumps({"time": "2026-11-23T09:59:59.999Z", "data": data})
    return Event("evt_1", EventType.BOUNCE, "ann@example.com", "bounced.bounce", document)


def test_a_bounce_counts_by_all_that_is_known_of_it():
    said = "550-5.7.1 Our system has detected an unusual rate of unsolicited mail. https://support.google.com/mail/"
    raw = dsn(said=said).replace(b"dns; mx.example.com", b"dns; gmail-smtp-in.l.google.com")
    counts = counts_of(raw)
    assert counts[Dimension.TYPE] == "bounced.bounce"
    assert counts[Dimension.PROVIDER] == "gmail"
    assert counts[Dimension.DOMAIN] == "test.example"
    assert counts[Dimension.REFUSAL] == f"gmail {counts[Dimension.REASON]}"
    assert Dimension.CAMPAIGN not in counts


def test_a_correction_is_found_and_not_counted_again():
    summary = summarize(event_with(replaces="evt_0", verp={"id": "4711"}), NOW)
    assert (summary.counts, summary.mentions) == ((), ("4711",))


def test_a_complaint_counts_by_its_type_alone():
    assert counts_of(complaint("ann@example.com")) == {Dimension.TYPE: "bounced.complaint"}


def test_a_campaign_is_told_by_the_header_that_is_configured():
    raw = dsn().replace(b"Subject: The November issue", b"X-Campaign-ID: November  2026\r\nSubject: The November issue")
    assert counts_of(raw, campaign_header="x-campaign-id")[Dimension.CAMPAIGN] == "November 2026"
    assert Dimension.CAMPAIGN not in counts_of(raw, campaign_header="X-Other")


@pytest.mark.parametrize(
    ("sender", "domain"),
    [
        ("News <news@Example.COM>", "example.com"),
        ("news@example.com.", "example.com"),
        ('"a@b" <news@example.com>', "example.com"),
        ("nobody", None),
        (None, None),
    ],
)
def test_the_sending_domain_is_that_of_the_from_header(sender, domain):
    counts = dict(summarize(event_with(original={"from": sender}), NOW).counts)
    assert counts.get(Dimension.DOMAIN) == domain


def test_the_hour_is_that_in_which_the_message_came():
    assert summarize(event_with(), NOW).hour == datetime(2026, 11, 23, 9, tzinfo=UTC)


def test_an_event_is_found_by_message_id_and_return_path():
    event = event_with(original={"message_id": " <November.1@test.example> "}, verp={"id": "Cust-7"})
    assert summarize(event, NOW).mentions == ("November.1@test.example", "Cust-7")


@pytest.mark.parametrize("document", ["{}", "[]", '{"data": null}', '{"data": {"original": 3, "verp": []}}'])
def test_a_document_that_says_nothing_is_no_trouble(document):
    event = Event("evt_1", EventType.BOUNCE, None, "bounced.bounce", document)
    found = summarize(event, NOW)
    assert found.counts == ((Dimension.TYPE, "bounced.bounce"),)
    assert (found.hour, found.mentions) == (NOW.replace(minute=0, second=0), ())


def test_what_is_very_long_is_cut():
    event = event_with(original={"message_id": "x" * 5000}, reason="r" * 5000)
    assert len(dict(summarize(event, NOW).counts)[Dimension.REASON]) == 100
    assert summarize(event, NOW).mentions == ("x" * 320,) == (mention_of("x" * 5000),)
