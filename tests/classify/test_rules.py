from collections import Counter

import pytest

from bounced.classify import RuleSet, read_doubts, read_pack, read_rules
from bounced.classify.rules import Evidence
from bounced.errors import KnowledgeError
from bounced.knowledge import make_knowledge, shipped_knowledge
from bounced.model import Advice, Confidence, Reply, Stage, Status
from bounced.parse.codes import read_codes
from bounced.pipeline import judge_answer

RULES = shipped_knowledge().rules.rules
WORDS = shipped_knowledge().words.rules
REASONS = {"mailbox_full", "user_unknown"}
RULE = """
[[rule]]
name = "a/rule"
pattern = ["some words"]
reason = "mailbox_full"
source = "a test"
example = "x"
"""
PACK = """
name = "acme"
label = "Acme Mail"
hosts = ["acme.example"]
marks = ["acme says"]
"""


def rule_text(**changed):
    """The text of a rule with other values, written as TOML."""
    keys = {"name": '"a/rule"', "pattern": '["some words"]', "reason": '"mailbox_full"', "source": '"me"'}
    return "[[rule]]\n" + "".join(f"{key} = {value}\n" for key, value in ({**keys, "example": '"x"'} | changed).items())


def evidence_of(rule, text):
    """What a report says that quotes `text` in the circumstances that `rule` asks for."""
    codes = read_codes(text)
    said = {codes.status} if codes.status else set(rule.status[:1])
    reply = codes.reply or next(map(Reply, rule.reply), None)
    return Evidence(frozenset(said), reply, next(iter(rule.stage), None), rule.provider)


def ask(rules, text, **evidence):
    return rules.first_match(rules.find_words(text), Evidence(**evidence))


def winner(text):
    match = ask(shipped_knowledge().rules, text)
    return match and match.rule.reason


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_shipped_rule_wins_its_example(rule):
    rules = shipped_knowledge().rules
    match = rules.first_match(rules.find_words(rule.example), evidence_of(rule, rule.example))
    assert match.rule.name == rule.name


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_shipped_phrase_can_win(rule):
    rules = shipped_knowledge().rules
    winners = {}
    for phrase in rule.pattern:
        text = phrase.replace("...", "of this")
        winners[phrase] = rules.first_match(rules.find_words(text), evidence_of(rule, text)).rule.name
    assert winners == dict.fromkeys(rule.pattern, rule.name)


@pytest.mark.parametrize("rule", WORDS, ids=lambda rule: rule.name)
def test_every_telling_word_can_win(rule):
    words = shipped_knowledge().words
    texts = {phrase: phrase.replace("...", "of this") for phrase in rule.pattern}
    winners = {
        phrase: words.first_match(words.find_words(text), evidence_of(rule, text)).rule.name
        for phrase, text in texts.items()
    }
    assert winners == dict.fromkeys(rule.pattern, rule.name)


def test_names_of_shipped_rules_are_unique():
    assert [name for name, count in Counter(rule.name for rule in (*RULES, *WORDS)).items() if count > 1] == []


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (
            "550-5.1.1 The email account that you tried to reach does not\n550-5.1.1 exist.\n550 5.1.1 Sorry",
            "user_unknown",
        ),
        ("552-5.2.2 The inbox is out of storage 552-5.2.2 space. 552 5.2.2 Sorry", "mailbox_full"),
        ("550-Mailbox\r\n550-unknown\r\n550 Sorry", "user_unknown"),
        ("550-mailbox 450-unknown", None),
    ],
)
def test_the_codes_before_the_lines_of_a_reply_part_no_phrase(reply, reason):
    assert winner(reply) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<news@example.net>: Sender address rejected: Domain not found", "sender_rejected"),
        ("<news@example.net>: Sender address rejected: User unknown in local table", "sender_rejected"),
        ("sender verify failed: no such user", "sender_rejected"),
        ("ann (ann@example.com) not listed in Domino Directory", "user_unknown"),
        ("you were blocked by the recipient", "recipient_filter"),
        ("blocked by bl.example.org", "ip_blocklisted"),
        ("554 5.7.1 Message blocked by policy", "policy"),
        ("550 5.1.1 RCPT TO:<ann@example.com> max message size exceeded", "message_too_large"),
        ("Rejected by esa1.iphmx.com: 550 #5.1.0 Unknown user", "user_unknown"),
        ("550 ann@example.com...User unknown", "user_unknown"),
        ("501 5.5.4 Invalid domain name in EHLO", "sender_rejected"),
        ("554 Connection refused: 192.0.2.1 is a source of abuse", "ip_blocklisted"),
        ("connect to mx.example.com[192.0.2.1]:25: Connection refused", "network_error"),
        ("550 The sender's mailbox news@example.net does not exist", "sender_rejected"),
        ("501 invalid address syntax in MAIL FROM parameter", "sender_rejected"),
        ("550 Unknown host: cannot find PTR for your address", "ptr_missing"),
        ("550 5.7.133 the group does not accept mail from unknown senders", "recipient_filter"),
        ("550 Giving up on 192.0.2.1: user unknown", "user_unknown"),
    ],
)
def test_the_more_exact_words_win(text, reason):
    assert winner(text) == reason


@pytest.mark.parametrize(
    "text",
    [
        "550 The recipient does not exist in the list of those you may write to",
        "535 5.7.0 User unknown",
        "535 Benutzer unbekannt oder Kennwort falsch",
        "550 Invalid address in To header",
        "550 Your address is not registered with us",
        "550 Sender address does not accept mail: 550 no such user",
        "550 DKIM key for news._domainkey.example.net does not exist",
        "550 A file attached to this message has been removed",
        "550 Certificate for user does not exist",
        "550 backend for mailbox does not exist: storage not mounted",
        "550 domain could not be found at this time, try again later",
        "554 5.7.1 <ann@example.com>: Recipient address rejected: Access denied",
        "550 Lähettäjän osoitetta ei löydy",
    ],
)
def test_what_is_denied_in_the_same_words_is_not_always_the_recipient(text):
    assert judge_answer(text).advice is not Advice.SUPPRESS


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("550 user unknown", Advice.SUPPRESS),
        ("550 user unknown to the list owner", Advice.REVIEW),
        ("550 domain not found (timeout)", Advice.REVIEW),
        ("550 The sender is an unknown user", Advice.REVIEW),
        ("550 No such user here, please tell the sender", Advice.SUPPRESS),
        ("550 Mailbox not found. The sender should check the address", Advice.SUPPRESS),
        ("550 unknown user - see our policy for senders", Advice.SUPPRESS),
        ("550 5.1.1 user unknown to the list owner", Advice.SUPPRESS),
        ("550 user unknown. " + "We do what we can for all who write here. " * 3 + "The list owner", Advice.SUPPRESS),
    ],
)
def test_words_about_others_cast_doubt_on_a_general_rule_but_not_on_a_code(text, advice):
    verdict = judge_answer(text)
    assert (verdict.advice, verdict.why.confidence is Confidence.WEAK) == (advice, advice is Advice.REVIEW)


def test_nothing_casts_doubt_on_a_rule_of_ones_own():
    knowledge = make_knowledge(
        {"mine.toml": rule_text(pattern='["unknown to the list owner"]', reason='"user_unknown"')}
    )
    assert judge_answer("550 user unknown to the list owner", knowledge=knowledge).advice is Advice.SUPPRESS


def rule_set(*texts):
    return RuleSet([rule for text in texts for rule in read_rules("mine.toml", text, REASONS)])


def test_the_first_rule_wins_not_the_first_words():
    rules = rule_set(
        rule_text(name='"one"', pattern='["beta"]'),
        rule_text(name='"two"', pattern='["alpha"]', reason='"user_unknown"'),
    )
    match = ask(rules, "alpha, then beta")
    assert (match.rule.name, match.words) == ("one", "beta")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no mailbox of ours", "no mailbox of ours"),
        ("no user ours", "no user ours"),
        ("no user | mailbox ours", None),
        ("pipe to | here", "pipe to |"),
    ],
)
def test_a_phrase_may_give_a_choice(text, words):
    rules = rule_set(rule_text(pattern='["no {user|mailbox} {of |}ours", "pipe to |"]'))
    match = ask(rules, text)
    assert (match and match.words) == words


@pytest.mark.parametrize(
    ("asked", "evidence"),
    [
        ({"status": '["5.1.1", "5.1.2"]'}, {"statuses": frozenset({Status(5, 1, 2)})}),
        ({"reply": "[550, 551]"}, {"reply": Reply(551)}),
        ({"stage": '["rcpt"]'}, {"stage": Stage.RCPT}),
    ],
)
def test_a_rule_may_ask_for_more_than_words(asked, evidence):
    rules = rule_set(rule_text(**asked))
    assert ask(rules, "some words", **evidence) is not None
    assert ask(rules, "some words") is None
    assert ask(rules, "other words", **evidence) is None


def test_a_rule_without_words_is_found_by_its_status():
    rules = rule_set(rule_text(pattern="[]", status='["5.1.1"]', hint='"Look."'))
    match = ask(rules, "anything", statuses=frozenset({Status(5, 1, 1), Status(5, 0, 0)}))
    assert (match.words, match.rule.hint) == ("5.1.1", "Look.")
    assert ask(rules, "anything") is None


def test_text_without_any_phrase_matches_nothing():
    assert winner("how do you do") is None
    assert ask(RuleSet([]), "user unknown") is None


def test_only_the_start_of_a_text_is_looked_at():
    assert winner("x " * 500 + "user unknown") == "user_unknown"
    assert winner("x " * 500_000 + "user unknown") is None


def test_further_rules_stand_before_the_shipped_ones():
    knowledge = make_knowledge({"mine.toml": rule_text(pattern='["user unknown"]')})
    assert ask(knowledge.rules, "user unknown").rule.name == "mine/a/rule"
    assert ask(knowledge.rules, "greylisted").rule.reason == "greylisted"


def test_the_rules_of_a_provider_are_for_its_answers_only():
    pack = read_pack("acme.toml", PACK + 'postmaster = "https://acme.example/"\n' + RULE, REASONS)
    rules = RuleSet(pack.rules)
    assert (pack.provider.name, pack.provider.label, pack.provider.postmaster) == (
        "acme",
        "Acme Mail",
        "https://acme.example/",
    )
    assert ask(rules, "some words", provider=pack.provider).rule.name == "providers/acme/a/rule"
    assert ask(rules, "some words") is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[rule", "mine.toml: "),
        ("rule = 3", "mine.toml: "),
        ("rule = [3]", "mine.toml: "),
        ('[rule]\nname = "a"', "mine.toml: "),
        ('[[rules]]\nname = "a"', "mine.toml: must hold nothing but [[rule]] tables"),
        ('[[rule]]\nname = "a"', "mine.toml, rule 'a': needs the keys"),
        (rule_text(colour='"red"'), "mine.toml, rule 'a/rule': needs the keys"),
        (rule_text(name="3"), "mine.toml, rule 3: name must be text"),
        (rule_text(pattern='"some words"'), "mine.toml, rule 'a/rule': pattern must be"),
        (rule_text(pattern="[3]"), "mine.toml, rule 'a/rule': pattern must be"),
        (rule_text(pattern="[]"), "mine.toml, rule 'a/rule': pattern or status must"),
        (rule_text(pattern='["..."]'), "mine.toml, rule 'a/rule': a phrase of pattern is empty"),
        (rule_text(pattern=f'["{"{a|b|c|d}" * 6}"]'), "mine.toml, rule 'a/rule': '{a|b|c|d}{a|b|c|d}"),
        (rule_text(pattern='["{|...}"]'), "mine.toml, rule 'a/rule': a phrase of pattern is empty"),
        (rule_text(pattern='["\\t"]'), "mine.toml, rule 'a/rule': a phrase of pattern is empty"),
        (rule_text(reason='"fate"'), "mine.toml, rule 'a/rule': unknown reason 'fate'"),
        (rule_text(reason="[]"), "mine.toml, rule 'a/rule': reason must be text"),
        (rule_text(source="3"), "mine.toml, rule 'a/rule': source must be text"),
        (rule_text(hint='" "'), "mine.toml, rule 'a/rule': hint must be text"),
        (rule_text(status='["five"]'), "mine.toml, rule 'a/rule': 'five' is no enhanced status code"),
        (rule_text(reply='["550"]'), "mine.toml, rule 'a/rule': reply must be a list of numbers"),
        (rule_text(stage='["lunch"]'), "mine.toml, rule 'a/rule': 'lunch' is none of the stages"),
        (rule_text() * 2, "mine.toml: two rules are called 'a/rule'"),
    ],
)
def test_a_malformed_rule_file_names_file_and_rule(text, told):
    with pytest.raises(KnowledgeError) as raised:
        read_rules("mine.toml", text, REASONS)
    assert str(raised.value).startswith(told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name = ", "acme.toml: "),
        (PACK + "colour = 3", "acme.toml: there is no key colour"),
        (PACK.replace('label = "Acme Mail"', ""), "acme.toml: label must be text"),
        ('name = "acme"\nlabel = "Acme"', "acme.toml: hosts or marks must say"),
        (PACK.replace('["acme.example"]', "3"), "acme.toml: hosts must be a list of texts"),
        (PACK + rule_text(reason='"fate"'), "acme.toml, rule 'a/rule': unknown reason"),
    ],
)
def test_a_malformed_pack_names_its_file(text, told):
    with pytest.raises(KnowledgeError) as raised:
        read_pack("acme.toml", text, REASONS)
    assert str(raised.value).startswith(told)


@pytest.mark.parametrize("text", ["sender = ", 'sender = "who wrote"', "sender = [3]"])
def test_a_malformed_file_of_doubts_is_named(text):
    with pytest.raises(KnowledgeError, match=r"mine\.toml"):
        read_doubts("mine.toml", text)
