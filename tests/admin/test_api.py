"""What programs are told: events, messages, deliveries, numbers, and how all of that is described."""

import json

import aiohttp
import jsonschema
import pytest
from aiohttp import web

from bounced.admin.api import make_routes
from bounced.admin.api.openapi import OPERATIONS, make_document
from bounced.knowledge import shipped_knowledge
from bounced.store import Settlement
from bounced.tallies import summarize
from tests.admin.conftest import TOKEN
from tests.daemon.mail import complaint, dsn

READER = "a-token-that-may-only-read"


@pytest.fixture
async def told(store, tell):
    """Three bounces and a complaint, counted; the ids of their events, in order."""
    raws = [dsn("ann@example.com"), dsn("ben@example.com"), dsn("ann@example.com", said="552 5.2.2 over quota")]
    ids = [event_id for raw in [*raws, complaint("cleo@example.com")] for event_id in await tell(raw)]
    while await store.count_events(summarize):
        pass
    return ids


@pytest.fixture
def check():
    """Return a function that holds an answer against the OpenAPI document."""
    document = make_document()

    def check_(operation_id, answer):
        schema = {"$ref": f"#/components/schemas/{operation_id}", "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(answer)
        return answer

    return check_


def test_the_document_describes_every_route_and_no_other(store):
    routes = make_routes(store, shipped_knowledge, lambda: None)
    application = web.Application()
    application.add_routes(routes)
    answered = {
        (route.method, route.resource.canonical)
        for route in application.router.routes()
        if route.method != "HEAD" and not route.resource.canonical.endswith("openapi.json")
    }
    described = {(operation.method, f"/api/v1{operation.path}") for operation in OPERATIONS}
    assert described == answered


async def test_the_document_is_served_and_refers_to_nothing_that_is_not_in_it(ask):
    status, _, document = await ask("GET", "/api/v1/openapi.json")
    assert (status, document["openapi"]) == (200, "3.1.0")
    for reference in _references(document):
        found = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def _references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


async def test_events_are_what_sinks_get_the_latest_first(ask, told, check):
    _, _, answer = await ask("GET", "/api/v1/events")
    check("listEvents", answer)
    assert [event["id"] for event in answer["events"]] == told[::-1]
    assert answer["next"] is None


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("about=ann%40example.com", [2, 0]),
        ("about=november.6@test.example", [3]),
        ("type=bounced.complaint", [3]),
        ("reason=mailbox_full", [2]),
        ("reason=mailbox_full&about=ben@example.com", []),
        ("provider=gmail", []),
        ("since=2100-01-01", []),
        ("until=2000-01-01", []),
    ],
)
async def test_events_are_filtered(ask, told, query, numbers):
    _, _, answer = await ask("GET", f"/api/v1/events?{query}")
    assert [event["id"] for event in answer["events"]] == [told[number] for number in numbers]


async def test_pages_follow_one_another(ask, told):
    seen, path = [], "/api/v1/events?limit=1"
    while path:
        _, _, answer = await ask("GET", path)
        seen += [event["id"] for event in answer["events"]]
        path = answer["next"] and f"/api/v1/events?limit=1&cursor={answer['next']}"
    assert seen == told[::-1]


@pytest.mark.parametrize("cursor", ["bm93IGV2dF8x", "MjAyNi0wMS0wMSBldnRfMQ==", "MjAyNi0wMS0wMVQwMDowMCswMDowMA=="])
@pytest.mark.parametrize("path", ["events", "deliveries"])
async def test_a_cursor_that_no_page_gave_is_refused(ask, path, cursor):
    status, _, problem = await ask("GET", f"/api/v1/{path}?cursor={cursor}")
    assert (status, "cursor" in problem["detail"]) == (400, True)


async def test_an_event_is_shown_with_its_deliveries(ask, told, check):
    _, _, answer = await ask("GET", f"/api/v1/events/{told[0]}")
    check("getEvent", answer)
    assert answer["event"]["data"]["recipient"] == "ann@example.com"
    assert [(each["sink"], each["state"]) for each in answer["deliveries"]] == [("app", "pending")]


async def test_a_message_is_shown_and_given_back_as_it_came(ask, told, check):
    _, _, answer = await ask("GET", f"/api/v1/events/{told[0]}")
    path = f"/api/v1/messages/{answer['event']['data']['message']['id']}"
    message = check("getMessage", (await ask("GET", path))[2])
    assert (message["state"], message["kind"]) == ("concluded", "bounce")
    assert message["report"]["recipients"][0]["recipient"] == "ann@example.com"
    status, headers, source = await ask("GET", f"{path}/source")
    assert (status, source.encode()) == (200, dsn("ann@example.com"))
    assert headers["Content-Type"] == "message/rfc822"
    assert headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("path", ["events/evt_none", "messages/msg_none", "messages/msg_none/source"])
async def test_what_is_not_stored_is_not_found(ask, path):
    status, _, problem = await ask("GET", f"/api/v1/{path}")
    assert (status, problem["title"]) == (404, "Not Found")


async def test_dead_letters_are_listed_and_brought_back(ask, store, told, check):
    for event_id in told[:2]:
        await store.settle(Settlement.dead((event_id, "app"), 1, error="400 Bad Request"))
    listed = check("listDeliveries", (await ask("GET", "/api/v1/deliveries?state=dead"))[2])
    assert {each["event_id"] for each in listed["deliveries"]} == set(told[:2])
    answer = (await ask("POST", "/api/v1/deliveries/retry", json={"events": [told[0]], "sink": "app"}))[2]
    assert check("retryDeliveries", answer) == {"retried": 1}
    [left] = (await ask("GET", "/api/v1/deliveries?state=dead&sink=app"))[2]["deliveries"]
    assert (left["event_id"], left["last_error"]) == (told[1], "400 Bad Request")
    assert (await ask("POST", "/api/v1/deliveries/retry", json={"all": True}))[2] == {"retried": 1}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"all": false}',
        '{"events": "evt_1"}',
        '{"events": [1]}',
        '{"sink": 1}',
        '{"evnts": []}',
        '{"since": "yesterday"}',
        json.dumps({"events": ["x"] * 1001}),
    ],
)
async def test_what_to_bring_back_has_to_be_said(ask, body):
    status, _, problem = await ask("POST", "/api/v1/deliveries/retry", data=body)
    assert (status, bool(problem["detail"])) == (400, True)


async def test_numbers_are_told_by_what_is_asked_for(ask, told, check):
    answer = check(
        "getStats", (await ask("GET", "/api/v1/stats?by=reason&step=day&since=2025-11-01&until=2025-11-02"))[2]
    )
    assert {row["key"]: row["total"] for row in answer["series"]} == {"user_unknown": 2, "mailbox_full": 1}
    assert answer["times"] == ["2025-11-01T00:00:00Z", "2025-11-02T00:00:00Z"]
    assert all(row["counts"] == [row["total"], 0] for row in answer["series"])


@pytest.mark.parametrize("query", ["by=mood", "step=week", "since=2026-01-02&until=2026-01-01", "since=2020-01-01"])
async def test_numbers_that_make_no_sense_are_refused(ask, query):
    assert (await ask("GET", f"/api/v1/stats?{query}"))[0] == 400


async def test_the_status_tells_backlog_and_sinks(ask, store, told, check):
    await store.settle(Settlement.dead((told[0], "app"), 1, error="400 Bad Request"))
    answer = check("getStatus", (await ask("GET", "/api/v1/status"))[2])
    assert answer["backlog"] == {"messages": 0, "deliveries_pending": {"app": 3}, "deliveries_dead": {"app": 1}}
    assert answer["sinks"][0]["last_error"] == "400 Bad Request"
    assert (answer["spikes"], answer["uncounted"]) == ([], 0)


async def test_codes_and_unknown_texts_are_told(ask, tell, check):
    await tell(dsn("ann@example.com", status="5.0.0", said="550 frobnicated by gate 17"))
    codes = check("listCodes", (await ask("GET", "/api/v1/codes"))[2])
    assert {"code": "522", "bounce_type": "soft", "text": "Mailbox full"} in codes["codes"]
    groups = check("listUnknown", (await ask("GET", "/api/v1/unknown"))[2])["groups"]
    assert [(group["times"], group["example"]) for group in groups] == [(1, "smtp; 550 frobnicated by gate 17")]


async def test_the_answers_about_recipients_are_as_described(ask, suppress, check, path_of):
    await suppress("ann@example.com")
    check("listRecipients", (await ask("GET", "/api/v1/recipients"))[2])
    check("getRecipient", (await ask("GET", path_of("ann@example.com")))[2])
    check(
        "checkRecipients",
        (await ask("POST", "/api/v1/recipients/check", json={"addresses": ["ann@example.com", "x"]}))[2],
    )
    check("clearRecipient", (await ask("DELETE", path_of("ann@example.com")))[2])
    check("clearRecipient", (await ask("DELETE", path_of("ann@example.com") + "?erase=true"))[2])
    check("importRecipients", (await ask("POST", "/api/v1/recipients/import", data="ann@example.com\nnobody\n"))[2])
    check("Problem", (await ask("GET", "/api/v1/nowhere"))[2])


@pytest.mark.parametrize(
    ("path", "question"),
    [
        ("/recipients/export", "?format=csv"),
        ("/recipients/export", "?format=jsonl"),
        ("/recipients", ""),
        ("/codes", ""),
    ],
)
async def test_an_answer_is_of_a_type_that_the_document_names(ask, client, path, question):
    _, _, document = await ask("GET", "/api/v1/openapi.json")
    async with client.get(f"/api/v1{path}{question}") as answer:
        assert answer.content_type in document["paths"][f"/api/v1{path}"]["get"]["responses"]["200"]["content"]


async def test_a_token_that_may_read_changes_nothing(serve, store, suppress, path_of):
    await suppress("ann@example.com")
    async with serve(TOKEN, read_tokens=(READER,)) as server:
        headers = {"Authorization": f"Bearer {READER}"}
        async with aiohttp.ClientSession(f"http://{server.address}", headers=headers) as session:
            for method, path, body in [
                ("DELETE", path_of("ann@example.com"), None),
                ("POST", "/api/v1/deliveries/retry", b'{"all": true}'),
                ("POST", "/api/v1/recipients/import", b"ben@example.com"),
                ("POST", "/deliveries/retry", b""),
                ("PUT", "/api/v1/recipients", b""),
            ]:
                async with session.request(method, path, data=body) as answer:
                    assert (answer.status, (await answer.json(content_type=None))["title"]) == (403, "Forbidden")
            async with session.get(path_of("ann@example.com")) as answer:
                assert (await answer.json())["state"] == "suppressed"
            async with session.post("/api/v1/recipients/check", json={"addresses": ["ann@example.com"]}) as answer:
                assert answer.status == 200


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.writes], ids=lambda each: each.id)
async def test_what_the_document_says_of_tokens_is_true(serve, operation):
    path = f"/api/v1{operation.path}".replace("{address}", "ann@example.com")
    async with serve(read_tokens=(READER,)) as server:
        headers = {"Authorization": f"Bearer {READER}"}
        async with aiohttp.request(operation.method, f"http://{server.address}{path}", headers=headers) as answer:
            assert answer.status == 403
