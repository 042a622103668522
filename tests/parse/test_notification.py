"""Notices of Amazon SES that come as mail."""

import base64
import json
import quopri

import pytest

from bounced.model import Kind
from bounced.parse import parse


def notice(type_, *recipients, **about):
    body = {"notificationType": type_, "bounce": {"bouncedRecipients": list(recipients), **about}}
    return b"From: no-reply@sns.example.com\nSubject: Notification\n\n" + json.dumps(body).encode()


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("Bounce", Kind.BOUNCE),
        ("Complaint", Kind.FEEDBACK_REPORT),
        ("Delivery", Kind.SUCCESS),
        ("DeliveryDelay", Kind.DELAY),
    ],
)
def test_a_notice_says_what_it_is(type_, kind):
    report = parse(notice(type_, {"emailAddress": "ann@example.com"}, reportingMTA="dns; a1.example.com"))
    assert (report.kind, report.reader, report.reporting_mta) == (kind, "ses", "a1.example.com")
    assert [finding.recipient for finding in report.findings] == ["ann@example.com"]


def test_codes_are_read_from_fields_and_diagnostic():
    recipient = {"emailAddress": "ann@example.com", "status": "5.0.0", "diagnosticCode": "smtp; 550 5.1.1 no"}
    (finding,) = parse(notice("Bounce", recipient)).findings
    assert (str(finding.status), str(finding.said_status), str(finding.reply)) == ("5.0.0", "5.1.1", "550")


def test_what_is_no_address_is_left_out():
    report = parse(
        notice("Bounce", {"emailAddress": "nobody"}, {"emailAddress": 3}, {"emailAddress": "ann@example.com"})
    )
    assert [finding.recipient for finding in report.findings] == ["ann@example.com"]


def test_what_is_no_json_is_left_out():
    raw = notice("Bounce", {"emailAddress": "ann@example.com"}).replace(b'"ann@example.com"', b"ann@example.com")
    assert parse(raw).findings == ()


def test_half_of_a_surrogate_pair_becomes_text():
    raw = notice("Bounce", {"emailAddress": "ann@example.com", "diagnosticCode": "smtp; 550 \ud83d"})
    assert parse(raw).findings[0].diagnostic == "smtp; 550 ?"


def test_other_notices_are_not_taken_for_bounces():
    assert parse(notice("Send", {"emailAddress": "ann@example.com"})).kind is Kind.NOT_BOUNCE


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_an_encoded_notice_is_read(encoding):
    head, _, body = notice("Bounce", {"emailAddress": "ann@example.com"}).partition(b"\n\n")
    encoded = (
        base64.encodebytes(body) if encoding == "base64" else quopri.encodestring(body).replace(b"email", b"em=\nail")
    )
    report = parse(head + f"\nContent-Transfer-Encoding: {encoding}\n\n".encode() + encoded)
    assert [finding.recipient for finding in report.findings] == ["ann@example.com"]


def test_a_notice_that_somebody_asks_about_is_none():
    _, _, body = notice("Bounce", {"emailAddress": "ann@example.com"}).partition(b"\n\n")
    question = b"From: Ben <ben@example.org>\nSubject: Re: Notification\n\nWhat is this?\n> " + body
    assert parse(question).kind is Kind.NOT_BOUNCE
