import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounced.classify import Profile, classify
from bounced.knowledge import shipped_knowledge
from bounced.model import Action, Advice, BounceType, Confidence, Fault, Finding, Reply, Status
from bounced.pipeline import judge_answer, understand

# The rules for the texts of any server, which ask for nothing but words.
GENERAL = [
    rule for rule in shipped_knowledge().rules.rules if not (rule.provider or rule.status or rule.reply or rule.stage)
]
TEMPORARY = [{"status": "4.1.1"}, {"diagnostic": "smtp; 450"}, {"status": "4.0.0"}, {"status": "4.7.1"}]
IP_BLOCKS = [
    "Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org",
    "Your IP 192.0.2.7 is blocked, see https://bl.example.org",
    "192.0.2.7 is listed in bl.example.org",
    "Denied by DNSBL",
]


@pytest.fixture
def verdict_on(make_report):
    def verdict(*, profile=Profile.RULES, **fields):
        (outcome,) = understand(make_report(**fields), profile=profile).outcomes
        return outcome.verdict

    return verdict


@pytest.mark.parametrize("rule", GENERAL, ids=lambda rule: rule.name)
def test_a_temporary_code_stays_soft_whatever_the_text(verdict_on, rule):
    words = rule.pattern[0].replace("...", "x")
    for fields in TEMPORARY:
        verdict = verdict_on(**(fields | {"diagnostic": f"{fields.get('diagnostic', 'smtp;')} {words}"}))
        assert (verdict.reason, verdict.bounce_type, verdict.advice) == (rule.reason, BounceType.SOFT, Advice.RETRY)


def test_a_full_mailbox_behind_an_unknown_user_is_soft(verdict_on):
    verdict = verdict_on(status="5.1.1", diagnostic="smtp; 550 5.1.1 ann@example.com: mailbox full")
    assert (verdict.bounce_type, verdict.reason, verdict.advice) == ("soft", "mailbox_full", "retry")
    assert verdict.code == "511"


def test_an_unknown_user_behind_a_policy_code_is_suppressed(verdict_on):
    verdict = verdict_on(status="5.7.1", diagnostic="smtp; 550 5.7.1 no such user here")
    assert (verdict.bounce_type, verdict.reason, verdict.advice) == ("hard", "user_unknown", "suppress")
    assert verdict.code == "571"


def test_a_bare_5_0_0_is_for_people_to_look_at(verdict_on):
    verdict = verdict_on(status="5.0.0")
    assert (verdict.code, verdict.reason, verdict.bounce_type) == ("500", "undefined", "hard")
    assert (verdict.advice, verdict.why.confidence) == ("review", "weak")


def test_no_code_at_all_is_911(verdict_on):
    verdict = verdict_on()
    assert (verdict.code, verdict.bounce_type, verdict.advice) == ("911", "hard", "review")
    assert (verdict.why.rule, verdict.why.evidence) == ("codes/911", None)


@pytest.mark.parametrize("action", ["delayed", "delayed (still trying)"])
def test_a_delay_without_a_code_is_soft(verdict_on, action):
    assert verdict_on(action=action).bounce_type is BounceType.SOFT


def test_the_enhanced_code_decides_where_the_reply_disagrees(verdict_on):
    assert verdict_on(status="5.0.0", diagnostic="smtp; 550 4.2.2 no").bounce_type is BounceType.SOFT


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "5.1.1", "diagnostic": "smtp; 450 4.1.1 user unknown"},
        {"status": "5.1.1", "diagnostic": "smtp; 550 4.1.1 user unknown"},
        {"diagnostic": "smtp; 450 5.1.1 user unknown"},
        {"action": "delayed", "status": "5.1.1", "diagnostic": "smtp; 550 5.1.1 user unknown"},
    ],
)
def test_what_anybody_called_temporary_is_soft(verdict_on, fields):
    verdict = verdict_on(**fields)
    assert (verdict.bounce_type, verdict.advice) == (BounceType.SOFT, Advice.RETRY)


@pytest.mark.parametrize("said", ["(in reply to MAIL FROM command)", "(in reply to EHLO command)"])
def test_a_code_from_before_the_recipient_was_named_suppresses_nobody(said):
    assert judge_answer(f"550 5.1.1 go away {said}").advice is Advice.REVIEW
    assert judge_answer("550 5.1.1 go away (in reply to RCPT TO command)").advice is Advice.SUPPRESS


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("550 Denied", Advice.REVIEW),
        ("553 Denied", Advice.REVIEW),
        ("550 5.1.1 Denied", Advice.SUPPRESS),
        ("550 mailbox unavailable", Advice.SUPPRESS),
        ("550 no such user", Advice.SUPPRESS),
    ],
)
def test_a_status_made_of_a_bare_reply_suppresses_nobody(verdict_on, said, advice):
    assert verdict_on(status="5.1.1", diagnostic=f"smtp; {said}").advice is advice


def test_how_long_the_sender_has_tried_is_no_cause_of_a_delay():
    finding = Finding(
        "ann@example.com",
        action=Action.DELAYED,
        diagnostic="450 later",
        explanation="It could not be delivered for 4 hours. It will be retried.",
    )
    assert classify(finding, shipped_knowledge()).reason == "undefined"


@pytest.mark.parametrize(
    ("profile", "expected"), [(Profile.RULES, ("soft", "mailbox_full")), (Profile.TABLE, ("hard", "user_unknown"))]
)
def test_the_profile_says_whether_texts_may_overrule_codes(verdict_on, profile, expected):
    verdict = verdict_on(profile=profile, status="5.1.1", diagnostic="smtp; 550 5.1.1 mailbox full")
    assert (verdict.bounce_type, verdict.reason) == expected


def test_the_table_alone_takes_its_type_from_the_row(verdict_on):
    assert verdict_on(profile=Profile.TABLE, status="5.2.2").bounce_type is BounceType.SOFT


def test_the_text_for_people_explains_where_there_is_no_diagnostic():
    finding = Finding("ann@example.com", explanation="ann@example.com: mailbox is full")
    assert classify(finding, shipped_knowledge()).reason == "mailbox_full"


@pytest.mark.parametrize("text", IP_BLOCKS)
@pytest.mark.parametrize("status", [f"5.{subject}.{detail}" for subject in range(8) for detail in range(8)])
def test_an_ip_block_never_costs_a_subscription(verdict_on, status, text):
    verdict = verdict_on(status=status, diagnostic=f"smtp; 554 {status} {text}")
    assert verdict.reason == "ip_blocklisted"
    assert verdict.advice in {Advice.FIX, Advice.RETRY}


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("550 5.1.1 user unknown", Advice.SUPPRESS),
        ("550 5.3.0 command died with status 1", Advice.RETRY),
        ("554 5.7.1 relay access denied", Advice.FIX),
        ("552 5.3.4 message too large", Advice.FIX),
        ("550 sorry", Advice.REVIEW),
    ],
)
def test_the_advice_follows_whose_fault_it_is(verdict_on, text, advice):
    assert verdict_on(diagnostic=f"smtp; {text}").advice is advice


statuses = st.builds(Status, st.sampled_from([2, 4, 5]), st.integers(0, 9), st.integers(0, 999))
words = st.sampled_from([phrase for rule in GENERAL for phrase in rule.pattern])
texts = st.lists(words | st.text(max_size=20), max_size=4).map(" ".join) | st.none()
findings = st.builds(
    Finding,
    recipient=st.just("ann@example.com"),
    action=st.sampled_from(Action) | st.none(),
    status=statuses | st.none(),
    said_status=statuses | st.none(),
    reply=st.builds(Reply, st.integers(400, 599)) | st.none(),
    diagnostic=texts,
    explanation=texts,
)


@given(findings, st.sampled_from(Profile))
def test_only_sure_signs_of_a_dead_address_suppress_it(finding, profile):
    verdict = classify(finding, shipped_knowledge(), profile=profile)
    if verdict.advice is Advice.SUPPRESS:
        assert verdict.bounce_type is BounceType.HARD
        assert verdict.fault is Fault.RECIPIENT
        assert verdict.why.confidence is not Confidence.WEAK


@given(findings, st.sampled_from(Profile))
def test_what_is_soft_is_tried_again(finding, profile):
    verdict = classify(finding, shipped_knowledge(), profile=profile)
    assert (verdict.bounce_type is BounceType.SOFT) <= (verdict.advice is Advice.RETRY)


@given(findings)
def test_a_verdict_names_known_words_only(finding):
    verdict = classify(finding, shipped_knowledge())
    assert verdict.reason in shipped_knowledge().tables.reasons
    assert len(verdict.code) == 3
    assert verdict.code_text


@pytest.mark.parametrize(
    ("text", "reason", "rule"),
    [
        ("554 We dont want your junk here", "spam_content", "words/english/spam_content/word"),
        ("550 5.7.1 We dont want your junk here", "spam_content", "words/english/spam_content/word"),
        ("550 5.4.2 We dont want your junk here", "network_error", "codes/enhanced/X.4.2"),
        (
            "host mx.junk.example[192.0.2.1] said: 554 no (in reply to MAIL FROM command)",
            "undefined",
            "codes/reply/554",
        ),
    ],
)
def test_a_telling_word_counts_where_neither_rule_nor_code_names_the_cause(text, reason, rule):
    verdict = judge_answer(text)
    assert (verdict.reason, verdict.why.rule) == (reason, rule)


def test_a_telling_word_is_never_enough_to_suppress():
    verdict = judge_answer("550 That mailbox is not present")
    assert (verdict.reason, verdict.why.confidence, verdict.advice) == ("user_unknown", "weak", "review")


@pytest.mark.parametrize(
    "text",
    [
        "554 refused. Common causes: the user does not exist or the domain does not exist",
        "554 refused. If the mailbox does not exist, please remove it from your list",
        "554 refused. Mögliche Gründe: Die Adresse existiert nicht",
        "550 5.7.1 User not found in the white list",
    ],
)
def test_what_is_only_supposed_suppresses_nobody(text):
    assert judge_answer(text).advice != "suppress"


@pytest.mark.parametrize(
    "text", ["550 5.1.1 User unknown, if the address is right", "550 User unknown. If the problem persists, call us"]
)
def test_what_is_supposed_elsewhere_takes_nothing_from_what_is_said(text):
    assert judge_answer(text).advice == "suppress"


@pytest.mark.parametrize("command", ["HELO", "MAIL FROM"])
def test_a_server_that_has_not_heard_of_the_recipient_does_not_refuse_him(command):
    verdict = judge_answer(f"501 no such person, leave us alone (in reply to {command} command)")
    assert verdict.advice is not Advice.SUPPRESS


def test_a_server_may_say_at_once_that_it_takes_no_mail():
    answer = "after initial connection: host mx.example.com [192.0.2.1]: 521 mx.example.com does not accept mail"
    assert judge_answer(answer).advice is Advice.SUPPRESS


def test_the_route_to_a_recipient_names_nobody_else(make_report):
    told = b"@gate.example.net:ann@example.com: unknown host"
    (outcome,) = understand(make_report(status="5.0.0").replace(b"Sorry.", told)).outcomes
    assert (outcome.verdict.reason, outcome.verdict.advice) == ("domain_unknown", "suppress")


@pytest.mark.parametrize("said", ["<%s> unknown domain", "%s is not known here"])
def test_an_answer_that_names_our_own_address_alone_is_about_us(verdict_on, said):
    ours = verdict_on(status="5.1.1", diagnostic="smtp; 550 5.1.1 " + said % "bounces@example.net")
    assert (ours.advice, ours.why.confidence) == (Advice.REVIEW, Confidence.WEAK)
    assert verdict_on(status="5.1.1", diagnostic="smtp; 550 5.1.1 " + said % "ann@example.com").advice == "suppress"
    both = "smtp; 550 5.1.1 no such user <ann@example.com> for mail of bounces@example.net"
    assert verdict_on(status="5.1.1", diagnostic=both).advice == "suppress"


def test_a_code_about_the_recipient_is_doubted_where_the_words_are_about_somebody_else(verdict_on):
    verdict = verdict_on(status="5.1.1", diagnostic="smtp; 511 5.1.1 sorry, the author's home has no address")
    assert (verdict.advice, verdict.why.confidence) == (Advice.REVIEW, Confidence.WEAK)
    assert verdict_on(status="5.1.1", diagnostic="smtp; 511 5.1.1 sorry").advice is Advice.SUPPRESS


def test_the_copy_behind_an_answer_casts_no_doubt_on_it():
    assert judge_answer("Mailbox does not exist A copy of the headers is enclosed").advice is Advice.SUPPRESS
