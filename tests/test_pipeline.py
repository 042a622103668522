from importlib.resources import files

import pytest

from bounced.errors import KnowledgeError
from bounced.knowledge import make_knowledge, shipped_knowledge
from bounced.model import Kind
from bounced.pipeline import judge_answer, lost_examples, understand

SAMPLES = {path.name: path.read_bytes() for path in files("bounced.samples").iterdir() if path.name.endswith(".eml")}
RULE = """
[[rule]]
name = "m"
pattern = ["ham"]
reason = "virus"
source = "me"
example = "ham"
"""
REPORT = b"""\
From: MAILER-DAEMON@mx.example.net
Content-Type: multipart/report; boundary=b

--b
Content-Type: message/delivery-status

%s
--b
Content-Type: text/rfc822-headers

To: ann@example.org
X-Campaign: autumn

--b--
"""


def report(*blocks):
    return REPORT % b"\n\n".join(blocks)


@pytest.mark.parametrize(
    ("sample", "kind", "outcomes"),
    [
        ("1-user-unknown.eml", Kind.BOUNCE, [("ann@example.com", "user_unknown", "suppress")]),
        ("2-mailbox-full.eml", Kind.BOUNCE, [("ben@example.net", "mailbox_full", "retry")]),
        ("3-blocklisted.eml", Kind.BOUNCE, [("cleo@example.org", "ip_blocklisted", "fix")]),
        (
            "4-two-recipients.eml",
            Kind.BOUNCE,
            [("dora@example.com", "mailbox_disabled", "retry"), ("emil@example.com", None, None)],
        ),
        ("5-delayed.eml", Kind.DELAY, [("fay@example.net", "network_error", "retry")]),
        ("6-complaint.eml", Kind.FEEDBACK_REPORT, [("gus@provider.example", None, None)]),
        ("7-away.eml", Kind.AUTO_REPLY, [("hana@example.com", None, None)]),
        ("8-not-a-bounce.eml", Kind.NOT_BOUNCE, []),
    ],
)
def test_the_samples_are_understood(sample, kind, outcomes):
    understanding = understand(SAMPLES[sample])
    assert understanding.kind is kind
    assert [
        (one.recipient, one.verdict and one.verdict.reason, one.verdict and one.verdict.advice)
        for one in understanding.outcomes
    ] == outcomes


def test_every_sample_is_known():
    assert len(SAMPLES) == 8


@pytest.mark.parametrize(
    ("first", "then", "code", "advice"),
    [
        (b"failed\nStatus: 5.1.1", b"failed\nStatus: 5.1.1", "511", "suppress"),
        (b"failed\nStatus: 5.1.1", b"failed\nStatus: 5.2.2", "511", "review"),
        (b"failed\nStatus: 5.7.1", b"failed\nStatus: 5.1.1", "571", "fix"),
        (b"failed\nStatus: 5.1.1", b"failed\nStatus: 5.7.1", "511", "review"),
        (b"failed\nStatus: 4.4.1", b"failed\nStatus: 5.1.1", "511", "suppress"),
        (b"delayed\nStatus: 4.4.1", b"failed\nStatus: 5.1.1", "511", "suppress"),
        (b"failed\nStatus: 5.1.1", b"failed\nStatus: 4.4.1", "511", "review"),
        (b"failed\nStatus: 5.1.1", b"delayed\nStatus: 4.4.1", "511", "review"),
        (b"failed\nStatus: 5.1.1", b"delivered\nStatus: 2.0.0", "511", "review"),
        (b"delivered\nStatus: 2.0.0", b"failed\nStatus: 5.1.1", "511", "review"),
    ],
)
def test_a_recipient_named_twice_is_told_once_and_dead_only_where_both_say_so(first, then, code, advice):
    blocks = (
        b"Final-Recipient: rfc822; %s\nAction: %s" % one
        for one in ((b"ann@example.com", first), (b"ANN@example.com", then))
    )
    [outcome] = understand(report(*blocks)).outcomes
    assert (outcome.recipient.lower(), outcome.verdict.code) == ("ann@example.com", code)
    assert outcome.verdict.advice == advice


@pytest.mark.parametrize(
    ("others", "advice"),
    [
        ([b"delivered\nStatus: 2.0.0"], "review"),
        ([b"failed\nStatus: 5.2.2"], "review"),
        ([b"failed\nStatus: 5.1.1"], "review"),
        ([b"failed\nStatus: 5.1.1", b"delayed\nStatus: 4.4.1"], "review"),
        ([], "review"),
    ],
)
def test_an_alias_is_not_dead_with_any_of_its_mailboxes(others, advice):
    block = b"Original-Recipient: rfc822; ann@example.org\nFinal-Recipient: rfc822; box%d@example.com\nAction: %s"
    actions = [b"failed\nStatus: 5.1.1", *others]
    (outcome,) = understand(report(*(block % (number, action) for number, action in enumerate(actions)))).outcomes
    assert (outcome.recipient, outcome.verdict.advice) == ("ann@example.org", advice)


@pytest.mark.parametrize(
    ("sent_to", "failed", "advice"),
    [
        ("ann@example.org", "ann@example.org", "suppress"),
        ("ann@example.org", "ANN@mx1.example.org", "suppress"),
        ("ann+news@example.org", "ann@example.org", "suppress"),
        ("ann@example.org", "ann@example.com", "review"),
        ("sales@example.org", "ann@example.org", "review"),
    ],
)
def test_a_mailbox_is_dead_under_each_of_its_names(sent_to, failed, advice):
    fields = f"Original-Recipient: rfc822; {sent_to}\nFinal-Recipient: rfc822; {failed}\nAction: failed\nStatus: 5.1.1"
    [outcome] = understand(report(fields.encode()).replace(b"ann@example.org\nX-", f"{sent_to}\nX-".encode())).outcomes
    assert (outcome.recipient, outcome.verdict.reason, outcome.verdict.advice) == (sent_to, "user_unknown", advice)


@pytest.mark.parametrize(
    ("actual", "advice"),
    [
        ("RFC822; ann@host.example.org", "suppress"),
        ("RFC822; <ann@example.org>", "suppress"),
        ("rfc822; ann", "suppress"),
        ("RFC822; box@example.com", "review"),
        ("X-Unix; |/usr/local/bin/forward", "review"),
    ],
)
def test_an_alias_is_not_dead_with_what_sendmail_made_of_it(actual, advice):
    fields = f"Final-Recipient: RFC822; ann@example.org\nX-Actual-Recipient: {actual}\nAction: failed\nStatus: 5.1.1"
    [outcome] = understand(report(fields.encode())).outcomes
    assert (outcome.recipient, outcome.verdict.advice) == ("ann@example.org", advice)


@pytest.mark.parametrize(
    "text",
    [
        "  undisclosed address\n    (generated from ann@example.org)\n    550 User unknown\n",
        "  |/usr/local/bin/forward\n    (generated from Ann@example.org)\n    550 User unknown\n",
        "  ann@example.org\n    (expanded from: <ann@example.org>)\n    550 User unknown\n",
    ],
)
def test_an_alias_is_not_dead_with_what_the_text_names_or_hides_behind_it(text):
    raw = f"From: MAILER-DAEMON@mx.example.net\nSubject: failure notice\n\nThe following address(es) failed:\n\n{text}"
    [outcome] = understand(raw.encode()).outcomes
    assert (outcome.recipient.lower(), outcome.verdict.advice) == ("ann@example.org", "review")


def test_a_mailbox_is_dead_though_its_alias_is_not():
    text = "<box@example.com> (expanded from <ann@example.org>): 550 5.1.1 user unknown\n"
    raw = f"From: MAILER-DAEMON@mx.example.net\nSubject: failure notice\n\nThe following address failed:\n\n{text}"
    assert [(one.recipient, one.verdict.advice) for one in understand(raw.encode()).outcomes] == [
        ("box@example.com", "suppress")
    ]


def test_the_address_we_sent_to_counts():
    understanding = understand(
        report(
            b"Final-Recipient: rfc822; private@example.com\nOriginal-Recipient: rfc822; ann@example.org\nAction: failed"
        )
    )
    assert understanding.outcomes[0].recipient == "ann@example.org"


def test_further_headers_of_the_returned_mail_are_reported_on_demand():
    raw = report(b"Final-Recipient: rfc822; ann@example.org\nAction: failed")
    assert understand(raw).original.headers == {}
    assert understand(raw, headers=["X-Campaign", "X-Absent"]).original.headers == {"x-campaign": "autumn"}


def test_knowledge_can_be_given():
    mine = make_knowledge({"mine.toml": RULE})
    raw = report(b"Final-Recipient: rfc822; ann@example.org\nAction: failed\nDiagnostic-Code: smtp; 550 ham")
    assert understand(raw, knowledge=mine).outcomes[0].verdict.reason == "virus"
    assert understand(raw).outcomes[0].verdict.reason == "undefined"


def test_bad_knowledge_is_refused():
    with pytest.raises(KnowledgeError, match=r"^mine\.toml"):
        make_knowledge({"mine.toml": "rule"})


def test_the_knowledge_of_the_package_is_read_once():
    assert shipped_knowledge() is shipped_knowledge()


def test_the_answer_of_a_server_is_judged_without_a_message():
    verdict = judge_answer("552 5.2.2 mailbox is over quota", host="mx.example.com")
    assert (verdict.code, verdict.reason, verdict.advice) == ("522", "mailbox_full", "retry")


def test_every_shipped_rule_wins_its_example():
    assert lost_examples(shipped_knowledge()) == {}


def test_a_rule_that_loses_its_example_is_told_with_the_winner():
    mine = make_knowledge({"mine.toml": RULE.replace('example = "ham"', 'example = "spam mail"')})
    assert lost_examples(mine)["mine/m"] == "texts/english/spam_content/judged"


@pytest.mark.parametrize(
    ("sender", "returned", "advice"),
    [
        ("Web Form <noreply@example.org>", "", "review"),
        ("Mail Delivery System <mailer-daemon@example.org>", "", "suppress"),
        (
            "Web Form <noreply@example.org>",
            "--- original message ---\nSubject: Hello\nTo: ann@example.com\n",
            "suppress",
        ),
    ],
)
def test_a_report_that_nobody_signs_suppresses_nobody(sender, returned, advice):
    text = "Your message could not be delivered.\n<ann@example.com>: 550 5.1.1 user unknown\n"
    header = f"From: {sender}\nTo: bob@example.org\nSubject: Delivery failed\n\n"
    [outcome] = understand(f"{header}{text}\n{returned}".encode()).outcomes
    assert (outcome.recipient, outcome.verdict.reason, outcome.verdict.advice) == (
        "ann@example.com",
        "user_unknown",
        advice,
    )


@pytest.mark.parametrize(
    "text",
    [
        "<ann@example.org>:\n550 Requested action not taken\n\n<ben@example.org>:\nUser unknown (#5.1.1)\n",
        "<ben@example.org>:\nUser unknown (#5.1.1)\n\n<ann@example.org>:\n550 Requested action not taken\n",
        "<ben@example.org>:\nUser unknown (#5.1.1)\n\n<ann@example.org>:\n",
        (
            "<ann@example.org>\n<ben@example.org>\n\n   ----- Transcript of session follows -----\n"
            ">>> RCPT To:<ben@example.org>\n<<< 550 5.1.1 User unknown\n550 <ben@example.org>... User unknown\n"
        ),
        (
            "<ben@example.org>\n<ann@example.org>\n\n   ----- Transcript of session follows -----\n"
            ">>> RCPT To:<ben@example.org>\n<<< 550 5.1.1 User unknown\n550 <ben@example.org>... User unknown\n"
        ),
        "550 Requested action not taken\n<ann@example.org>\n\n550 5.1.1 User unknown\n<ben@example.org>\n",
        "550 5.1.1 User unknown\n<ben@example.org>\n\n<ann@example.org>\n",
        "<ann@example.org>\n<ben@example.org>: 550 5.1.1 User unknown\n",
        "<ann@example.org>\n<ben@example.org>\n    (reason: 550 5.1.1 User unknown)\n",
        "<ann@example.org>:\n\n<ben@example.org>:\n    550 5.1.1 User unknown\n",
        "<ben@example.org>\n<ann@example.org>\n\nThe servers said:\n\n550 5.1.1 <ben@example.org>: User unknown\n",
        "<ben@example.org> (expanded from <ann@example.org>): User unknown\n<ann@example.org>: 550 not taken\n",
        "Not delivered to <ann@example.org>: 550 not taken, <ben@example.org>: 550 5.1.1 User unknown\n",
        (
            "<ann@example.org>: 550 not taken\n<ben@example.org>: 550 5.1.1 User unknown\n"
            "<ann@example.org>: 550 5.1.1 User unknown\n"
        ),
        f"<ben@example.org>: 550 5.1.1 User unknown{' by ben@example.org' * 30}\n<ann@example.org>: 550 not taken\n",
        f"<ben@example.org>: 550 5.1.1 User unknown{' ben@example.org' * 30}\n<ann@example.org>: 550 not taken\n",
        " 1. ann@example.org 550 not taken\n 2. ben@example.org 550 5.1.1 User unknown\n",
        (
            "<ann@example.org>\n<ben@example.org>\n\n   ----- Transcript of session follows -----\n"
            ">>> RCPT To:<ann@example.org>\n>>> RCPT To:<ben@example.org>\n"
            "<<< 550-Requested action\n<<< 550 not taken\n<<< 550 5.1.1 User unknown\n"
        ),
        (
            "<ann@example.org>\n<ben@example.org>\n\n   ----- Transcript of session follows -----\n"
            ">>> RCPT To:<ann@example.org>\n<<< 550 Requested action not taken\n550 <ann@example.org>... User unknown\n"
            ">>> RCPT To:<ben@example.org>\n<<< 550 5.1.1 User unknown\n550 <ben@example.org>... User unknown\n"
        ),
    ],
)
def test_nobody_is_suppressed_for_what_was_said_of_another(text):
    raw = f"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\nSubject: failure notice\n\nThese failed:\n\n{text}"
    advice = {outcome.recipient: outcome.verdict.advice for outcome in understand(raw.encode()).outcomes}
    assert advice == {"ann@example.org": "review", "ben@example.org": "suppress"}


@pytest.mark.parametrize(
    "further",
    [
        "Earlier, mail to ben@example.org was refused: 550 5.1.1 User unknown.",
        ">>> RCPT To:<ben@example.org>\n<<< 550 5.1.1 User unknown\n550 <ben@example.org>... User unknown",
        "For codes such as 550 5.1.1 (user unknown) see https://example.net/codes.",
        "Most often this is because the user no longer exists.",
        'See also: "550 User unknown" in our FAQ.',
    ],
)
def test_nobody_is_suppressed_for_what_stands_below_the_answer(further):
    text = (
        f"The following address failed:\n\n<ann@example.org>: host said: 550 Requested action not taken\n\n{further}\n"
    )
    fields = b"Final-Recipient: rfc822; ann@example.org\nAction: failed\nStatus: 5.0.0"
    part = b"--b\nContent-Type: text/plain\n\n" + text.encode() + b"\n--b\n"
    for one in (
        report(fields).replace(b"--b\n", part, 1),
        report(fields + b"\nDiagnostic-Code: smtp; 550 Requested action not taken").replace(b"--b\n", part, 1),
        f"From: MAILER-DAEMON@mx.example.net\nSubject: Returned mail\n\n{text}".encode(),
    ):
        assert [outcome.verdict.advice for outcome in understand(one).outcomes] == ["review"]


@pytest.mark.parametrize("code", ["550 5.1.1", "550"])
def test_what_sendmail_makes_of_a_bare_reply_suppresses_nobody(code):
    text = "   ----- The following addresses had permanent fatal errors -----\n<ann@example.org>\n\n"
    text += "   ----- Transcript of session follows -----\n... while talking to mx.example.org.:\n"
    text += (
        f">>> RCPT To:<ann@example.org>\n<<< 550 Requested action not taken\n{code} <ann@example.org>... User unknown\n"
    )
    fields = b"Final-Recipient: rfc822; ann@example.org\nAction: failed\nStatus: 5.1.1"
    raw = report(fields).replace(b"--b\n", b"--b\nContent-Type: text/plain\n\n" + text.encode() + b"\n--b\n", 1)
    for one in (raw, f"From: MAILER-DAEMON@mx.example.net\nSubject: Returned mail\n\n{text}".encode()):
        assert [outcome.verdict.advice for outcome in understand(one).outcomes] == ["review"]


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("<ann@example.org>\n<ben@example.org>\n    550 5.1.1 User unknown\n", "review"),
        ("User unknown:\n  ann@example.org\n  ben@example.org\n\nMailbox full:\n  cleo@example.org\n", "suppress"),
        ("<ann@example.org>\n<ben@example.org>\n\n550 5.1.1 User unknown\n550 5.5.0 Not taken\n", "review"),
        ("<ann@example.org>\n<ben@example.org>\n\n   ----- Transcript -----\n<<< 550 5.1.1 User unknown\n", "review"),
        (">>> RCPT To:<ann@example.org>\n>>> RCPT To:<ben@example.org>\n<<< 550 5.1.1 User unknown\n", "review"),
    ],
)
def test_a_list_shares_what_is_said_of_all_of_it(text, advice):
    raw = f"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\nSubject: failure notice\n\nThese failed:\n\n{text}"
    advices = {outcome.recipient: outcome.verdict.advice for outcome in understand(raw.encode()).outcomes}
    assert advices.items() >= {("ann@example.org", advice), ("ben@example.org", advice)}


@pytest.mark.parametrize("item", ["<%s>\n", "<%s>\n\n", "  %s\n", " * %s\n", "Recipient: %s\n", "%s, "])
@pytest.mark.parametrize(
    "said",
    ["550 5.1.1 User unknown", "550 User unknown", "The user does not exist.", "They said:\n550 5.1.1 User unknown"],
)
@pytest.mark.parametrize("rest", ["", "\n<dora@example.org>: 552 5.2.2 Mailbox full\n"])
def test_one_answer_below_three_suppresses_none_of_them(item, said, rest):
    three = [f"{name}@example.org" for name in ("ann", "ben", "cleo")]
    text = f"{''.join(item % one for one in three).rstrip(', ')}\n\n{said}\n{rest}"
    raw = f"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\nSubject: failure notice\n\nThese failed:\n\n{text}"
    outcomes = understand(raw.encode()).outcomes
    assert outcomes
    assert not [one.recipient for one in outcomes if one.verdict.advice == "suppress"]


def test_three_of_whom_the_same_is_said_are_dead_each():
    three = [f"{name}@example.org" for name in ("ann", "ben", "cleo")]
    text = "\n".join(f"<{one}>:\n550 5.1.1 User unknown\n" for one in three)
    raw = f"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\nSubject: failure notice\n\nThese failed:\n\n{text}"
    assert [(one.recipient, one.verdict.advice) for one in understand(raw.encode()).outcomes] == [
        (one, "suppress") for one in three
    ]


@pytest.mark.parametrize(
    "form",
    [
        "<ann@example.org>: host mx1.example.org said: %s\n\n<ann@example.org>: host mx2.example.org said: %s\n",
        "<ann@example.org>:\n  mx1.example.org: %s\n  mx2.example.org: %s\n",
        "<ann@example.org>\n\n>>> RCPT To:<ann@example.org>\n<<< %s\n>>> RCPT To:<ann@example.org>\n<<< %s\n",
    ],
)
@pytest.mark.parametrize(
    ("first", "then", "suppresses"),
    [
        ("550 5.1.1 User unknown", "550 5.1.1 No such user", True),
        ("550 5.1.1 User unknown", "554 5.7.1 Refused by policy", False),
        ("554 5.7.1 Refused by policy", "550 5.1.1 User unknown", False),
        ("550 5.1.1 User unknown", "450 4.2.0 Greylisted", False),
        ("550 5.1.1 User unknown", "503 5.5.1 Need RCPT first", True),
    ],
)
@pytest.mark.parametrize("others", ["", "<ben@example.org>: 552 5.2.2 Mailbox full\n\n"])
def test_two_answers_about_one_recipient_have_to_agree(form, first, then, suppresses, others):
    text = f"These failed:\n\n{others}{form % (first, then)}"
    raw = f"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\nSubject: failure notice\n\n{text}"
    advice = {outcome.recipient: outcome.verdict.advice for outcome in understand(raw.encode()).outcomes}
    assert (advice["ann@example.org"] == "suppress") == suppresses


@pytest.mark.parametrize(
    "announcement",
    [
        "Delivery to the following recipients was aborted after 2 seconds:\n\n  * ann@example.org",
        "Message not delivered to the following addresses:\n\n   ann@example.org",
        "Your message could not be delivered to:\n<ann@example.org>",
    ],
)
def test_the_only_recipient_is_not_judged_by_a_paragraph_about_another(announcement):
    text = f"{announcement}\n\nOur disks are broken.\n\nMail to ben@example.com was refused: 550 5.1.1 User unknown.\n"
    raw = f"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\nSubject: failure notice\n\n{text}"
    [outcome] = understand(raw.encode()).outcomes
    assert (outcome.recipient, outcome.verdict.advice) == ("ann@example.org", "review")


def test_whom_the_report_goes_to_is_not_suppressed_beside_another():
    text = "Your message was not delivered.\n<ann@example.org>: mailbox full\n<bob@example.net>: user unknown\n"
    raw = f"From: MAILER-DAEMON@mx.example.net\nTo: Bob <BOB@example.net>\nSubject: failure notice\n\n{text}"
    advice = {one.recipient: one.verdict.advice for one in understand(raw.encode()).outcomes}
    assert advice == {"ann@example.org": "retry", "bob@example.net": "review"}


def test_what_is_refused_after_all_recipients_is_about_those_that_were_accepted():
    text = "In:  RCPT TO:<ann@example.org>\nOut: 250 ok\nIn:  RCPT TO:<ben@example.org>\nOut: 550 User unknown\n"
    text += "In:  DATA\nOut: 354 go ahead\nOut: 554 It is spam\n"
    raw = f"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\nSubject: failure notice\n\n{text}"
    assert {outcome.recipient: outcome.verdict.reason for outcome in understand(raw.encode()).outcomes} == {
        "ann@example.org": "spam_content",
        "ben@example.org": "user_unknown",
    }


def test_who_is_named_by_a_dialogue_alone_says_nothing_of_the_others():
    text = "The following addresses failed:\n\n<cleo@example.org>: user unknown\n\n"
    text += "<ben@example.org>\n<ann@example.org>\n\n   ----- Transcript -----\n"
    text += ">>> RCPT To:<ben@example.org>\n<<< 552 5.2.2 Mailbox full\n552 <ben@example.org>... Mailbox full\n"
    raw = f"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\nSubject: Returned mail\n\n{text}"
    assert {outcome.recipient: outcome.verdict.reason for outcome in understand(raw.encode()).outcomes} == {
        "ann@example.org": "undefined",
        "ben@example.org": "mailbox_full",
        "cleo@example.org": "user_unknown",
    }


def test_what_stands_before_all_recipients_is_about_each_of_them():
    text = "It was classified as spam.\n\n<ann@example.org>: 550 not taken\n\n<ben@example.org>: 550 not taken\n"
    raw = f"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\nSubject: failure notice\n\n{text}"
    assert [one.verdict.reason for one in understand(raw.encode()).outcomes] == ["spam_content", "spam_content"]
