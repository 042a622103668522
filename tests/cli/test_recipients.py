import json
from datetime import UTC, datetime

import pytest

from bounced.escalate import State
from bounced.store import ImportedRecipient

SINCE = datetime(2025, 11, 1, 9, 30, tzinfo=UTC)


@pytest.fixture
async def known(store):
    """One suppressed recipient and one who complained."""
    entries = [
        ImportedRecipient("ann@example.com", State.SUPPRESSED, "user_unknown", SINCE, "left the company"),
        ImportedRecipient("ben@example.net", State.COMPLAINED, None, SINCE),
    ]
    await store.recipients.take_over(entries, by="test")


@pytest.fixture
def recipients(call, write_config, known):
    config = write_config()
    return lambda *arguments, **options: call("recipients", *arguments, "--config", config, **options)


def lines_of(finished):
    assert (finished.returncode, finished.stderr) == (0, "")
    return [json.loads(line) for line in finished.stdout.splitlines()]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ([], ["ann", "ben"]),
        (["--state", "complained"], ["ben"]),
        (["--contains", "@EXAMPLE.com"], ["ann"]),
        (["--since", "2025-11-02"], []),
        (["--reason", "mailbox_full"], []),
        (["--limit", "1"], ["ann"]),
    ],
)
def test_what_is_listed_can_be_chosen(recipients, options, names):
    found = lines_of(recipients("list", "--jsonl", *options))
    assert [one["address"].split("@")[0] for one in found] == names


def test_people_get_a_table_of_recipients(recipients):
    finished = recipients("list")
    assert finished.returncode == 0
    assert "suppressed" in finished.stdout
    assert "2025-11-01 09:30" in finished.stdout
    assert "\x1b" not in finished.stdout


def test_a_recipient_is_shown_with_what_happened(recipients):
    [found] = lines_of(recipients("show", "Ann@example.com", "--jsonl"))
    assert (found["state"], found["send"]) == ("suppressed", False)
    assert [(fact["kind"], fact["by"], fact["note"]) for fact in found["facts"]] == [
        ("imported", "test", "left the company")
    ]
    finished = recipients("show", "ann@example.com")
    assert finished.returncode == 0
    assert "left the company" in finished.stdout


def test_one_that_nothing_is_known_of_is_active(recipients):
    [found] = lines_of(recipients("show", "new@example.com", "--jsonl"))
    assert (found["state"], found["send"], found["facts"]) == ("active", True, [])
    assert "active" in recipients("show", "new@example.com").stdout


def test_a_check_answers_in_the_order_of_the_question(recipients):
    asked = ["new@example.com", "ben@example.net", "nobody", "ann@example.com"]
    by_arguments = recipients("check", "--jsonl", *asked)
    by_input = recipients("check", "--jsonl", stdin="\n".join(asked).encode())
    assert by_arguments.stdout == by_input.stdout
    found = lines_of(by_input)
    assert [(one["address"], one["send"]) for one in found] == [
        ("new@example.com", True),
        ("ben@example.net", False),
        ("nobody", False),
        ("ann@example.com", False),
    ]
    assert "complained" in recipients("check", *asked).stdout


def test_more_than_a_thousand_are_checked(recipients):
    asked = [f"user{number}@example.com" for number in range(2500)]
    found = lines_of(recipients("check", "--jsonl", stdin="\n".join(asked).encode()))
    assert [one["address"] for one in found] == asked


def test_a_recipient_is_cleared_and_it_is_kept_who_did_it(recipients):
    assert recipients("clear", "ann@example.com", "--note", "asked by phone").stdout == "cleared\n"
    [found] = lines_of(recipients("show", "ann@example.com", "--jsonl"))
    assert (found["state"], found["facts"][0]["by"], found["facts"][0]["note"]) == ("active", "cli", "asked by phone")
    assert recipients("clear", "new@example.com").stdout == "nothing was known that could be cleared\n"


def test_a_list_is_imported_and_what_is_wrong_with_it_is_said(recipients, tmp_path):
    (tmp_path / "list.csv").write_text("email,reason\ncleo@example.org,HardBounce\nnobody,\n")
    finished = recipients("import", tmp_path / "list.csv")
    assert (finished.returncode, finished.stdout) == (1, "1 imported, 1 rejected\n")
    assert finished.stderr == "line 3: no address\n"
    assert lines_of(recipients("check", "cleo@example.org", "--jsonl"))[0]["state"] == "suppressed"


def test_what_was_exported_can_be_imported(recipients):
    exported = recipients("export").stdout
    for address in ("ann@example.com", "ben@example.net"):
        assert recipients("erase", address, "--yes").returncode == 0
    finished = recipients("import", stdin=exported.encode())
    assert (finished.returncode, finished.stdout) == (0, "2 imported, 0 rejected\n")
    assert recipients("export").stdout == exported.replace("imported by test", "imported by cli")


def test_an_export_is_csv_or_json_lines(recipients):
    header, first, _ = recipients("export").stdout.splitlines()
    assert header.startswith("address,state,send,")
    assert first.startswith("ann@example.com,suppressed,false,")
    found = lines_of(recipients("export", "--format", "jsonl", "--state", "complained"))
    assert [one["address"] for one in found] == ["ben@example.net"]


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_nothing_is_erased_without_a_yes(recipients, answer):
    assert recipients("erase", "ann@example.com", stdin=answer.encode()).returncode == 1
    assert lines_of(recipients("check", "ann@example.com", "--jsonl"))[0]["state"] == "suppressed"


@pytest.mark.parametrize(("arguments", "answer"), [(["--yes"], ""), ([], "y\n")])
def test_all_that_is_known_can_be_erased(recipients, arguments, answer):
    finished = recipients("erase", "ann@example.com", *arguments, stdin=answer.encode())
    assert finished.returncode == 0
    assert "rows erased" in finished.stdout
    [found] = lines_of(recipients("show", "ann@example.com", "--jsonl"))
    assert (found["state"], found["facts"]) == ("active", [])


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "nobody"],
        ["clear", "nobody"],
        ["erase", "a@b\n", "--yes"],
        ["list", "--state", "lost"],
        ["list", "--since", "yesterday"],
        ["list", "--limit", "0"],
        ["export", "--format", "xml"],
        ["mend"],
    ],
)
def test_a_question_that_makes_no_sense_is_a_usage_error(recipients, arguments):
    finished = recipients(*arguments)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr


@pytest.mark.parametrize(("text", "said"), [("name,city\nAnn,Bonn\n", "line 1"), (None, "No such file")])
def test_a_list_that_cannot_be_read_is_named(recipients, tmp_path, text, said):
    if text:
        (tmp_path / "list.csv").write_text(text)
    finished = recipients("import", tmp_path / "list.csv")
    assert (finished.returncode, finished.stdout) == (1, "")
    assert said in finished.stderr
