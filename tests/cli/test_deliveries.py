import json

import pytest


@pytest.fixture
async def ids(conclude):
    """Two dead deliveries, one on its way and one that arrived, by recipient."""
    return {
        "ann@example.com": await conclude("ann@example.com", error="HTTP 500 Internal Server Error"),
        "ben@example.com": await conclude("ben@example.com", error="cannot connect"),
        "cleo@example.com": await conclude("cleo@example.com"),
        "dora@example.com": await conclude("dora@example.com", is_delivered=True),
    }


@pytest.fixture
def deliveries(call, write_config, ids):
    config = write_config()
    return lambda *arguments: call("deliveries", *arguments, "--config", config)


def listed(finished):
    assert (finished.returncode, finished.stderr) == (0, "")
    return {line["recipient"]: line for line in map(json.loads, finished.stdout.splitlines())}


def test_the_dead_are_listed_where_nothing_else_is_asked_for(deliveries, ids):
    dead = listed(deliveries("list", "--jsonl"))
    assert {recipient: line["event"] for recipient, line in dead.items()} == {
        recipient: ids[recipient] for recipient in ("ann@example.com", "ben@example.com")
    }
    assert dead["ann@example.com"] | {"event": ""} == {
        "event": "",
        "type": "bounced.bounce",
        "recipient": "ann@example.com",
        "sink": "app",
        "state": "dead",
        "attempts": 1,
        "due_at": None,
        "last_error": "HTTP 500 Internal Server Error",
    }


@pytest.mark.parametrize(
    ("options", "recipients"),
    [
        (["--state", "all"], {"ann", "ben", "cleo", "dora"}),
        (["--state", "pending"], {"cleo"}),
        (["--state", "delivered"], {"dora"}),
        (["--sink", "app", "--since", "1h"], {"ann", "ben"}),
        (["--sink", "other"], set()),
        (["--since", "2100-01-01"], set()),
        (["--limit", "1"], {"ben"}),
    ],
)
def test_what_is_listed_can_be_chosen(deliveries, options, recipients):
    assert {name.split("@")[0] for name in listed(deliveries("list", "--jsonl", *options))} == recipients


def test_any_limit_is_a_limit(deliveries):
    assert deliveries("list", "--limit", str(10**30)).returncode == 0


def test_people_get_a_table_of_deliveries(deliveries):
    finished = deliveries("list")
    assert finished.returncode == 0
    assert "HTTP 500 Internal Server Error" in finished.stdout
    assert "\x1b" not in finished.stdout


def test_one_is_brought_back_by_its_id_and_the_rest_by_all(deliveries, ids):
    assert deliveries("retry", "--id", ids["ann@example.com"]).stdout == "1 deliveries are due again\n"
    assert set(listed(deliveries("list", "--jsonl"))) == {"ben@example.com"}
    assert deliveries("retry", "--all").stdout == "1 deliveries are due again\n"
    assert deliveries("retry", "--sink", "app", "--since", "1d").stdout == "0 deliveries are due again\n"


def test_what_was_delivered_is_sent_again_only_where_that_is_said(deliveries, ids):
    assert deliveries("retry", "--id", ids["dora@example.com"]).stdout == "0 deliveries are due again\n"
    again = ("retry", "--sink", "app", "--since", "1h", "--with-delivered")
    assert deliveries(*again).stdout == "3 deliveries are due again\n"
    assert len(listed(deliveries("list", "--state", "pending", "--jsonl"))) == 4
    assert deliveries(*again).stdout == "0 deliveries are due again\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["retry"],
        ["retry", "--since", "yesterday"],
        ["retry", "--since", "999999d"],
        ["retry", "--since", "0001-01-01"],
        ["list", "--state", "lost"],
        ["list", "--limit", "0"],
        ["mend"],
    ],
)
def test_a_question_that_makes_no_sense_is_a_usage_error(deliveries, arguments):
    finished = deliveries(*arguments)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert "Usage:" in finished.stderr
