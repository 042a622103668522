"""Reports for people: whom they concern, in whatever words."""

import pytest

from bounced.model import Kind, Stage
from bounced.parse import parse


def report_of(text, subject="Mail error", **headers):
    fields = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in headers.items())
    return parse(f"From: MAILER-DAEMON@mx.example.net\nSubject: {subject}\n{fields}\n{text}".encode())


def recipients(text, **headers):
    return [finding.recipient for finding in report_of(text, **headers).findings]


@pytest.mark.parametrize(
    "text",
    [
        "Your message could not be delivered to the following recipients:\n\n  ann@example.com\n  ben@example.org\n",
        "<ann@example.com>: user unknown\n\n<ben@example.org>: mailbox full\n",
        "These addresses failed:\n\n * ann@example.com (no such user)\n * ben@example.org (mailbox full)\n",
        ">>> RCPT TO:<ann@example.com>\n<<< 550 no\n>>> RCPT TO:<ben@example.org>\n<<< 550 no\n",
        "These could not be reached:\n [SMTP:ann@example.com]: no user\n [SMTP:ben@example.org]: full\n",
        "Intended Recipients: <ann@example.com>,<ben@example.org>\nFailure Reason: 550 no\n",
        "Mail could not be sent to these:\n\n Ann <ann@example.com>: disabled\n Ben <ben@example.org>: 550 spam\n",
        "<ann@example.com>  delivery failed; given up\n<ben@example.org>  delivery failed; given up\n",
        "The following address(es) failed:\n>>> ann@example.com (in queue): no\n>>> ben@example.org (in queue): no\n",
        "550 ann@example.com... User unknown\n550 ben@example.org... User unknown\n",
        "Die Nachricht konnte nicht zugestellt werden an folgende Empfänger:\n\nann@example.com\nben@example.org\n",
        "次のあて先へ送信できませんでした:\n\nann@example.com\nben@example.org\n",
    ],
)
def test_recipients_are_found_in_many_ways_of_writing(text):
    assert recipients(text) == ["ann@example.com", "ben@example.org"]


@pytest.mark.parametrize(
    "text",
    [
        "The user ann@example.com does not exist.",
        "Sorry: ann@example.com does not exist.",
        "The following destination addresses were unknown:\n\nSMTP <ann@example.com>\n",
        "sender=news@example.net\nrecipient=ann@example.com\ncode=550\n",
        "Die Originalnachricht kam am Dienstag.\n\n<ann@example.com>: unbekannt\n",
        "Recipient address: @relay.example.net:ann@example.com\nReason: none\n",
        "The message came from news@example.net and was addressed to ann@example.com.",
        "RCPT TO:<ann@example.com>\nthe connection was lost\n",
        "Your mail to ann@example.com failed. If you need help write to postmaster@example.net.",
    ],
)
def test_one_recipient_is_found_in_a_sentence(text):
    assert recipients(text) == ["ann@example.com"]


def test_what_is_said_of_one_recipient_is_not_said_of_the_next():
    report = report_of("<ann@example.com>: 552 5.2.2 mailbox full\n\n<ben@example.org>: 550 5.1.1 user unknown\n")
    assert [str(finding.said_status) for finding in report.findings] == ["5.2.2", "5.1.1"]
    assert "unknown" not in report.findings[0].diagnostic


@pytest.mark.parametrize(
    "divider",
    [
        "--- Below this line is a copy of the message.",
        "----- Original message -----",
        "------ This is a copy of the message, including all the headers. ------",
        "Received: from mx.example.net by mx.example.com",
    ],
)
def test_the_returned_mail_names_no_recipients(divider):
    text = f"<ann@example.com>: user unknown\n\n{divider}\n\nSubject: hello\n\n<eve@example.org>: user unknown\n"
    assert recipients(text) == ["ann@example.com"]


def test_a_header_or_the_subject_tells_where_the_text_does_not():
    assert recipients("Sorry.", X_Failed_Recipients="ann@example.com, ben@example.org") == [
        "ann@example.com",
        "ben@example.org",
    ]
    assert recipients("Sorry.", subject="Mail for ann@example.com failed") == ["ann@example.com"]


def test_the_returned_mail_tells_last_of_all():
    returned = "\n\n----- Original message -----\n\nFrom: news@example.net\nTo: %s\n%s\nHello!\n"
    assert recipients("Sorry." + returned % ("ann@example.com", "")) == ["ann@example.com"]
    assert recipients("Sorry." + returned % ("ann@example.com, ben@example.org", "")) == []
    assert recipients("Sorry." + returned % ("list@example.com", "List-Id: <list.example.com>\n")) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("<ann@example.com>: no answer. Your message will be retried.", Kind.DELAY),
        ("<ann@example.com>: no answer. This was a permanent error.", Kind.BOUNCE),
        ("The following addresses have delivery notifications:\n<ann@example.com> (relayed)", Kind.SUCCESS),
        ("<ann@example.com>: 550 5.1.1 the list was successfully delivered to, but not you", Kind.BOUNCE),
        ("<ann@example.com>: it has been delayed for five days; giving up.", Kind.BOUNCE),
    ],
)
def test_the_text_says_what_happened(text, kind):
    assert report_of(text).kind is kind


@pytest.mark.parametrize("text", ["", "How do you do?", "Write to ann@example.com instead, please."])
def test_mail_of_people_is_no_report(text):
    assert parse(f"From: ivo@example.com\nSubject: hello\n\n{text}".encode()).kind is Kind.NOT_BOUNCE


STATUS_REPORT = "multipart/report; report-type=Delivery-Status; boundary=b"


@pytest.mark.parametrize(
    ("text", "subject", "headers", "kind"),
    [
        ("", "Returned mail: see transcript for details", {}, Kind.BOUNCE),
        ("<<< No Message Collected >>>", "Hello", {"Content_Type": STATUS_REPORT}, Kind.BOUNCE),
        ("", "Warning: could not send message for past 4 hours", {"Content_Type": STATUS_REPORT}, Kind.DELAY),
        (
            "It could not be delivered to:\n\n\tann",
            "Undeliverable: hi",
            {"Return_Path": "<>"},
            Kind.BOUNCE,
        ),
        ("Ask us.", "Undeliverable: hi", {"Return_Path": "<>"}, Kind.NOT_BOUNCE),
        ("", "Automatic reply: Offer", {"Auto_Submitted": "auto-replied"}, Kind.AUTO_REPLY),
        ("", "Queue summary", {}, Kind.NOT_BOUNCE),
        ("", "Re: Undelivered Mail Returned to Sender", {}, Kind.NOT_BOUNCE),
    ],
)
def test_a_report_whose_recipients_were_lost_is_still_one(text, subject, headers, kind):
    report = report_of(text, subject=subject, **headers)
    assert report.kind is kind
    if kind in {Kind.BOUNCE, Kind.DELAY}:
        assert report.findings == ()
        assert report.notes == ("it names no recipient",)


def test_a_person_who_attaches_an_empty_report_makes_none():
    raw = f"From: ivo@example.com\nSubject: look\nContent-Type: {STATUS_REPORT}\n\n--b\n\nlook\n--b--\n"
    assert parse(raw.encode()).kind is Kind.NOT_BOUNCE


def test_a_digest_of_what_a_filter_holds_is_no_report_on_whom_it_is_for():
    held = (
        "Two mails:\n\nFrom: MAILER-DAEMON@example.org\nSubject: Undelivered Mail Returned to Sender\nSpam level: 9\n"
    )
    digest = {"Return_Path": "<>", "To": "shop@example.net"}
    assert report_of(held, subject="Spam report for shop@example.net", **digest).kind is Kind.NOT_BOUNCE
    assert report_of(held, subject="Spam report for ann@example.net", **digest).kind is Kind.NOT_BOUNCE


def test_a_delivery_service_describes_the_mail_that_it_could_not_deliver():
    raw = """\
From: Mail Delivery Service <bounces@postal.example.net>
Subject: Mail Delivery Failed (News)
Auto-Submitted: auto-replied

The message you've sent cannot be delivered.

Mail from: bounces@example.org
Rcpt To: ann@example.com
"""
    report = parse(raw.encode())
    assert (report.kind, [finding.recipient for finding in report.findings]) == (Kind.BOUNCE, ["ann@example.com"])


def test_a_filter_describes_the_mail_that_it_refused():
    described = "Our virus detector has been triggered by:\n  To: ann@example.com\n  Subject: Offer\n"
    report = report_of(described, subject="Viruses detected", To="news@example.net")
    assert [finding.recipient for finding in report.findings] == ["ann@example.com"]
    ours = described.replace("ann@example.com", "news@example.net")
    assert report_of(ours, subject="Viruses detected", To="news@example.net").findings == ()


def test_the_subject_explains_what_the_text_leaves_open():
    text = "   ----- Transcript of session follows -----\n421 mx.example.com... Deferred: Connection timed out\n\n"
    text += "   ----- Unsent message follows -----\nFrom: news@example.net\nTo: ann@example.com\n"
    report = report_of(text, subject="Returned mail: Cannot send message for 4 days")
    assert report.findings[0].explanation.startswith("Returned mail: Cannot send message for 4 days")
    assert not report_of(text, subject="Undeliverable: no spam").findings[0].explanation.startswith("Undeliverable")


def test_the_cause_may_stand_before_each_address():
    report = report_of("Unknown host: ann@example.com\nuser mailbox exceeds allowed size: ben@example.org\n")
    assert {finding.recipient: finding.diagnostic for finding in report.findings} == {
        "ann@example.com": "Unknown host",
        "ben@example.org": "user mailbox exceeds allowed size",
    }


def test_what_a_server_said_of_an_address_begins_before_it():
    (finding,) = report_of("Tue 09:00:01: <-- 550 5.1.1 <ann@example.com>: user unknown\n").findings
    assert (str(finding.reply), str(finding.said_status)) == ("550", "5.1.1")


def test_a_log_with_arrows_is_a_transcript():
    log = (
        "--- Session Transcript ---\n"
        "Mon 2026-03-02 09:30:59: --> RCPT To:<ann@example.com>\nMon 2026-03-02 09:30:59: <-- 550 Recipient unknown\n"
        "Mon 2026-03-02 09:30:59: --> RCPT To:<ben@example.org>\nMon 2026-03-02 09:30:59: <-- 552 Mailbox is full\n"
    )
    report = report_of(f"YOUR MESSAGE WAS NOT DELIVERED!\n\n{log}", subject="Permanent Delivery Failure")
    assert {finding.recipient: str(finding.reply) for finding in report.findings} == {
        "ann@example.com": "550",
        "ben@example.org": "552",
    }
    (alone,) = report_of("<ann@example.com>: failed\n\n" + "\n".join(log.splitlines()[:3])).findings
    assert (str(alone.reply), alone.stage) == ("550", Stage.RCPT)


def test_what_goes_on_in_an_indented_line_is_about_the_same_recipient():
    text = (
        "<ann@example.com>: host mx.example.com[192.0.2.1] said: 550\n    <news@example.net>: Sender address rejected\n"
    )
    (finding,) = report_of(text).findings
    assert (finding.recipient, str(finding.reply)) == ("ann@example.com", "550")
    assert "Sender address rejected" in finding.diagnostic
    (finding,) = report_of(text.replace("\n    ", "\n")).findings
    assert "Sender address rejected" in finding.diagnostic
    listed = "The following addresses failed:\n  <ann@example.com>\n    <ben@example.com>: no such user\n"
    assert recipients(listed) == ["ann@example.com", "ben@example.com"]


def test_a_cause_above_a_list_explains_all_of_it():
    text = (
        "Could not be delivered because of\n\n550 5.1.1 User unknown\n\nThe following recipients were affected:\n\n"
        "    ann@example.com\n    ben@example.com\n\nAdditional Information\n======================\n"
        "Original Sender: <news@example.net>\n"
    )
    findings = report_of(text, subject="Undeliverable Mail").findings
    assert [(one.recipient, str(one.reply)) for one in findings] == [
        ("ann@example.com", "550"),
        ("ben@example.com", "550"),
    ]


def test_the_only_address_beside_a_refusal_is_the_recipient():
    told = "ann@example.com sorsz\u00e1ma ismeretlen.\n\n550 5.1.1 No.\n"
    assert recipients(told, subject="Delivery failure") == ["ann@example.com"]
    assert recipients(f"{told}\nben@example.org is well.", subject="Delivery failure") == []
    assert recipients(told.replace("ann@", "support@"), subject="Delivery failure") == []
    assert recipients(told.replace("ann@", "Contact us at ann@"), subject="Delivery failure") == []
    assert recipients(told.replace("550 5.1.1", ""), subject="Delivery failure") == []


def test_a_report_on_the_mail_of_a_day_is_none_but_what_came_back_of_it_is():
    text = "<ann@example.com>: 550 5.1.1 no such user\n"
    assert report_of(text, subject="Daily report").kind is Kind.NOT_BOUNCE
    assert report_of(text, subject="Undeliverable: Daily report").kind is Kind.BOUNCE


def test_what_a_moderator_has_yet_to_see_is_delayed():
    text = "Your message to staff@example.com is awaiting approval by a moderator.\n"
    assert report_of(text, subject="Message held").kind is Kind.DELAY


def test_a_remark_below_a_report_in_html_does_not_stand_for_it():
    style = "<style>" + "p { margin: 0 }\n" * 1500 + "</style>"
    page = f"<html>{style}<p>Your message to ann@example.com could not be delivered:<br>no such user</p></html>"
    raw = (
        "From: postmaster@mx.example.net\nSubject: Undeliverable\nContent-Type: multipart/mixed; boundary=b\n\n"
        f"--b\nContent-Type: text/html\n\n{page}\n--b\nContent-Type: text/plain\n\nScanned for viruses.\n--b--\n"
    )
    assert [finding.recipient for finding in parse(raw.encode()).findings] == ["ann@example.com"]
    alone = f"--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\nContent-Type: text/html\n\n{page}\n--c--\n"
    nested = raw.replace(f"--b\nContent-Type: text/html\n\n{page}\n", alone)
    assert [finding.recipient for finding in parse(nested.encode()).findings] == ["ann@example.com"]
    alternative = raw.replace("/mixed", "/alternative").replace(
        "Scanned for viruses.", "<ben@example.org>: unknown user"
    )
    assert [finding.recipient for finding in parse(alternative.encode()).findings] == ["ben@example.org"]


@pytest.mark.parametrize(("asked", "found"), [("ann@example.com", ["ann@example.com"]), ("postmaster@example.net", [])])
def test_a_postmaster_does_not_report_himself(asked, found):
    raw = f"From: postmaster@example.net\nSubject: Delisting\n\n554 5.7.1 Your host was listed. Ask:\n{asked}\n"
    assert [finding.recipient for finding in parse(raw.encode()).findings] == found


def test_a_delay_may_say_what_will_follow():
    text = "<ann@example.com>: no answer. You will be told if this becomes a permanent error."
    assert report_of(text, subject="Delivery Status Notification (Delay)").kind is Kind.DELAY


def test_a_program_that_failed_is_its_owners():
    text = "The following address(es) failed:\n\n  %s\n    (generated from ann@example.com)\n    failed\n"
    assert recipients(text % "|/usr/bin/vacation ann") == ["ann@example.com"]
    assert recipients(text % "ben@example.org") == ["ben@example.org"]


def test_an_address_that_is_masked_is_nobodys():
    assert recipients("The following addresses failed:\n********@example.com\nann@example.com\n") == ["ann@example.com"]


def test_where_somebody_is_asked_to_write_was_nobody_refused():
    refused = "only subscribers may post. If you are one, please forward this mail to list-owner@example.org (#5.7.2)"
    report = report_of(f"<ann@example.com>:\nno mailbox here (#5.1.1)\n\n<list@example.org>:\n{refused}\n")
    assert [finding.recipient for finding in report.findings] == ["ann@example.com", "list@example.org"]
    assert [str(finding.said_status) for finding in report.findings] == ["5.1.1", "5.7.2"]
    assert recipients("Your mail to ann@example.com failed. Please resend your mail to eve@example.org.") == [
        "ann@example.com"
    ]


@pytest.mark.parametrize("said", ["受信者のメールボックスがいっぱいです", "邮箱已满", "메일함이 가득 찼습니다"])
def test_one_clause_in_a_script_without_spaces_explains(said):
    report = report_of(f"These failed:\n\nann@example.com\n{said}\n\nben@example.org\n{said}\n")
    assert [finding.diagnostic for finding in report.findings] == [said, said]


@pytest.mark.parametrize(
    "said",
    ["- no such user here.", ", unknown user", "... User unknown", "- mailbox is full", ": not known at this site"],
)
def test_a_mail_system_needs_no_more_words_than_what_is_wrong(said):
    assert recipients(f"ann@example.com {said}\n", subject="Warning", To="bounce@shop.example") == ["ann@example.com"]


def test_what_a_mail_system_writes_to_the_owner_of_a_mailbox_is_no_report():
    assert report_of("ann@example.com - mailbox is full\n", "Warning", To="ann@example.com").kind is Kind.NOT_BOUNCE


def test_what_a_server_refuses_because_nobody_is_left_explains_nothing():
    text = (
        "The original message was received at Wed, 11 Mar 2026 06:25:16 +0100\n\n"
        "   ----- The following addresses had permanent fatal errors -----\n<ann@example.com>\n\n"
        "   ----- Transcript of session follows -----\n... while talking to mx.example.com.:\n"
        ">>> RCPT To:<ann@example.com>\n<<< 550 mailbox unavailable\n>>> DATA\n<<< 503 Bad sequence of commands\n"
    )
    [finding] = report_of(text).findings
    assert "mailbox unavailable" in finding.diagnostic
    assert "503" not in finding.diagnostic


def test_the_only_refusal_explains_whatever_its_code():
    text = "   ----- Transcript of session follows -----\n>>> RCPT To:<ann@example.com>\n<<< 503 Authenticate first\n"
    [finding] = report_of(text).findings
    assert str(finding.reply) == "503"


def test_a_break_in_html_is_one_whether_or_not_the_source_goes_on_in_a_new_line():
    page = "<html><body>Not delivered:<br>\nann@example.com<br>\n550 5.2.2 mailbox full<br>\nfor good</body></html>"
    pages = (page, page.replace("<br>\n", "<br>"))
    assert len({report_of(one, Content_Type="text/html").findings for one in pages}) == 1


def test_the_answer_may_stand_above_the_list_of_recipients():
    text = "Could not be delivered because of\n\n  550 5.1.1 No.\n\nThe following recipients were affected:\n"
    (finding,) = report_of(f"{text}    ann@example.com\n\nAdditional Information\nOriginal Sender: <x>\n").findings
    assert (str(finding.reply), str(finding.said_status)) == ("550", "5.1.1")


def test_exchange_says_when_in_other_languages():
    text = "Folgende(r) Empf\u00e4nger kann nicht erreicht werden:\n\n  %s am 17.11.2026 10:20\n    <mx #5.1.1>\n"
    assert recipients(text % "ann@example.com", subject="Unzustellbar: Angebot") == ["ann@example.com"]


def test_the_answer_above_several_recipients_is_about_all():
    text = "Could not be delivered because of\n\n  552 5.2.2 Full.\n\nThe following recipients were affected:\n"
    report = report_of(f"{text}    ann@example.com\n    ben@example.org\n\nAdditional Information:\nSender: <x>\n")
    assert [(one.recipient, str(one.reply)) for one in report.findings] == [
        ("ann@example.com", "552"),
        ("ben@example.org", "552"),
    ]


@pytest.mark.parametrize("label", ["The subject of the message is", "Subject", "Betreff"])
def test_whom_the_subject_of_the_mail_names_is_no_recipient(label):
    text = f"{label}: Your mail to eve@example.org\n\nThe following address(es) failed:\n\n  ann@example.com: no\n"
    assert recipients(text) == ["ann@example.com"]


def test_a_filter_tells_from_whom_to_whom_the_mail_went():
    text = "The message from news@example.net to ann@example.com was not delivered because of our policy.\n"
    assert recipients(text, To="news@example.net") == ["ann@example.com"]


def test_what_a_server_answered_wins_over_what_people_are_told():
    people = "Delivery has failed to these recipients:\n\nann@example.com\nNot found.\n\nben@example.org\nToo large.\n"
    answers = "ann@example.com\nReturned '550 5.1.1 no'\n\nben@example.org\nReturned '550 5.3.4 no'\n"
    report = report_of(f"{people}\nDiagnostic information for administrators:\n\n{answers}")
    assert [str(finding.said_status) for finding in report.findings] == ["5.1.1", "5.3.4"]


def test_the_heading_above_a_transcript_explains_nothing():
    text = (
        "   ----- The following addresses had transient errors -----\n<ann@example.com>\n<ben@example.org>\n\n"
        "   ----- Transcript of session follows -----\n"
        "<ann@example.com>... Deferred: Operation timed out\n<ben@example.org>... Deferred: Connection refused\n"
    )
    report = report_of(text, subject="Warning: could not send message for past 4 hours")
    assert ["timed out" in one.diagnostic for one in report.findings] == [True, False]


@pytest.mark.parametrize(
    "text",
    [
        "Message delivered to 'ann@example.com'\nLOCAL module(account ann) reports:\n Delivered to the user mailbox\n",
        "Your mail to the following recipients was delivered:\n\n<ann@example.com>:\n  Message delivered to mailbox.\n",
    ],
)
def test_what_arrived_is_told_in_words_as_well(text):
    report = report_of(text, subject="NOTICE: mail delivery status")
    assert report.kind is Kind.SUCCESS
    assert [finding.recipient for finding in report.findings] == ["ann@example.com"]


def test_the_courier_mail_server_carries_no_parcels():
    signed = (
        "This is a delivery status notification from mx.example.net,\nrunning the Courier mail server, version 0.78.\n"
    )
    told = "UNDELIVERABLE MAIL\n\nYour mail to the following recipients cannot be delivered:\n\n"
    told += "<ann@example.com>:\n  No.\n"
    raw = (
        f"From: Courier <@mx.example.net>\nReturn-Path: <>\nSubject: NOTICE: mail delivery status.\n\n{signed}\n{told}"
    )
    report = parse(raw.encode())
    assert (report.kind, [finding.recipient for finding in report.findings]) == (Kind.BOUNCE, ["ann@example.com"])


def test_some_are_still_tried_while_others_were_given_up():
    text = (
        "<ann@example.com>  delivery delayed; will continue trying\n"
        "<ben@example.org>  delivery failed; will not continue trying\n"
    )
    report = report_of(text, subject="Delivery report")
    assert report.kind is Kind.BOUNCE
    assert {one.recipient: one.action.value for one in report.findings} == {
        "ann@example.com": "delayed",
        "ben@example.org": "failed",
    }


@pytest.mark.parametrize(
    "text",
    [
        "<ben@example.org> (expanded from <ann@example.com>): unknown user\n",
        "  ben@example.org\n    (generated from ann@example.com)\n    550 no such user\n",
        "Recipient address: ben@example.org\n  Original address: ann@example.com\n  Reason: no such user\n",
    ],
)
def test_the_text_tells_where_what_failed_was_sent_to(text):
    (finding,) = report_of(f"The following address(es) failed:\n\n{text}").findings
    assert (finding.recipient, finding.original_recipient) == ("ben@example.org", "ann@example.com")


def test_an_alias_of_another_is_not_that_of_the_recipient_before():
    text = "The following address(es) failed:\n\n  ben@example.org\n    mailbox is full\n"
    report = report_of(f"{text}  /var/mail/ann/new\n    (generated from ann@example.com)\n    mailbox is full\n")
    assert [one.original_recipient for one in report.findings] == [None, None]


def test_a_mail_system_with_a_name_of_its_own_is_on_no_holiday():
    told = (
        "running the Courier mail server.\n\nDELAYED MAIL\n\nYour mail has been delayed:\n\n<ann@example.com>:\n  No.\n"
    )
    head = "From: Courier <@mx.example.net>\nReturn-Path: <>\nAuto-Submitted: auto-replied\n"
    assert parse(f"{head}Subject: WARNING: delayed mail.\n\n{told}".encode()).kind is Kind.DELAY
    assert parse(f"{head}Subject: Thank you\n\n{told}".encode()).kind is Kind.AUTO_REPLY


def test_blanks_at_the_ends_of_lines_mean_nothing():
    text = "Your message\n\nwas not delivered to:\n\n  ann@example.com\n\nbecause:\n\n  no such user\n"
    assert not report_of(text).findings[0].is_shared
    assert not report_of(text.replace("\n", "  \n")).findings[0].is_shared
