"""What a delivery status report may leave out, and what then counts."""

import pytest

from bounced.model import Action, Kind
from bounced.parse import parse

SAID = "From: MAILER-DAEMON@mx.example.net\nContent-Type: multipart/report; boundary=b\n\n--b\n\n{text}\n--b\n"


def report_of(*blocks, text="Sorry."):
    fields = "\n\n".join(blocks)
    return parse(f"{SAID.format(text=text)}Content-Type: message/delivery-status\n\n{fields}\n--b--\n".encode())


@pytest.mark.parametrize(
    ("fields", "action", "kind"),
    [
        ("Status: 2.0.0", Action.DELIVERED, Kind.SUCCESS),
        ("Status: 5.1.1", Action.FAILED, Kind.BOUNCE),
        ("Status: 4.4.1", None, Kind.BOUNCE),
        ("Action: (still) delayed", Action.DELAYED, Kind.DELAY),
        ("Action: expanded (to a list)", Action.EXPANDED, Kind.SUCCESS),
        ("Action: deliverable", Action.DELIVERED, Kind.SUCCESS),
        ("Action: exploded", None, Kind.BOUNCE),
        ("Action: ", None, Kind.BOUNCE),
    ],
)
def test_what_was_done_is_told_by_the_action_else_by_the_status(fields, action, kind):
    report = report_of(f"Final-Recipient: rfc822; ann@example.com\n{fields}")
    assert (report.findings[0].action, report.kind) == (action, kind)


def test_the_worst_outcome_names_the_message():
    one, two, three = (
        f"Final-Recipient: rfc822; {name}@example.com\nAction: {action}"
        for name, action in (("ann", "delivered"), ("ben", "delayed"), ("eve", "failed"))
    )
    assert [report_of(*blocks).kind for blocks in ([one], [one, two], [one, two, three])] == [
        Kind.SUCCESS,
        Kind.DELAY,
        Kind.BOUNCE,
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [("ann@example.com: envelope expired", Kind.BOUNCE), ("ann@example.com: still waiting", Kind.DELAY)],
)
def test_a_delay_that_was_given_up_is_a_failure(text, kind):
    report = report_of("Final-Recipient: rfc822; ann@example.com\nAction: delayed\nStatus: 4.4.7", text=text)
    assert report.kind is kind


def test_the_original_recipient_stands_in_for_a_missing_final_one():
    (finding,) = report_of("Original-Recipient: rfc822; ann@example.com\nAction: failed").findings
    assert (finding.recipient, finding.original_recipient) == ("ann@example.com", "ann@example.com")


def test_of_a_repeated_field_the_first_counts():
    (finding,) = report_of("Final-Recipient: rfc822; ann@example.com\nStatus: 5.1.1\nStatus: 5.2.2").findings
    assert str(finding.status) == "5.1.1"


def test_several_status_parts_are_one_report():
    part = "Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822; {}@example.com\nAction: failed\n\n--b\n"
    report = parse((SAID.format(text="Sorry.") + part.format("ann") + part.format("ben")).encode())
    assert [finding.recipient for finding in report.findings] == ["ann@example.com", "ben@example.com"]


@pytest.mark.parametrize("first", ["ann", "ben"])
def test_what_the_text_says_of_one_recipient_is_not_taken_for_another(first):
    said = {"ann": "ann@example.com: blocked by bl.example.org", "ben": "ben@example.com: user unknown"}
    ordered = sorted(said, key=lambda name: name != first)
    blocks = [f"Final-Recipient: rfc822; {name}@example.com\nAction: failed\nStatus: 5.0.0" for name in said]
    report = report_of(*blocks, text="\n".join(said[name] for name in ordered))
    assert ["unknown" in finding.explanation for finding in report.findings] == [False, True]


@pytest.mark.parametrize(
    ("text", "explanations"),
    [
        (
            "Mailbox full: ann@example.com\nUser unknown: ben@example.com\n",
            ["Mailbox full: ann@example.com", "User unknown: ben@example.com"],
        ),
        (
            "552 Mailbox full\n ann@example.com\n\n550 User unknown\n ben@example.com\n",
            ["ann@example.com", "550 User unknown\n ben@example.com"],
        ),
    ],
)
def test_what_stands_before_or_right_above_a_recipient_is_not_about_the_one_before(text, explanations):
    blocks = [f"Final-Recipient: rfc822; {name}@example.com\nAction: failed\nStatus: 5.0.0" for name in ("ann", "ben")]
    assert [finding.explanation for finding in report_of(*blocks, text=text).findings] == explanations


def test_an_address_that_another_one_begins_with_is_another():
    names = ("ann@example.org", "ann@example.org.uk", "ann@example.org-x.example")
    blocks = [f"Final-Recipient: rfc822; {name}\nAction: failed\nStatus: 5.0.0" for name in names]
    text = f"<{names[0]}>: 550 refused\n<{names[1]}>: 550 User unknown\n<{names[2]}>: 552 Mailbox full\n"
    findings = report_of(*blocks, text=text).findings
    assert [finding.explanation for finding in findings] == text.splitlines()


def test_the_fields_are_kept_as_sent():
    report = report_of("Reporting-MTA: dns; mx.example.net\nX-Queue: 1", "Final-Recipient: rfc822; ann@example.com")
    assert report.reporting_mta == "mx.example.net"
    assert report.fields == (("reporting-mta", "dns; mx.example.net"), ("x-queue", "1"))
    assert report.findings[0].fields == (("final-recipient", "rfc822; ann@example.com"),)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ("Action: failed\nStatus: 5.1.1", Kind.BOUNCE),
        ("Action: delayed\nStatus: 4.4.1", Kind.DELAY),
    ],
)
def test_a_report_that_names_nobody_is_still_a_report(fields, kind):
    report = report_of(f"Final-Recipient: rfc822; Ann\n{fields}", text="")
    assert (report.kind, report.findings) == (kind, ())


def test_a_report_without_any_recipient_field_says_nothing_of_recipients():
    assert report_of("Reporting-MTA: dns; mx.example.net").findings == ()


@pytest.mark.parametrize(
    ("comment", "diagnostic"),
    [("(permanent failure)", None), ("(unknown temporary failure)", None), ("(host is down)", "host is down")],
)
def test_a_comment_behind_the_status_counts_where_it_says_more(comment, diagnostic):
    report = report_of(f"Final-Recipient: rfc822; ann@example.com\nAction: failed\nStatus: 5.0.0 {comment}")
    assert report.findings[0].diagnostic == diagnostic
