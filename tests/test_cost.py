"""A message that is made to take long takes no longer than an honest one of its size."""

import time
from base64 import b64encode
from datetime import UTC, datetime

import pytest

from bounced.flow.reading import read_message
from bounced.knowledge import shipped_knowledge
from bounced.model import Envelope, Message
from bounced.pipeline import understand

# Of the processor; each of these takes a fraction of it.
MOST_SECONDS = 2
FROM_DAEMON = "From: MAILER-DAEMON@mx.example.net\nTo: us@example.org\nReturn-Path: <>\n"
TEXT = f"{FROM_DAEMON}Subject: failure notice\n"
# As many phrases with a gap as there are that have a piece in common, and that piece as often as it fits.
COMMON = "aup#"
PHRASES = [phrase for rule in shipped_knowledge().rules.rules for phrase in rule.pattern if COMMON in phrase]
OTHERS = {piece.strip() for phrase in PHRASES for piece in phrase.split("...")} - {COMMON}


def pieces(length):
    others = " ".join(sorted(OTHERS))[: length // 2]
    return f"{others} {f'{COMMON} ' * length}"[:length]


CODES = "550 " * 540


def one_text_about_many():
    recipients = "".join(f"<a{number}@b>:\n" for number in range(1000))
    return f"{TEXT}\n{pieces(1980)}\n{CODES}\nThe following addresses had permanent fatal errors:\n{recipients}"


def one_text_about_many_in_a_field():
    recipients = ", ".join(f"a{number}@b" for number in range(6000))
    return f"{TEXT}X-Failed-Recipients: {recipients}\n\nDelivery failed\n{pieces(1980)}\n{CODES}"


def one_original_recipient_of_many():
    blocks = "".join(
        f"Final-Recipient: rfc822; f{number}@example.com\nOriginal-Recipient: rfc822; a@b\nAction: failed\n\n"
        for number in range(1000)
    )
    return (
        f"{FROM_DAEMON}Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n"
        f"Reporting-MTA: dns; mx.example.net\n\n{blocks}--b\nContent-Type: message/rfc822\n\nTo: {'a@b' * 20_000}\n\n"
    )


def diagnostics_full_of_pieces():
    blocks = "".join(
        f"Final-Recipient: rfc822; f{number}@example.com\nAction: failed\nDiagnostic-Code: smtp; {pieces(980)}\n\n"
        for number in range(1000)
    )
    return f"{FROM_DAEMON}Content-Type: message/delivery-status\n\n{blocks}"


def a_complaint_about_what_is_no_address():
    quotes = '"\\' * 500_000
    return f"{FROM_DAEMON}Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nOriginal-Rcpt-To: {quotes}\n"


def a_complaint_of_many_types_about_many():
    recipients = "".join(f"Original-Rcpt-To: a{number}@b.example\n" for number in range(1000))
    types = "Feedback-Type: abuse\n" * 45_000
    return f"{FROM_DAEMON}Content-Type: message/feedback-report\n\n{recipients}{types}"


def a_boundary_of_semicolons():
    return f'{TEXT}Content-Type: multipart/mixed; boundary="{";" * 65_000}\n\nbody'


def brackets_behind_what_netscape_writes(*, is_encoded=False):
    notice = "This Message was undeliverable due to the following reason:\n" + "<" * 5000
    if is_encoded:
        notice = f"Content-Transfer-Encoding: base64\n\n{b64encode(notice.encode()).decode()}"
    else:
        notice = f"\n{notice}"
    part = f"--b\nContent-Type: text/plain\n{notice}\n"
    return f"{TEXT}Content-Type: multipart/mixed; boundary=b\n\n{part}--b\nContent-Type: text/x-other\n\n--b--\n"


def encoded_brackets():
    return brackets_behind_what_netscape_writes(is_encoded=True)


@pytest.mark.parametrize(
    "make",
    [
        brackets_behind_what_netscape_writes,
        encoded_brackets,
        one_text_about_many,
        one_text_about_many_in_a_field,
        one_original_recipient_of_many,
        diagnostics_full_of_pieces,
        a_complaint_about_what_is_no_address,
        a_complaint_of_many_types_about_many,
        a_boundary_of_semicolons,
    ],
)
def test_a_message_that_is_made_to_take_long_does_not(make):
    raw = make().encode()
    message = Message.of(Envelope("", (), datetime(2026, 11, 26, tzinfo=UTC)), raw, size=len(raw))
    knowledge = shipped_knowledge()
    begun = time.process_time()
    read_message(message, lambda raw, _: understand(raw, knowledge=knowledge), source="/bounced/test")
    assert time.process_time() - begun < MOST_SECONDS
