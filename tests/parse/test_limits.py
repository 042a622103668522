"""Hostile messages: each limit is kept, and what lies beyond does not hide what lies before."""

from bounced.model import Kind
from bounced.parse import Limits, parse

STATUS_PART = b"Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822; ann@example.com\nAction: failed\n"
REPORT = b"From: MAILER-DAEMON@mx.example.net\nContent-Type: multipart/report; boundary=b\n\n--b\n" + STATUS_PART
BIG = Limits(message_bytes=1 << 25)


def recipients(raw, limits=BIG):
    return [finding.recipient for finding in parse(raw, limits=limits).findings]


def nested(levels):
    opened = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level) for level in range(levels)
    )
    return opened + STATUS_PART


def mixed(parts):
    """Return a message with this many parts below it, the last of which names a recipient."""
    opened = b"Content-Type: multipart/mixed; boundary=b\n\n"
    return opened + b"--b\nContent-Type: text/plain\n\nx\n" * (parts - 1) + b"--b\n" + STATUS_PART


def long_header(size):
    """Return a report with a header of this size, the last field of which makes it one."""
    last, _, body = STATUS_PART.partition(b"\n\n")
    return b"X-Long: " + b"x" * (size - len(last) - 9) + b"\n" + last + b"\n\n" + body


def long_message(size):
    """Return a report of this size, the last octets of which name a recipient."""
    named = b"Final-Recipient: rfc822; ann@example.com"
    head = REPORT.partition(b"Final-Recipient")[0]
    return head + b"X-Long: " + b"x" * (size - len(head + named) - 10) + b"\n\n" + named


def test_a_mebibyte_is_looked_at_and_not_an_octet_more():
    last = parse(long_message(1_048_576))
    assert [finding.recipient for finding in last.findings] == ["ann@example.com"]
    assert last.notes == ()
    beyond = parse(long_message(1_048_577))
    assert [finding.recipient for finding in beyond.findings] == ["ann@example.co"]
    assert beyond.notes == ("looked at the first 1048576 octets only",)


def test_two_hundred_parts_are_looked_at_and_not_one_more():
    assert recipients(mixed(199), Limits()) == ["ann@example.com"]
    beyond = parse(mixed(200))
    assert beyond.findings == ()
    assert beyond.notes == ("looked at the first 200 parts only",)


def test_twenty_levels_are_looked_at_and_not_one_more():
    assert recipients(nested(20), Limits()) == ["ann@example.com"]
    assert recipients(nested(21), Limits()) == []


def test_a_header_of_64_kib_is_read_and_not_an_octet_more():
    assert recipients(long_header(65_536), Limits()) == ["ann@example.com"]
    assert recipients(long_header(65_537), Limits()) == []


def test_parts_beyond_the_limit_are_not_looked_at():
    head = b"Content-Type: multipart/mixed; boundary=b\n\n"
    empty = b"--b\nContent-Type: text/plain\n\nx\n"
    assert recipients(head + empty * 100_000 + b"--b\n" + STATUS_PART) == []
    assert recipients(head + empty * 100 + b"--b\n" + STATUS_PART + empty * 100_000) == ["ann@example.com"]


def test_nesting_beyond_the_limit_is_not_looked_at():
    assert recipients(nested(19)) == ["ann@example.com"]
    assert recipients(nested(2000), Limits(message_bytes=1 << 25, parts=100_000)) == []


def test_a_content_type_full_of_nothing_is_read():
    assert recipients(REPORT.replace(b"report;", b"report" + b";" * 1000)) == ["ann@example.com"]
    assert recipients(b"Content-Type: text/plain" + b";" * 10_240 + b"\n\nx") == []


def test_recipients_beyond_the_limit_are_noted():
    raw = REPORT + b"".join(b"\nFinal-Recipient: rfc822; user%d@example.com\n" % number for number in range(100_000))
    report = parse(raw, limits=BIG)
    assert len(report.findings) == 1000
    assert report.notes == ("99001 recipients beyond the first 1000 left out",)


def test_complaining_recipients_beyond_the_limit_are_noted():
    raw = b"Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n" + b"".join(
        b"Original-Rcpt-To: <user%d@example.com>\n" % number for number in range(30)
    )
    report = parse(raw, limits=Limits(recipients=10))
    assert report.kind is Kind.FEEDBACK_REPORT
    assert len(report.findings) == 10
    assert report.notes == ("20 recipients beyond the first 10 left out",)


def test_octets_beyond_the_limit_are_noted():
    assert parse(REPORT + b"x" * 1000, limits=Limits(message_bytes=400)).notes == (
        "looked at the first 400 octets only",
    )


def test_a_diagnostic_of_a_hundred_thousand_lines_is_read():
    (finding,) = parse(REPORT + b"Diagnostic-Code: smtp; 550\n" + b"no\n" * 100_000).findings
    assert finding.diagnostic.startswith("smtp; 550 no no no")


def test_an_address_is_looked_for_in_the_start_of_a_field():
    assert recipients(REPORT + b"\nFinal-Recipient: rfc822; " + b"x" * 900_000 + b"\n") == ["ann@example.com"]


def test_a_bad_recipient_does_not_hide_the_good_ones():
    report = parse(REPORT + b"\nFinal-Recipient: rfc822; nobody\n\nFinal-Recipient: rfc822; ben@example.com\n")
    assert [finding.recipient for finding in report.findings] == ["ann@example.com", "ben@example.com"]
    assert report.notes == ("no address in a recipient block: 'rfc822; nobody'",)


def test_flufl_is_not_asked_about_many_parts():
    head = b"From: MAILER-DAEMON@mx.example.net\nSubject: failed\nContent-Type: multipart/mixed; boundary=b\n\n"
    assert parse(head + b"--b\n\nx\n" * 100_000).kind is Kind.NOT_BOUNCE
    assert parse(head + b"boundary\n" * 100).kind is Kind.NOT_BOUNCE
