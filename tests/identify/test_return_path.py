"""What whole messages tell by the address that they came to, by their report, and by the mail that they give back."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import jsonschema
import pytest

from bounced.event import json_schema, make_events
from bounced.identify import BatvKey, VerpSettings, Wrapping, make_form, verp
from bounced.identify.wrapping import make_batv, make_srs0
from bounced.model import Envelope, Message, Verp
from bounced.pipeline import understand

KEY, BATV = verp.Key("a", b"a secret of thirty-two octets or so"), BatvKey("0", b"secret")
SETTINGS = VerpSettings((KEY,), wrapping=Wrapping((BATV,), (b"srs",)))
TODAY = date(2026, 11, 23)
DOMAIN = "bounce.example.com"
SIGNED = verp.make("4711", domain=DOMAIN, keys=[KEY], today=TODAY)
WITH_RECIPIENT = verp.make("4711", domain=DOMAIN, keys=[KEY], today=TODAY, recipient="ann@example.org")
FORGED = verp.make("4711", domain=DOMAIN, keys=[replace(KEY, secret=b"of somebody else")], today=TODAY)
MAILMAN = "news-bounces+ann=example.org@lists.example.com"

REPORT = """\
From: MAILER-DAEMON@mx.example.net
To: {to}
Content-Type: multipart/report; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
Original-Envelope-Id: job+2B47
{blocks}
--b
Content-Type: {type}

From: news@example.com
To: {asked}
Message-ID: <1@example.com>
Feedback-ID: 7:autumn:news:example
List-Unsubscribe: <https://example.com/u/7>
X-Campaign-ID: autumn

--b--
"""


def report(*finals, to="somebody@example.net", asked="list@example.org", type_="text/rfc822-headers", action="failed"):
    blocks = "".join(
        f"\nFinal-Recipient: rfc822; {final}\nAction: {said or action}\nStatus: 5.1.1\n"
        for final, _, said in (final.partition("!") for final in finals)
    )
    return REPORT.format(to=to, blocks=blocks, type=type_, asked=asked).encode()


def read(raw, *recipients, today=TODAY, settings=SETTINGS):
    return understand(raw, recipients=recipients, verp=settings, today=today)


def told(understanding):
    return [(one.recipient, one.verp) for one in understanding.outcomes]


def test_a_signed_return_path_tells_the_message():
    [(recipient, verp_)] = told(read(report("ann@example.org"), SIGNED))
    assert (recipient, verp_) == ("ann@example.org", Verp("4711", "signed", is_verified=True))


def test_the_recipient_in_a_signed_return_path_is_the_one_we_sent_to():
    [outcome] = read(report("private@example.com"), WITH_RECIPIENT).outcomes
    assert (outcome.recipient, outcome.finding.recipient) == ("ann@example.org", "private@example.com")
    assert outcome.verp == Verp("4711", "signed", is_verified=True, recipient="ann@example.org")


def test_the_return_path_wins_over_an_original_recipient_that_the_returned_mail_names():
    raw = report("private@example.com\nOriginal-Recipient: rfc822; list@example.org")
    assert read(raw).outcomes[0].recipient == "list@example.org"
    assert read(raw, WITH_RECIPIENT).outcomes[0].recipient == "ann@example.org"


def test_a_forged_return_path_is_marked_and_tells_nothing():
    assert told(read(report("ben@example.org"), FORGED)) == [
        ("ben@example.org", Verp(None, "signed", is_verified=False))
    ]


def test_an_expired_return_path_is_known_and_not_verified():
    understanding = read(report("private@example.com"), WITH_RECIPIENT, today=TODAY + timedelta(36))
    assert told(understanding) == [
        ("ann@example.org", Verp("4711", "signed", is_verified=False, recipient="ann@example.org"))
    ]
    assert read(report("private@example.com"), WITH_RECIPIENT, today=None).outcomes[0].verp.is_verified


def test_without_keys_nothing_counts_as_signed():
    assert told(understand(report("ann@example.org"), recipients=[SIGNED])) == [("ann@example.org", None)]


def test_another_form_tells_the_recipient_and_is_never_verified():
    assert told(read(report("private@example.com"), MAILMAN)) == [
        ("ann@example.org", Verp(None, "mailman", is_verified=False, recipient="ann@example.org"))
    ]


@pytest.mark.parametrize(
    ("finals", "recipients"),
    [
        (["ann@example.org", "ben@example.org"], {"ann@example.org": True, "ben@example.org": False}),
        (["ANN@Example.org", "ben@example.org"], {"ann@example.org": True, "ben@example.org": False}),
        (["x@example.com", "ben@example.org"], {"x@example.com": False, "ben@example.org": False}),
        (["x@example.com", "ben@example.org!delivered"], {"ann@example.org": True, "ben@example.org": False}),
        (["x@example.com", "x@example.com!delivered"], {"ann@example.org": True, "x@example.com": False}),
        (["x@example.com!delayed"], {"ann@example.org": True}),
    ],
)
def test_a_return_path_with_a_recipient_speaks_of_one(finals, recipients):
    outcomes = read(report(*finals), WITH_RECIPIENT).outcomes
    assert {one.recipient: one.verp is not None for one in outcomes} == recipients


@pytest.mark.parametrize(
    ("finals", "advice"),
    [
        (["x@example.com"], "review"),
        (["ann@mx.example.org"], "suppress"),
        (["x@example.com", "ben@example.org!delivered"], "review"),
        (["x@example.com", "ben@example.org!delayed"], "review"),
        (["ann@example.org", "ben@example.org!delivered"], "suppress"),
    ],
)
def test_whom_only_the_return_path_names_is_not_dead_with_a_mailbox_behind_him(finals, advice):
    outcomes = read(report(*finals), WITH_RECIPIENT).outcomes
    assert {one.recipient: one.verdict and one.verdict.advice for one in outcomes}["ann@example.org"] == advice


def test_the_id_in_a_return_path_without_recipient_is_told_of_all():
    outcomes = read(report("ann@example.org", "ben@example.org"), SIGNED).outcomes
    assert [one.verp.id for one in outcomes] == ["4711", "4711"]


@pytest.mark.parametrize(
    ("finals", "verified"),
    [
        (["ann@example.org"], {"ann@example.org"}),
        (["ann@example.org", "ANN@example.org!delayed"], {"ann@example.org"}),
        (["ann@example.org", "ben@example.org"], set()),
        (["ann@example.org", "ben@example.org!delivered"], {"ann@example.org"}),
        (["ann@example.org!delivered", "ben@example.org!relayed"], set()),
    ],
)
def test_a_return_path_without_recipient_proves_what_is_said_of_the_only_one_that_failed(finals, verified):
    understanding = read(report(*finals), SIGNED)
    assert {one.recipient for one in understanding.outcomes if one.verp.is_verified} == verified
    notes = [note for note in understanding.report.notes if "several recipients" in note]
    assert len(notes) == (0 if verified else 1)


COMPLAINT = """\
From: feedback@provider.example
To: fbl@example.com
Content-Type: multipart/report; boundary=b

--b
Content-Type: message/feedback-report

Feedback-Type: abuse
{fields}
--b
Content-Type: message/rfc822

Return-Path: <{returned}>
From: news@example.com
To: ann@example.org

--b--
"""
ABOUT_ANN = "Original-Rcpt-To: ann@example.org"
EXPIRED = verp.make("4711", domain=DOMAIN, keys=[KEY], today=TODAY - timedelta(99), recipient="ann@example.org")


def complain(*fields, returned="news@example.com"):
    return COMPLAINT.format(fields="\n".join(fields), returned=returned).encode()


@pytest.mark.parametrize(
    ("raw", "is_verified"),
    [
        (complain(ABOUT_ANN, f"Original-Mail-From: <{SIGNED}>"), True),
        (complain(ABOUT_ANN, f"Original-Mail-From: {WITH_RECIPIENT.upper()}"), True),
        (complain(ABOUT_ANN, returned=SIGNED), True),
        (complain(ABOUT_ANN, "Original-Mail-From: news@example.com", returned=WITH_RECIPIENT), True),
        (complain(ABOUT_ANN, f"Original-Mail-From: <{FORGED}>"), False),
        (complain(ABOUT_ANN, f"Original-Mail-From: <{EXPIRED}>"), False),
        (complain(ABOUT_ANN, f"Original-Mail-From: <{make_batv(MAILMAN, BATV, expires=TODAY)}>"), False),
        (complain(ABOUT_ANN, "Original-Rcpt-To: ben@example.org", f"Original-Mail-From: <{SIGNED}>"), False),
        (complain(ABOUT_ANN), False),
    ],
)
def test_a_complaint_is_proven_by_the_signed_return_path_of_the_mail_complained_of(raw, is_verified):
    outcomes = read(raw, "fbl@example.com").outcomes
    assert "ann@example.org" in {one.recipient for one in outcomes}
    assert {one.verp is not None and one.verp.is_verified for one in outcomes} == {is_verified}


def test_a_complaint_is_proven_by_the_address_that_it_came_to():
    [outcome] = read(complain(ABOUT_ANN), SIGNED).outcomes
    assert outcome.verp == Verp("4711", "signed", is_verified=True)


def test_a_complaint_with_a_return_path_that_holds_a_recipient_is_about_him():
    [outcome] = read(complain("Original-Rcpt-To: ben@example.org", returned=WITH_RECIPIENT), "fbl@example.com").outcomes
    assert outcome.recipient == "ann@example.org"


def test_a_bounce_is_not_proven_by_what_is_within_it():
    raw = report("ann@example.org").replace(b"From: news@", f"Return-Path: <{SIGNED}>\nFrom: news@".encode())
    assert told(read(raw, "bounce@example.com")) == [("ann@example.org", None)]


def test_a_report_whose_recipient_was_lost_is_about_the_one_to_whom_it_goes_back():
    lost = b"From: MAILER-DAEMON@mx.example.net\nSubject: Returned mail: see transcript for details\n\n"
    [outcome] = read(lost, WITH_RECIPIENT).outcomes
    assert (outcome.recipient, outcome.verp.is_verified) == ("ann@example.org", True)
    assert (outcome.verdict.reason, outcome.verdict.advice) == ("undefined", "review")
    assert read(lost, SIGNED).outcomes == ()


@pytest.mark.parametrize(
    ("held", "named"),
    [
        ("j@bücher.example", "j@xn--bcher-kva.example"),
        ("j@xn--bcher-kva.example", "J@Bücher.example"),
        ("a..b@example.org", '"a..b"@example.org'),
    ],
)
def test_a_recipient_is_known_in_whatever_form_servers_write_the_address(held, named):
    address = verp.make("7", domain=DOMAIN, keys=[KEY], today=TODAY, recipient=held)
    of_him, of_another = read(report(named, "ben@example.org"), address).outcomes
    assert (of_him.recipient, of_him.verp) == (held, Verp("7", "signed", is_verified=True, recipient=held))
    assert of_another.verp is None


def test_one_recipient_who_is_named_in_two_forms_is_the_only_one():
    outcomes = read(report("j@bücher.example", "j@xn--bcher-kva.example"), SIGNED).outcomes
    assert [outcome.verp for outcome in outcomes] == [Verp("4711", "signed", is_verified=True)]


def test_of_several_envelope_recipients_the_verified_one_counts():
    for recipients in ([FORGED, MAILMAN, SIGNED], [SIGNED, FORGED]):
        assert read(report("ann@example.org"), *recipients).verp == Verp("4711", "signed", is_verified=True)
    assert read(report("ann@example.org"), "x@example.com", MAILMAN, FORGED).verp.form == "mailman"


def test_a_pattern_of_ones_own_is_read_first():
    settings = replace(SETTINGS, patterns=(make_form("mine", r"(?P<id>.+)-bounces\+.+@.+"),))
    assert read(report("ann@example.org"), MAILMAN, settings=settings).verp == Verp("news", "mine", is_verified=False)


def test_the_header_gives_hints_and_no_proof():
    unproven = Verp("4711", "signed", is_verified=False)
    raw = report("ann@example.org", to=f"<{SIGNED}>")
    assert read(raw).verp == read(raw, "bounce@example.com").verp == unproven
    assert read(b"Delivered-To: " + SIGNED.encode() + b"\n" + report("ann@example.org", to=MAILMAN)).verp == unproven
    assert read(raw, MAILMAN).verp.form == "mailman"


@pytest.mark.parametrize("address", ["bounce@example.com", "a\ud800@example.com", "", "\n"])
def test_any_other_address_tells_nothing(address):
    assert read(report("ann@example.org"), address).verp is None


def test_what_servers_put_around_a_return_path_comes_off_first():
    tagged = make_batv(SIGNED, BATV, expires=TODAY)
    forwarded = make_srs0(tagged, "lists.example.com", b"srs", today=TODAY)
    for address in (tagged, forwarded, '"' + SIGNED.replace("@", '"@')):
        assert read(report("ann@example.org"), address).verp == Verp("4711", "signed", is_verified=True)


def test_a_proven_tag_proves_what_is_in_it():
    tagged = make_batv(MAILMAN, BATV, expires=TODAY)
    recipient = "ann@example.org"
    for settings, is_verified in ((SETTINGS, True), (VerpSettings(), False)):
        found = read(report(recipient), tagged, settings=settings).verp
        assert found == Verp(None, "mailman", is_verified=is_verified, recipient=recipient)
    plain = make_batv("news@example.com", BATV, expires=TODAY)
    assert read(report(recipient), plain).verp == Verp(None, "batv", is_verified=True)


def test_a_forger_gains_nothing_by_a_tag_around_a_forged_return_path():
    tagged = make_batv(FORGED, replace(BATV, secret=b"of somebody else"), expires=TODAY)
    assert read(report("ann@example.org"), tagged).verp == Verp(None, "signed", is_verified=False)


@pytest.mark.parametrize("type_", ["message/rfc822", "text/rfc822-headers", "message/global-headers"])
def test_the_original_is_known_by_what_comes_back_of_it(type_):
    original = understand(report("ann@example.org", type_=type_), headers=["X-Campaign-ID"]).original
    assert (original.message_id, original.feedback_id) == ("<1@example.com>", "7:autumn:news:example")
    assert (original.list_unsubscribe, original.envelope_id) == ("<https://example.com/u/7>", "job+47")
    assert original.headers == {"x-campaign-id": "autumn"}


def test_the_original_is_known_where_it_is_quoted_in_text():
    raw = (
        b"From: MAILER-DAEMON@mx.example.net\n\nHi. This is the qmail-send program at mx.example.net.\n"
        b"<ann@example.org>:\n550 5.1.1 no such user\n\n--- Below this line is a copy of the message.\n\n"
        b"Return-Path: <news@example.com>\nMessage-ID: <1@example.com>\nFeedback-ID: 7:autumn\n"
        b"List-Id: <news.example.com>\nList-Unsubscribe: <https://example.com/u/7>,\n\t<mailto:u@example.com>\n"
        b"X-Campaign-ID: autumn\nTo: ann@example.org\n\nHello\n"
    )
    original = understand(raw, headers=["X-Campaign-ID"]).original
    assert (original.message_id, original.feedback_id) == ("<1@example.com>", "7:autumn")
    assert original.list_unsubscribe == "<https://example.com/u/7>, <mailto:u@example.com>"
    assert original.list_id == "<news.example.com>"
    assert original.headers == {"x-campaign-id": "autumn"}
    assert original.envelope_id is None


@pytest.mark.parametrize(
    ("raw", "recipient"),
    [(report("private@example.com"), "ann@example.org"), (b"Subject: hello\n\nNo report at all\n", None)],
)
def test_the_event_says_what_the_return_path_tells(raw, recipient):
    envelope = Envelope("", (WITH_RECIPIENT,), datetime(2026, 11, 23, 9, 0, tzinfo=UTC))
    [event] = make_events(Message.of(envelope, raw), read(raw, *envelope.recipients), source="/bounced/test")
    data = json.loads(event.document)["data"]
    assert data["verp"] == {"id": "4711", "verified": True, "form": "signed"}
    assert data["recipient"] == recipient
    jsonschema.Draft202012Validator(json_schema()).validate(data)


def test_a_complaint_that_names_nobody_is_about_whom_a_signed_return_path_holds():
    redacted = complain("Original-Rcpt-To: redacted", returned=WITH_RECIPIENT).replace(b"To: ann@example.org\n", b"")
    [outcome] = read(redacted, "fbl@example.com").outcomes
    assert (outcome.recipient, outcome.verp.is_verified) == ("ann@example.org", True)
    assert read(redacted.replace(WITH_RECIPIENT.encode(), FORGED.encode()), "fbl@example.com").outcomes == ()
