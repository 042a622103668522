"""What stands around a report, and is none of it: notices of gateways, signatures, tags before the subject."""

import pytest

from bounced.parse import parse
from bounced.pipeline import understand

FIELDS = "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\nTo: bounce@shop.example\nSubject: Undelivered mail\n"
REPORT = "Your message could not be delivered to the following recipient:\n\n   <ann@example.com>\n\nReason: {cause}\n"
NOTICES = [
    "This message has been scanned for viruses and\ndangerous content by MailScanner, and is\nbelieved to be clean.",
    "This message has been checked by Example Anti-Virus.",
    "No virus found in this message.\nChecked by AVG - www.avg.example",
    "Virus scanned by ClamAV 0.103; spam score 1.2",
    "Protected by Example Spam & Virus Firewall",
    "Diese E-Mail wurde auf Viren und Spam geprüft.",
    "Ce message a été vérifié par un anti-virus.",
    "CAUTION: This email originated from outside the organization. Do not click links or open attachments.",
    "This e-mail is confidential. If you are not the intended recipient,\nyou are not authorized to read it.",
]


def judged(text, fields=FIELDS):
    raw = f"{fields}Content-Type: text/plain; charset=utf-8\n\n{text}".encode()
    return [(one.recipient, one.verdict.reason, one.verdict.advice) for one in understand(raw).outcomes]


@pytest.mark.parametrize("notice", NOTICES)
@pytest.mark.parametrize("cause", ["user unknown", "mailbox is full", "host or domain name not found"])
def test_a_notice_changes_nothing(notice, cause):
    report = REPORT.format(cause=cause)
    expected = judged(report)
    for around in (f"{notice}\n\n{report}", f"{report}\n{notice}\n", f"{report}\n______________\n{notice}\n"):
        assert judged(around) == expected


@pytest.mark.parametrize("signature", [*NOTICES, "Spam? Phishing? Report it to abuse@example.net.", "The Example team"])
def test_a_signature_changes_nothing(signature):
    report = REPORT.format(cause="user unknown")
    assert judged(f"{report}\n-- \n{signature}\n") == judged(report)


def test_what_comes_back_below_a_signature_is_still_found():
    text = (
        f"{REPORT.format(cause='user unknown')}\n-- \nThe Example team\n\n--- Original message ---\nMessage-ID: <1@x>\n"
    )
    report = parse(f"{FIELDS}\n{text}".encode())
    assert report.original_headers == {"message-id": "<1@x>"}


@pytest.mark.parametrize(
    "verdict",
    [
        "Your message was scanned for viruses and contains a virus, Eicar-Test.",
        "This message has been checked by Example Anti-Virus and was deleted: it is infected with a virus.",
        "-- \nThe message was rejected: virus found.",
    ],
)
def test_a_filter_that_says_what_it_found_is_heard(verdict):
    [(_, reason, _)] = judged(
        f"Your message could not be delivered to the following recipient:\n\nann@example.com\n\n{verdict}\n"
    )
    assert reason == "virus"


def test_an_answer_below_the_mark_of_a_signature_is_heard():
    [(_, reason, _)] = judged("Your message to ann@example.com could not be delivered.\n-- \n550 5.2.2 mailbox full\n")
    assert reason == "mailbox_full"


def test_a_notice_in_a_status_report_changes_nothing():
    def report(text):
        return (
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
            f"--b\nContent-Type: text/plain\n\n{text}\n"
            "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n"
            "Final-Recipient: rfc822; ann@example.com\nAction: failed\nStatus: 5.0.0\n\n--b--\n"
        )

    def judged_report(text):
        [outcome] = understand((FIELDS + report(text)).encode()).outcomes
        return outcome.verdict.reason, outcome.verdict.advice

    text = "I could not deliver to ann@example.com: the domain name does not exist.\n"
    assert judged_report(f"{text}\n{NOTICES[0]}\n") == judged_report(text)


@pytest.mark.parametrize("tag", ["[EXTERNAL] ", "[Ext] ", "[SPAM?] ", "*****SPAM***** ", "[EXTERNAL] [SPAM] "])
def test_a_tag_before_the_subject_changes_nothing(tag):
    fields = "From: gateway@mx.example.net\nSubject: {}Undeliverable mail\n"
    text = "550 5.1.1 <ann@example.com>: no such user\n"
    expected = judged(text, fields.format(""))
    assert expected
    assert judged(text, fields.format(tag)) == expected
