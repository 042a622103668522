"""Every route that asks or tells something of recipients."""

import csv
import io
import json

import pytest

from bounced.escalate import State
from tests.admin.conftest import ROOT


async def test_a_recipient_is_shown_with_what_happened(ask, bounce, path_of):
    message_id = await bounce("ann@example.com")
    status, _, found = await ask("GET", path_of("Ann@Example.com"))
    assert status == 200
    [fact] = found.pop("facts")
    assert found == {
        "address": "Ann@Example.com",
        "send": False,
        "state": "suppressed",
        "reason": "user_unknown",
        "since": "2025-11-01T09:30:00Z",
        "why": "hard: user_unknown",
        "first_bounce_at": "2025-11-01T09:30:00Z",
        "last_bounce_at": "2025-11-01T09:30:00Z",
        "days": 1,
        "counts": {"hard": 1},
    }
    assert (fact["message_id"], fact["kind"], fact["fault"], fact["verified"]) == (
        message_id,
        "hard",
        "recipient",
        False,
    )


async def test_one_that_nothing_is_known_of_is_active(ask, path_of):
    status, _, found = await ask("GET", path_of("new@example.com"))
    assert status == 200
    assert (found["state"], found["send"], found["counts"], found["facts"]) == ("active", True, {}, [])


@pytest.mark.parametrize(
    "address",
    [
        "grün@bücher.example",
        "退信@例子.example",
        "a/b@example.com",
        "a%2Fb@example.com",
        "a%40b@example.com",
        "a+b=c@example.com",
        "{a}@example.com",
        '"a b\\" <c>"@example.com',
        "a?b#c&d;e@example.com",
        "..@example.com",
        "x" * 250 + "@example.com",
    ],
)
async def test_any_address_can_be_asked_for(ask, suppress, path_of, address):
    await suppress(address)
    status, _, found = await ask("GET", path_of(address))
    assert (status, found["address"], found["state"]) == (200, address, "suppressed")


@pytest.mark.parametrize(
    ("reported", "asked"),
    [
        ("ann@xn--bcher-kva.example", "Ann@Bücher.example"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ('"ann..b"@example.com', "ann..b@example.com"),
        ("ann@example.com", '"ann"@example.com'),
    ],
)
async def test_a_recipient_is_found_in_whatever_form_an_address_is_written(ask, suppress, path_of, reported, asked):
    await suppress(reported)
    _, _, found = await ask("POST", f"{ROOT}/check", json={"addresses": [asked, reported]})
    assert [(one["address"], one["send"]) for one in found["recipients"]] == [(asked, False), (reported, False)]
    assert (await ask("GET", path_of(asked)))[2]["state"] == "suppressed"
    assert (await ask("DELETE", path_of(asked)))[2]["cleared"]
    assert (await ask("GET", path_of(reported)))[2]["state"] == "active"


async def test_a_check_answers_in_the_order_of_the_question(ask, suppress):
    await suppress("ann@example.com")
    await suppress("cleo@example.com", state=State.COMPLAINED)
    asked = ["new@example.com", "ANN@example.com", "cleo@example.com", "ann@example.com", "new@example.com"]
    status, _, found = await ask("POST", f"{ROOT}/check", json={"addresses": asked})
    assert status == 200
    assert [one["address"] for one in found["recipients"]] == asked
    assert [one["send"] for one in found["recipients"]] == [True, False, False, False, True]
    assert found["recipients"][1] == {
        "address": "ANN@example.com",
        "send": False,
        "state": "suppressed",
        "reason": None,
        "since": "2025-11-01T09:30:00Z",
    }


async def test_what_is_no_address_does_not_stop_a_check(ask):
    asked = ["", "ann", "a@", "@b", "a\0@example.com", "a@b\r\nX: y", "\ud800@example.com", "x" * 400 + "@example.com"]
    status, _, found = await ask("POST", f"{ROOT}/check", json={"addresses": [*asked, "ann@example.com"]})
    assert status == 200
    assert [one["reason"] for one in found["recipients"]] == ["not_an_address"] * len(asked) + [None]
    assert [one["send"] for one in found["recipients"]] == [False] * len(asked) + [True]


async def test_a_thousand_are_checked_in_one_call_and_no_more(ask, suppress):
    asked = [f"user{number}@example.com" for number in range(1000)]
    await suppress(*asked[::2])
    _, _, found = await ask("POST", f"{ROOT}/check", json={"addresses": asked})
    assert [one["send"] for one in found["recipients"]] == [False, True] * 500
    status, _, problem = await ask("POST", f"{ROOT}/check", json={"addresses": [*asked, "one@example.com"]})
    assert (status, problem["status"]) == (413, 413)
    assert "1000" in problem["detail"]


async def test_an_empty_check_has_an_empty_answer(ask):
    assert (await ask("POST", f"{ROOT}/check", json={"addresses": []}))[2] == {"recipients": []}


@pytest.fixture
async def some(suppress, bounce):
    """Two suppressed, one of them by a bounce, and one who complained."""
    await suppress("ann@example.com")
    await bounce("ben@example.net")
    await suppress("cleo@example.com", state=State.COMPLAINED)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["ann", "ben", "cleo"]),
        ({"state": "complained"}, ["cleo"]),
        ({"state": "active"}, []),
        ({"reason": "user_unknown"}, ["ben"]),
        ({"contains": "@EXAMPLE.com"}, ["ann", "cleo"]),
        ({"contains": "%"}, []),
        ({"since": "2025-11-01T09:30:00Z"}, ["ann", "ben", "cleo"]),
        ({"since": "2025-11-02"}, []),
        ({"state": "suppressed", "contains": "a"}, ["ann", "ben"]),
    ],
)
async def test_what_is_listed_can_be_chosen(ask, some, query, names):
    status, _, found = await ask("GET", ROOT, params=query)
    assert (status, found["next"]) == (200, None)
    assert [one["address"].split("@")[0] for one in found["recipients"]] == names
    _, _, text = await ask("GET", f"{ROOT}/export", params=query | {"format": "jsonl"})
    assert [json.loads(line)["address"].split("@")[0] for line in text.splitlines()] == names


async def test_pages_are_followed_to_the_end(ask, suppress):
    addresses = sorted(
        [f"user{number}@example.com" for number in range(7)] + ["a%+\u202e\N{GRINNING FACE}@example.com"]
    )
    await suppress(*addresses)
    seen, query = [], {"limit": "3"}
    for _ in range(3):
        _, _, page = await ask("GET", ROOT, params=query)
        seen += [one["address"] for one in page["recipients"]]
        query["cursor"] = page["next"]
    assert (seen, page["next"]) == (addresses, None)


async def test_a_recipient_is_cleared_and_it_is_kept_who_did_it(ask, suppress, path_of):
    await suppress("ann@example.com")
    path = path_of("ann@example.com")
    status, _, found = await ask("DELETE", path, params={"note": "asked by phone"})
    assert (status, found) == (200, {"address": "ann@example.com", "cleared": True})
    _, _, found = await ask("GET", path)
    assert (found["state"], found["send"]) == ("active", True)
    assert [(fact["kind"], fact["by"], fact["note"]) for fact in found["facts"]] == [
        ("cleared", "api", "asked by phone"),
        ("imported", "test", None),
    ]
    assert (await ask("DELETE", path_of("new@example.com")))[2]["cleared"] is False


async def test_all_that_is_known_can_be_erased(ask, bounce, path_of, store):
    await bounce("ann@example.com")
    status, _, found = await ask("DELETE", path_of("ann@example.com"), params={"erase": "true"})
    assert (status, found["address"]) == (200, "ann@example.com")
    assert found["erased"] > 0
    assert await store.recipients.fetch("ann@example.com") is None
    assert (await ask("DELETE", path_of("ann@example.com"), params={"erase": "true"}))[2]["erased"] == 0


async def test_thousands_are_exported(ask, suppress):
    addresses = [f"user{number:04}@example.com" for number in range(3500)]
    await suppress(*addresses)
    status, headers, text = await ask("GET", f"{ROOT}/export")
    assert (status, headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert headers["Content-Disposition"] == 'attachment; filename="recipients.csv"'
    assert [row["address"] for row in csv.DictReader(io.StringIO(text))] == addresses
    _, headers, text = await ask("GET", f"{ROOT}/export", params={"format": "jsonl"})
    assert headers["Content-Type"] == "application/jsonl; charset=utf-8"
    assert [json.loads(line)["address"] for line in text.splitlines()] == addresses


async def test_an_export_of_nothing_is_a_header(ask):
    _, _, text = await ask("GET", f"{ROOT}/export")
    assert text == "address,state,send,reason,since,why,first_bounce_at,last_bounce_at,days\r\n"
    assert (await ask("GET", f"{ROOT}/export", params={"format": "jsonl"}))[2] == ""


HOSTILE = ["=cmd|' /c calc'!a@example.com", "+1@example.com", "-1@example.com", "@@example.com", "'=1@example.com"]


async def test_no_cell_of_an_export_is_a_formula(ask, suppress):
    await suppress(*(address.replace(" ", "") for address in HOSTILE))
    _, _, text = await ask("GET", f"{ROOT}/export")
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
async def test_what_was_exported_can_be_imported(ask, suppress, store, format_):
    addresses = [*(address.replace(" ", "") for address in HOSTILE), 'a,"b@example.com', "grün@bücher.example"]
    await suppress(*addresses, state=State.UNDELIVERABLE)
    _, _, text = await ask("GET", f"{ROOT}/export", params={"format": format_})
    for address in addresses:
        await store.recipients.erase(address)
    status, _, found = await ask("POST", f"{ROOT}/import", data=text.encode())
    assert (status, found) == (200, {"imported": len(addresses), "rejected": 0, "rejections": []})
    for address in addresses:
        again = await store.recipients.fetch(address)
        assert (again.state, again.since.isoformat()) == ("undeliverable", "2025-11-01T09:30:00+00:00")


async def test_a_large_list_is_imported_as_it_comes(ask, store):
    async def lines():
        for start in range(0, 20_000, 1000):
            yield "".join(f"user{number:05}-{'x' * 90}@example.com\n" for number in range(start, start + 1000)).encode()
        yield b"no address\n"

    status, _, found = await ask("POST", f"{ROOT}/import", data=lines())
    assert (status, found["imported"], found["rejected"]) == (200, 20_000, 1)
    assert found["rejections"] == [{"line": 20_001, "problem": "no address"}]
    assert (await store.recipients.check([f"user19999-{'x' * 90}@example.com"])).popitem()[1].state == "suppressed"


async def test_a_list_that_names_no_addresses_is_refused(ask):
    status, _, problem = await ask("POST", f"{ROOT}/import", data=b"name,city\nAnn,Bonn\n")
    assert status == 400
    assert "line 1" in problem["detail"]
