import json

import pytest


def explained(call, what):
    finished = call("explain", what, "--json")
    assert finished.returncode == 0, finished.stdout
    return json.loads(finished.stdout)


def test_digits_that_are_only_a_row_are_explained_as_that(call):
    [(title, facts)] = explained(call, "522").items()
    assert title == "522 as a row of the code table"
    assert facts == {"bounce_type": "soft", "code_text": "Mailbox full"}


def test_552_is_a_row_and_a_reply_which_are_different_things(call):
    row, reply = explained(call, "552").items()
    assert (row[0], reply[0]) == ("552 as a row of the code table", "552 as a bare SMTP reply code")
    assert reply[1]["reason"] == "mailbox_full"
    assert reply[1]["code"] != "552"
    assert reply[1]["code_text"] != row[1]["code_text"]


def test_a_status_names_its_entry_in_the_registry_and_its_row(call):
    [facts] = explained(call, "5.2.2").values()
    assert (facts["registry entry"], facts["registry name"]) == ("X.2.2", "Mailbox full")
    assert (facts["code"], facts["bounce_type"], facts["reason"]) == ("522", "soft", "mailbox_full")


@pytest.mark.parametrize(
    ("status", "entry", "code"), [("5.1.99", "X.1.0", "510"), ("5.9.9", "X.0.0", "500"), ("5.0.7", "X.0.0", "500")]
)
def test_a_status_that_nobody_registered_falls_back_to_its_subject(call, status, entry, code):
    [facts] = explained(call, status).values()
    assert (facts["registry entry"], facts["code"]) == (entry, code)


def test_a_text_is_judged_as_in_a_bounce_and_the_rule_is_named(call):
    [facts] = explained(call, "550 5.1.1 mailbox is over quota").values()
    assert (facts["bounce_type"], facts["reason"], facts["status"]) == ("soft", "mailbox_full", "5.1.1")
    assert facts["why: rule"].startswith("texts/")
    assert facts["why: evidence"]


def test_people_get_a_table(call):
    finished = call("explain", "5.1.1")
    assert finished.returncode == 0
    assert "5.1.1 as an enhanced status code" in finished.stdout
    assert "user_unknown" in finished.stdout


def test_a_text_that_is_no_utf8_is_read_all_the_same(call):
    finished = call("explain", "550 5.1.1 usuario descon\udcf3cido, user unknown", "--json")
    [facts] = json.loads(finished.stdout).values()
    assert facts["reason"] == "user_unknown"


def test_more_digits_than_a_number_may_have_fail(call):
    finished = call("explain", "5" * 5000)
    assert finished.returncode == 1
    assert "is neither a row" in finished.stderr


def test_unknown_digits_fail(call):
    finished = call("explain", "999")
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr == "bounced: 999 is neither a row of the code table nor a known SMTP reply code\n"


@pytest.fixture
async def event_id(conclude):
    return await conclude("ann@example.com")


def test_a_stored_event_is_explained_by_its_id(call, event_id, write_config):
    finished = call("explain", event_id, "--json", "--config", write_config())
    assert (finished.returncode, finished.stderr) == (0, "")
    facts = json.loads(finished.stdout)[event_id]
    assert (facts["type"], facts["recipient"], facts["code"]) == ("bounced.bounce", "ann@example.com", "511")
    assert facts["why: rule"].startswith("texts/")


def test_an_event_that_is_not_in_the_store_fails(call, event_id, write_config):
    finished = call("explain", "evt_unknown", "--config", write_config())
    assert (finished.returncode, finished.stdout) == (1, "")
    assert "no event evt_unknown" in finished.stderr
