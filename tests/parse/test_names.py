"""Recipients whom a report calls by their names."""

import pytest

from bounced.model import Kind
from bounced.parse import parse


def report_of(told, to):
    returned = f"From: news@example.net\nTo: {to}\nSubject: Offer\n\nHello!\n"
    raw = f"From: postmaster@mx.example.com\nReturn-Path: <>\nSubject: Message status - undeliverable\n\n{told}\n\n"
    return parse(f"{raw}----- Original message -----\n{returned}".encode())


def test_local_parts_are_completed_by_the_mail_that_came_back():
    told = "It was undeliverable to the following:\n\tann (Mailbox size limit exceeded)\n\tBen (user not found)"
    report = report_of(told, "ann@example.com, Ben <ben@example.com>")
    assert report.kind is Kind.BOUNCE
    assert {one.recipient: one.diagnostic for one in report.findings} == {
        "ann@example.com": "(Mailbox size limit exceeded)",
        "ben@example.com": "(user not found)",
    }


@pytest.mark.parametrize("when", ["on Tue, 3 Nov 2026 10:20:10 +0100", "am 03.11.2026 10:20"])
def test_names_are_completed_by_the_mail_that_came_back(when):
    told = f"It did not reach the following recipient(s):\n\nSmith, Ann {when}\n  The recipient name is not recognized"
    report = report_of(told, '"Smith, Ann" <ann@example.com>, Ben <ben@example.com>')
    assert [one.recipient for one in report.findings] == ["ann@example.com"]
    assert "not recognized" in report.findings[0].diagnostic


@pytest.mark.parametrize("to", ["ann@example.com, ann@example.org", "ben@example.com, eve@example.com"])
def test_a_name_that_nobody_or_several_have_is_not_guessed(to):
    report = report_of("Your mail was undeliverable to the following:\n\tann (user not found)", to)
    assert report.findings == ()


def test_a_name_that_nothing_announces_is_nobodys():
    report = report_of(
        "ann\n\nYour mail was undeliverable to the following:\n\tSomebody", "ann@example.com, b@example.com"
    )
    assert report.findings == ()


@pytest.mark.parametrize("named", ["Ann Smith <ann@example.com>", "Smith, Ann<mailto:ann@example.com>"])
def test_an_address_may_follow_the_name(named):
    report = report_of(
        f"It did not reach the following recipient(s):\n\n{named}\n\nIvo <ivo@example.net> knows more.", ""
    )
    assert [one.recipient for one in report.findings] == ["ann@example.com"]
