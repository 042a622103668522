"""What flufl.bounce is asked, and what is believed of its answers."""

import pytest

from bounced.model import Action, Kind
from bounced.parse import parse

FULL = b"\n\nUser mailbox exceeds allowed size: ann@example.com\n"
SMTP32 = b"Subject: Mail error\nX-Mailer: <SMTP32 v990101>\n"


@pytest.mark.parametrize("sender", [b"", b"From:\n", b"From: \n", b"From: system@mx\n", b"From: system gr\xfcn\n"])
def test_a_report_is_read_whoever_sent_it(sender):
    report = parse(sender + SMTP32 + FULL)
    assert (report.kind, report.reader) == (Kind.BOUNCE, "flufl")
    assert [(finding.recipient, finding.action) for finding in report.findings] == [("ann@example.com", Action.FAILED)]
    assert report.findings[0].explanation == FULL.decode().strip()


def test_a_report_is_read_whatever_its_header_holds():
    mailer = b"Subject: Mail error\nX-Mailer: <SMTP32 v990101> gr\xfcn\nX-Loop: \xff\n"
    report = parse(b"From: postmaster@mx.example.net\n" + mailer + FULL)
    assert [finding.recipient for finding in report.findings] == ["ann@example.com"]


def test_an_error_of_a_detector_is_no_error_of_ours(caplog):
    described = (
        b"From: MAILER-DAEMON@mx.example.net\nContent-Type: multipart/mixed; boundary=b\n\n"
        b"--b\nContent-Description: \xff\n\nThis is the Postfix program\n--b--\n"
    )
    assert parse(described).findings == ()
    assert not caplog.records


@pytest.mark.parametrize(
    ("text", "explanation", "is_shared"),
    [
        ("\n\nUnknown user.", "User mailbox exceeds allowed size: ann@example.com\n\nUnknown user.", False),
        ("\n\nben@example.org is an unknown user.", "User mailbox exceeds allowed size: ann@example.com", False),
    ],
)
def test_of_several_addresses_what_stands_beside_one_explains_it(text, explanation, is_shared):
    (finding,) = parse(b"From:\n" + SMTP32 + FULL.rstrip() + text.encode()).findings
    assert (finding.recipient, finding.explanation, finding.is_shared) == ("ann@example.com", explanation, is_shared)


def test_what_stands_beside_others_alone_may_be_about_them():
    parts = b"\n--b\n\nSomebody, not the one at ben@example.org, is unknown.\n--b\n" + FULL + b"\n--b--\n"
    (finding,) = parse(b"From:\n" + SMTP32 + b"Content-Type: multipart/mixed; boundary=b\n" + parts).findings
    assert (finding.recipient, finding.is_shared) == ("ann@example.com", True)


def test_it_is_not_asked_about_mail_that_nothing_speaks_for():
    assert parse(b"Subject: hello\nX-Mailer: <SMTP32 v990101>" + FULL).kind is Kind.NOT_BOUNCE


def test_a_notice_is_read_in_front_of_any_number_of_lines():
    assert parse(SMTP32 + FULL + b"\n" * 60_000).reader == "flufl"
    assert parse(SMTP32 + b"\n" * 60_000 + FULL).kind is Kind.NOT_BOUNCE


def test_a_notice_is_read_beside_lines_that_are_too_long():
    assert parse(SMTP32 + FULL + b"x" * 5000 + b"\n" + b"<" * 5000).reader == "flufl"
