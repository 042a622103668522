"""Every row of every code table, from a whole message to its verdict."""

import csv
import io

import pytest

from bounced.classify import Profile, read_tables
from bounced.errors import KnowledgeError
from bounced.model import BounceType, Reply, Status
from bounced.pipeline import understand
from bounced.shipped import read_text


def rows(name):
    return list(csv.DictReader(io.StringIO(read_text("bounced.classify.data", name))))


CODES = {row["code"]: row for row in rows("bounce-codes.csv")}
REPLIES = {row["reply_code"]: row for row in rows("reply-codes.csv")}
STATUSES = {row["status"]: row for row in rows("enhanced-status-codes.csv")}
REASONS = {row["reason"]: row for row in rows("reasons.csv")}
# Written by hand, so that an edit of the table does not carry the test along.
SOFT_CODES = {"421", "450", "451", "452", "520", "521", "522", "531", "545", "553"}
SOFT_REPLIES = {"421", "450", "451", "452", "454", "455", "552"}


@pytest.fixture
def verdict_on(make_report):
    def verdict(*, profile=Profile.RULES, **fields):
        (outcome,) = understand(make_report(**fields), profile=profile).outcomes
        return outcome.verdict

    return verdict


def fields_for(code):
    """What a report says so that the row `code` of the table is the answer."""
    if code == "911":
        return {}
    if code.startswith("4"):
        return {"status": "4.0.0", "diagnostic": f"smtp; {code} not now"}
    return {"status": ".".join(code)}


def test_the_code_table_has_all_its_rows():
    assert len(CODES) == 53


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("code", CODES)
def test_every_row_of_the_code_table_is_reached_by_a_message(verdict_on, code, profile):
    verdict = verdict_on(profile=profile, **fields_for(code))
    assert (verdict.code, verdict.code_text) == (code, CODES[code]["description"])
    assert verdict.bounce_type == CODES[code]["type"] == ("soft" if code in SOFT_CODES else "hard")


@pytest.mark.parametrize("status", [".".join(code) for code in CODES if code[0] == "5"])
def test_the_same_code_of_class_4_is_soft(verdict_on, status):
    verdict = verdict_on(status=f"4{status[1:]}")
    assert verdict.bounce_type is BounceType.SOFT
    assert verdict.code == (status.replace(".", "") if status != "5.0.0" else "451")


@pytest.mark.parametrize("reply", REPLIES)
def test_every_bare_reply_code_has_its_row(verdict_on, reply):
    verdict = verdict_on(diagnostic=f"smtp; {reply} sorry")
    assert verdict.reply == Reply(int(reply))
    assert verdict.code == REPLIES[reply]["table_code"]
    assert verdict.bounce_type == REPLIES[reply]["bounce_type"] == ("soft" if reply in SOFT_REPLIES else "hard")
    assert verdict.reason == REPLIES[reply]["reason"]
    assert verdict.why.rule == f"codes/reply/{reply}"


@pytest.mark.parametrize("reply", REPLIES)
def test_a_reply_without_a_row_keeps_its_own_meaning(knowledge, reply):
    row = knowledge.tables.by_reply(Reply(int(reply)))
    known = CODES.get(row.code)
    assert row.text == (known["description"] if known else REPLIES[reply]["meaning"])


@pytest.mark.parametrize(("reply", "code"), [("499", "451"), ("599", "550")])
def test_an_unknown_reply_counts_as_its_class(verdict_on, reply, code):
    assert verdict_on(diagnostic=f"smtp; {reply} sorry").code == code


@pytest.mark.parametrize("entry", STATUSES)
def test_every_registered_status_has_a_reason_and_a_row(verdict_on, entry):
    verdict = verdict_on(status=entry.replace("X", "5"))
    assert verdict.reason == STATUSES[entry]["reason"]
    assert verdict.reason in REASONS
    assert verdict.code in CODES
    assert verdict.fault == REASONS[verdict.reason]["fault"]
    assert verdict.why.rule == f"codes/enhanced/{entry}"


@pytest.mark.parametrize(
    ("status", "code", "rule"),
    [
        ("5.7.26", "570", "codes/enhanced/X.7.26"),
        ("5.2.199", "520", "codes/enhanced/X.2.0"),
        ("5.9.1", "500", "codes/enhanced/X.0.0"),
        ("5.0.7", "500", "codes/enhanced/X.0.0"),
    ],
)
def test_a_status_without_a_row_counts_as_its_subject(verdict_on, status, code, rule):
    verdict = verdict_on(status=status)
    assert (verdict.code, verdict.why.rule) == (code, rule)


def test_552_the_reply_is_not_552_the_row(verdict_on):
    assert verdict_on(diagnostic="smtp; 552 no").code == "522"
    assert verdict_on(status="5.5.2").code == "552"


@pytest.mark.parametrize(
    ("status", "diagnostic", "expected"),
    [
        ("5.0.0", "smtp; 550 5.1.1 no", "5.1.1"),
        ("5.5.0", "smtp; 550 5.1.1 no", "5.1.1"),
        ("4.0.0", "smtp; 450 4.2.0 no", "4.2.0"),
        ("5.7.0", "smtp; 550 5.7.26 no", "5.7.26"),
        ("5.1.2", "smtp; 550 5.1.1 no", "5.1.2"),
        ("5.7.0", "smtp; 550 5.1.1 no", "5.7.0"),
        ("5.0.0", "smtp; 550 5.0.0 no", "5.0.0"),
        (None, "smtp; 550 5.1.1 no", "5.1.1"),
        ("5.1.1", None, "5.1.1"),
    ],
)
def test_the_finer_code_is_used(verdict_on, status, diagnostic, expected):
    assert str(verdict_on(status=status, diagnostic=diagnostic).status) == expected


def test_a_status_stands_for_nothing_but_itself():
    assert Status.parse("5.1.1") == Status(5, 1, 1)
    assert [Status.parse(text) for text in ("", "511", "5.1", "3.1.1", "5.1.1 x", "5.1.1111")] == [None] * 6


def tables_with(**changed):
    names = {
        "codes": "bounce-codes.csv",
        "replies": "reply-codes.csv",
        "statuses": "enhanced-status-codes.csv",
        "reasons": "reasons.csv",
    }
    return read_tables(**({name: read_text("bounced.classify.data", file) for name, file in names.items()} | changed))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"codes": "code,type,description\n500,wobbly,x\n"}, "bounce-codes.csv, row '500': 'wobbly'"),
        ({"codes": "code,type,description\n500,hard\n"}, "bounce-codes.csv, row '500': a column is missing"),
        ({"codes": "code,description\n500,x\n"}, "bounce-codes.csv, row '500': 'type'"),
        ({"replies": "reply_code,meaning,table_code,bounce_type,reason\nfive,x,500,hard,policy\n"}, "row 'five'"),
        ({"statuses": "status,name,meaning,reply_codes,reference,reason\nX.1,x,x,x,x,policy\n"}, "row 'X.1'"),
        ({"reasons": "reason,fault,bounce_type,label\npolicy,nobody,hard,x\n"}, "reasons.csv, row 'policy'"),
        ({"replies": "reply_code,meaning,table_code,bounce_type,reason\n550,x,550,hard,fate\n"}, "fate"),
    ],
)
def test_a_malformed_table_names_its_row(changed, told):
    with pytest.raises(KnowledgeError) as raised:
        tables_with(**changed)
    assert told in str(raised.value)
