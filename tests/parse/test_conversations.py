"""People write about bounces, and quote them; that is no bounce."""

import pytest

from bounced.model import Advice, Kind
from bounced.pipeline import understand

PASTED = """\
This is the mail system at host mx.example.net.

<ann@example.com>: host mx.example.com[192.0.2.25] said: 550 5.1.1
    <ann@example.com>: Recipient address rejected: User unknown
"""
STATUS = """\
Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; ann@example.com
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown
"""
FORWARDED = f"---------- Forwarded message ---------\nFrom: MAILER-DAEMON@mx.example.net\n\n{PASTED}"
EXCHANGE = "Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@example.net>"


def mail(text, *, sender="Ben <ben@example.org>", **fields):
    header = {"From": sender, "To": "help@example.net", "Subject": "Question"} | {
        name.replace("_", "-"): value for name, value in fields.items()
    }
    lines = "".join(f"{name}: {value}\n" for name, value in header.items())
    return f"{lines}Content-Type: text/plain; charset=utf-8\n\n{text}".encode()


@pytest.mark.parametrize(
    "raw",
    [
        mail(f"Hi all,\n\nwhat does this mean?\n\n{PASTED}", Subject="Undelivered Mail Returned to Sender"),
        mail(f"What does this mean?\n\n{PASTED}", Subject="Re: Undelivered Mail Returned to Sender"),
        mail(f"Can you help?\n\n{STATUS}", Subject="Re: mail delivery failed"),
        mail(f"Ben wrote:\n> It says:\n>\n{PASTED}", In_Reply_To="<1@example.org>", Subject="Delivery failed"),
        mail(f"I see this in the log:\n{PASTED}", List_Id="<help.example.net>", Subject="[help] bounces"),
        mail("Your parcel could not be delivered to ann@example.com.", Subject="Delivery failed: your parcel"),
        mail("if (code == 550)\n    /* ann@example.com: user unknown */\n", Subject="[commit] Handle bounced mail"),
        mail("12 users:\n550 5.1.1 <ann@example.com>: User unknown\n", Subject="Cron <root@mx> sum", Return_Path="<>"),
        mail("My mail to\n\nann@example.com\n\nbounced: 550 5.1.1 user unknown\n", Subject="Bounced mail"),
        mail("550 No such file: ann@example.com\n", sender="ftp@example.org", Subject="FAILED", Return_Path="<>"),
        mail(
            "Ben, ann@example.com bounces: 550 5.1.1.\n",
            sender="Admin <admin@example.org>",
            Subject="Undeliverable mail to Ann",
        ),
        mail("rsync: error 550\nann@example.com: denied\n", sender="root@example.org", Subject="Backup FAILED"),
        mail("We could not charge ann@example.com.", Subject="Payment failed for ann@example.com", Return_Path="<>"),
        mail("Ann has accepted. ann@example.com", Subject="Accepted: Meeting", Return_Path="<>"),
        mail(
            "We have your parcel. The address does not exist.\nRecipient: ann@example.com\n",
            sender="Royal Mail Delivery Service <noreply@example.org>",
            Subject="Delivery failed: your parcel",
            Return_Path="<>",
        ),
        mail(
            "bounced:\n  1  550 5.1.1 <ann@example.com>: User unknown\n",
            sender="MAILER-DAEMON@example.org",
            Subject="mx.example.org mail report for Nov 16",
        ),
        mail("x", sender="postmaster@example.org", Subject="Report domain: example.net Report-ID: <1@example.org>"),
        mail("The mailbox of ben@example.org is almost full.", sender="postmaster@example.org", Subject="Your quota"),
        mail(f"What is this?\n\n{FORWARDED}", Subject="Fwd: Undelivered Mail", To="ann@example.com"),
        mail(f"My mail comes back since Monday. Why?\n\n{FORWARDED}", Subject="Fwd: Undelivered Mail"),
        mail(f"Please look.\n\n-----Original Message-----\n{PASTED}", Subject="FW: Undelivered Mail"),
        mail(f"See the report.\n\n{PASTED}", Subject="转发\uff1aUndelivered Mail Returned to Sender"),
        mail(
            f"Member: ann@example.com\nAction: disabled.\n\n{PASTED}",
            Subject="Bounce action",
            X_List_Administrivia="yes",
        ),
        mail("Ann forwarded your meeting.\n\nRecipients\nann@example.com\n", sender=EXCHANGE, Return_Path="<>"),
        mail(
            "Your box is full: mail to help@example.net could not be delivered to help@example.net.",
            sender="Mail Delivery System <mailer-daemon@example.org>",
            Subject="Undelivered mail held",
            Return_Path="<www@example.org>",
        ),
        mail(
            "This message was created automatically by mail delivery software.\n550 5.2.2 Log in, help@example.net!",
            sender="postmaster@example.org",
            Return_Path="<www@example.org>",
        ),
        mail(
            "Mail to help@example.net failed: 550 5.2.2 full. See http://example.org/",
            sender="Mail Delivery System <mailer-daemon@example.org>",
            Subject="Undelivered mail held",
        ),
        mail(
            "5 mails for help@example.net could not be delivered. Review: https://example.org/",
            sender="Mail Delivery System <mailer-daemon@example.org>",
            Subject="Undelivered mail: 5 messages failed",
            Return_Path="<>",
        ),
        mail(
            "----- The following addresses had permanent fatal errors -----\n<help@example.net>\n",
            sender="MAILER-DAEMON@example.net",
            Subject="Returned mail",
            Return_Path="<MAILER-DAEMON@example.net>",
        ),
        mail(f"{PASTED}\nWhat is that?\n", Subject="Undelivered Mail Returned to Sender"),
        mail(f"{STATUS}\nWhat is that?\n", Subject="Delivery Status Notification (Failure)"),
        mail(f"Hello Ben,\n\nyour mail came back:\n\n{PASTED}", sender="noreply@example.net", Subject="Mail returned"),
        mail(PASTED, sender="ben at mail.example.org (Ben)", Subject="Returned mail: User unknown"),
        mail(
            "Hi Ben,\n\nour log: 550 <ann@example.com>: denied\n", sender="postmaster@example.org", References="<1@x>"
        ),
        mail("Away.", sender="postmaster@example.org", Subject="Accepted: Delivery", Return_Path="<>"),
        mail(
            "The following addresses failed our check: ann@example.com", Subject="Newsletter", List_Unsubscribe="<x:>"
        ),
    ],
)
def test_who_writes_about_a_bounce_sends_none(raw):
    understanding = understand(raw)
    assert understanding.kind is Kind.NOT_BOUNCE
    assert understanding.outcomes == ()


UNDELIVERED = "Undelivered Mail Returned to Sender"
QUOTED, BARRED = ("".join(f"{mark}{line}\n" for line in PASTED.splitlines()) for mark in ("> ", "| "))
INDENTED = "".join(f"    {line}\n" for line in PASTED.splitlines())


@pytest.mark.parametrize("sender", ["Help <help@example.org>", "Help Desk <noreply@example.org>"])
@pytest.mark.parametrize(
    ("text", "subject"),
    [
        (PASTED, f"[Ticket#20261102] {UNDELIVERED}"),
        (PASTED, f"[#1234] {UNDELIVERED}"),
        (PASTED, f"[HELP-12] {UNDELIVERED}"),
        (PASTED, f"[ref:00D1:500] {UNDELIVERED}"),
        (PASTED, f"Request received: {UNDELIVERED}"),
        (PASTED, f"Ticket no. 17: {UNDELIVERED}"),
        (f"Thank you for contacting us.\n\n{PASTED}", UNDELIVERED),
        (f"Thank you for contacting us.\n\n{STATUS}", UNDELIVERED),
        (f"Vielen Dank für Ihre Anfrage.\n\n{INDENTED}", UNDELIVERED),
        (f"Your request has been received.\n\n{PASTED}", UNDELIVERED),
        (f"Your mail with the subject\n\n  {UNDELIVERED}\n\nis held for moderation.\n\n{PASTED}", UNDELIVERED),
        (f"Hi Ben,\n\ncan you check this address?\n\n{PASTED}", UNDELIVERED),
        (f"We will look at it.\n\nOn Monday, Mail Delivery System wrote:\n\n{PASTED}", UNDELIVERED),
        (f"Am Montag schrieb Mail Delivery System:\n{INDENTED}", UNDELIVERED),
        (f"We will look at it.\n\n{QUOTED}", UNDELIVERED),
        (QUOTED, UNDELIVERED),
        (BARRED, UNDELIVERED),
    ],
)
def test_who_keeps_tickets_or_quotes_what_he_got_sends_no_report(text, subject, sender):
    assert understand(mail(text, sender=sender, Subject=subject, Return_Path="<>")).kind is Kind.AUTO_REPLY
    assert understand(mail(text, sender=sender, Subject=subject)).kind is Kind.NOT_BOUNCE


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        (f"{PASTED}\n> Hello Ann,\n> here are our news.\n", UNDELIVERED),
        (f"{PASTED}\nOn Monday, you wrote:\n> Hello Ann\n", UNDELIVERED),
        (f"Dear user,\n\n{PASTED}", UNDELIVERED),
        (f"{PASTED}\nIf this is an error, thank you for contacting us.\n", UNDELIVERED),
        (PASTED, f"[Postmaster] {UNDELIVERED}"),
        (PASTED, "Undeliverable: [Ticket#20261102] Your question"),
        (PASTED, "Undeliverable: Your case #12"),
        (f"Hi there,\n\n{PASTED}", UNDELIVERED),
        ("<ann@example.com>: 550 5.1.1 user unknown\n\n> Hello Ann,\n> here are our news.\n", UNDELIVERED),
        (f"Thank you for your understanding.\n\n{PASTED}", UNDELIVERED),
        (
            f"We received your message, but it could not be delivered to one or more recipients.\n\n{PASTED}",
            UNDELIVERED,
        ),
        (f"Hi Ben,\n\nyour mail could not be delivered to one or more recipients.\n\n{PASTED}", UNDELIVERED),
    ],
)
def test_a_report_may_quote_thank_and_greet(text, subject):
    raw = mail(text, sender="Gateway <support@example.net>", Subject=subject, Return_Path="<>")
    assert understand(raw).kind is Kind.BOUNCE


@pytest.mark.parametrize("text", [QUOTED, f"Thank you for contacting us.\n\n{PASTED}"])
def test_what_a_mail_system_says_is_its_own(text):
    assert understand(mail(text, sender="MAILER-DAEMON@mx.example.net", Subject=UNDELIVERED)).kind is Kind.BOUNCE


@pytest.mark.parametrize(
    "raw",
    [
        mail(PASTED, sender="MAILER-DAEMON@mx.example.net"),
        mail(f"For your information:\n\n{FORWARDED}", Subject="Fwd: Undelivered Mail"),
        mail(PASTED, sender=EXCHANGE, Subject="Unzustellbar: News", Auto_Submitted="auto-replied", Return_Path="<>"),
        mail(PASTED, sender="System <noreply@example.net>", Return_Path="<>"),
        mail(PASTED, sender="gateway@example.net", Subject="Mail could not be delivered"),
        mail(
            "Begin forwarded message:\n\n> From: MAILER-DAEMON@mx.example.net\n> Subject: Returned mail\n>\n"
            + "".join(f"> {line}\n" for line in PASTED.splitlines()),
            Subject="Fwd: Returned mail",
            References="<1@mx.example.net>",
        ),
    ],
)
def test_what_a_system_writes_is_one(raw):
    understanding = understand(raw)
    assert understanding.kind is Kind.BOUNCE
    assert [outcome.recipient for outcome in understanding.outcomes] == ["ann@example.com"]


@pytest.mark.parametrize(
    "raw",
    [
        mail("I am away until Monday.\n\nBen\nben@example.org\n", Subject="AW: Weekly news", Return_Path="<>"),
        mail("I will answer soon.\n\nben@example.org\n", Subject="Thank you", Return_Path="<>", Precedence="bulk"),
        mail("A program reads this.\n", Subject="Re: November issue", Precedence="junk"),
        mail("I am away.", sender="postmaster@example.org", Subject="Automatic reply: Weekly news"),
        mail("Away.", sender="postmaster@example.org", Subject="Undeliverable: away", X_Autorespond="vacation"),
        mail(f"You wrote:\n\n{PASTED}", Subject="RE: Undelivered Mail Returned to Sender", Return_Path="<>"),
        mail("He has left the company.", Subject="Weekly news", Return_Path="<>", In_Reply_To="<1@example.net>"),
        mail("Ticket 12 is open.", Subject="Your ticket", Auto_Submitted="auto-generated", In_Reply_To="<1@x>"),
    ],
)
def test_who_answers_with_a_null_reverse_path_or_calls_it_junk_is_a_machine(raw):
    understanding = understand(raw)
    assert understanding.kind is Kind.AUTO_REPLY
    assert [outcome.verdict for outcome in understanding.outcomes] == [None]


def test_what_another_program_reports_with_a_null_reverse_path_suppresses_nobody():
    told = "Error 550: mailbox ann@example.com does not exist on the old host\n"
    backup = mail(
        f"Backup failed permanently.\n{told}",
        sender="backup@example.org",
        Subject="FAILED: ann@example.com",
        Return_Path="<>",
    )
    report = mail(told, sender="backup@example.org", Subject="Undeliverable", Return_Path="<>")
    assert [outcome.verdict.advice for outcome in understand(backup).outcomes] == [Advice.REVIEW]
    assert [outcome.verdict.advice for outcome in understand(report).outcomes] == [Advice.SUPPRESS]


@pytest.mark.parametrize(
    "raw",
    [
        mail("Your message was waitlisted.\n", sender="noreply@example.org", Subject="Re: News"),
        mail("I only read approved senders. Apply to my list of approved senders.\n", Return_Path="<>"),
        mail("It is held until you confirm.\n", Auto_Submitted="auto-replied"),
    ],
)
def test_who_holds_mail_until_its_sender_shows_who_he_is_asks_a_question(raw):
    assert understand(raw).kind is Kind.CHALLENGE


def test_a_server_that_refuses_asks_no_question():
    refused = "550 5.7.1 <ann@example.com>: not on my list of approved senders\n"
    raw = mail(refused, sender="gateway@example.org", Subject="Undeliverable mail", Return_Path="<>")
    assert understand(raw).kind is Kind.BOUNCE


def test_a_person_who_writes_about_such_questions_asks_none():
    assert understand(mail("My mail to Ann was waitlisted. Why?\n")).kind is Kind.NOT_BOUNCE
    listed = mail("Ticket 12", List_Id="<x>", Auto_Submitted="auto-generated", References="<1@x>")
    assert understand(listed).kind is Kind.NOT_BOUNCE


def test_a_question_in_the_form_of_a_status_report_is_a_challenge():
    report = (
        "From: noreply@example.org\nReply-To: ann@example.com\nSubject: Re: Weekly news (Action Required)\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nYou are not on my list.\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; example.org\n\n"
        "Final-Recipient: rfc822; ann@example.com\nAction: delayed\nStatus: 4.7.0\n"
        "Diagnostic-Code: X-Boxbe-Notice; Sender not pre-approved.\n--b--\n"
    )
    assert understand(report.encode()).kind is Kind.CHALLENGE


def test_a_bounce_of_what_was_said_about_a_waiting_list_is_a_bounce():
    report = (
        "From: MAILER-DAEMON@mx.example.net\nContent-Type: multipart/report; boundary=b\n\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n"
        "Final-Recipient: rfc822; ann@example.com\nAction: failed\nStatus: 5.1.1\n\n"
        "--b\nContent-Type: message/rfc822\n\nSubject: X-Boxbe-Notice; what is that?\n\nHello\n--b--\n"
    )
    assert understand(report.encode()).kind is Kind.BOUNCE


@pytest.mark.parametrize(
    ("type_", "subject"), [("mixed", "[help] What?"), ("mixed", "Undelivered"), ("report", "What?")]
)
def test_a_report_that_is_attached_to_a_question_is_none(type_, subject):
    question = (
        f"From: Ben <ben@example.org>\nSubject: {subject}\n"
        f"Content-Type: multipart/{type_}; boundary=b\n\n--b\n\nSee the attachment.\n"
        f"--b\nContent-Type: message/delivery-status\n\n{STATUS}--b--\n"
    )
    assert understand(question.encode()).kind is (Kind.NOT_BOUNCE if type_ == "mixed" else Kind.BOUNCE)


@pytest.mark.parametrize(
    "header",
    [
        "From: list-bounces@example.org\nSubject: Fwd: Undelivered Mail\n",
        "From: list-bounces@example.org\nSubject: Uncaught bounce notification\nX-List-Administrivia: yes\n",
    ],
)
def test_a_report_that_is_shown_to_somebody_is_none(header):
    shown = (
        f"{header}"
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nThe attached message was received.\n"
        "--b\nContent-Type: message/rfc822\n\nFrom: MAILER-DAEMON@mx.example.net\n"
        "Content-Type: multipart/report; boundary=c\n\n--c\nContent-Type: message/delivery-status\n\n"
        f"{STATUS}--c--\n--b--\n"
    )
    assert understand(shown.encode()).kind is Kind.NOT_BOUNCE


@pytest.mark.parametrize(
    "raw",
    [
        mail("Your message\n\n  To: Ann\n\nwas read on Tuesday.", Subject="Read: Offer"),
        mail("Votre message a été lu mardi.", Subject="Lu : Offre"),
        mail("Tuesday", Content_Class="REPORT.IPM.Note.IPNRN"),
    ],
)
def test_a_receipt_may_be_written_for_people(raw):
    assert understand(raw).kind is Kind.MDN
