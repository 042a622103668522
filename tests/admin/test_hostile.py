"""What comes over the wire and is none of what was asked for."""

import asyncio
import gzip
import io
from contextlib import suppress

import aiohttp
import pytest

from bounced.admin import application, middleware
from bounced.admin.api import recipients as api
from bounced.store import Store
from tests.admin.conftest import ROOT, TOKEN

ANN = f"{ROOT}/ann@example.com"
DEADLINE_SECONDS = 10


def assert_problem(status, headers, problem):
    assert headers["Content-Type"].split(";")[0] == "application/problem+json"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert "Error" not in str(problem)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/api/v1", 404),
        ("GET", f"{ROOT}/", 404),
        ("GET", f"{ROOT}/nobody", 404),
        ("GET", f"{ANN}/more", 404),
        ("PUT", ANN, 405),
        ("POST", ROOT, 405),
        ("GET", f"{ROOT}/check", 405),
        ("DELETE", f"{ROOT}/export", 405),
        ("HEAD", f"{ROOT}/export", 405),
        ("GET", f"{ROOT}/import", 405),
        ("POST", "/healthz", 405),
    ],
)
async def test_what_is_not_there_is_said(client, method, path, expected):
    async with client.request(method, path) as answer:
        assert answer.status == expected
        if method != "HEAD":
            assert_problem(answer.status, answer.headers, await answer.json(content_type=None))
        assert ("Allow" in answer.headers) == (expected == 405)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=1e3",
        "limit=",
        "limit=\N{ARABIC-INDIC DIGIT ONE}",
        "cursor=",
        "cursor=!",
        "cursor=AA==",
        "cursor=QQ",
        "cursor=/w==",
        "cursor=%ff",
        "state=lost",
        "state=",
        "since=yesterday",
        "since=0001-01-01T00:00:00%2B23:00",
        "stat=suppressed",
        "state=active&state=suppressed",
        "contains=%00",
        "contains=%0d%0aX:y",
        f"reason={'x' * 501}",
    ],
)
async def test_a_filter_that_makes_no_sense_is_never_ignored(ask, query):
    status, headers, problem = await ask("GET", f"{ROOT}?{query}")
    assert status == 400
    assert_problem(status, headers, problem)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{ROOT}/export?format=xml"),
        ("GET", f"{ANN}?x=1"),
        ("DELETE", f"{ANN}?erase=yes"),
        ("DELETE", f"{ANN}?erase"),
        ("DELETE", f"{ANN}?note=%1b[2J"),
    ],
)
async def test_a_parameter_that_makes_no_sense_is_never_ignored(ask, suppress, method, path):
    await suppress("ann@example.com")
    status, headers, problem = await ask(method, path)
    assert status == 400
    assert_problem(status, headers, problem)
    assert (await ask("GET", ANN))[2]["state"] == "suppressed"


async def talk(server, request):
    """Say octets to the server and return all that it says until it closes."""
    host, port = server.address.host, server.address.port
    reader, writer = await asyncio.open_connection(host, port)
    async with asyncio.timeout(DEADLINE_SECONDS):
        writer.write(request)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    return answer


def request_of(path, *, method=b"GET", more=b""):
    head = b"%s %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\nConnection: close\r\n%s\r\n"
    return head % (method, path, TOKEN.encode(), more)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (b"/api/v1/recipients/ann%00@example.com", 400),
        (b"/api/v1/recipients/ann%0d%0aX:y@example.com", 400),
        (b"/api/v1/recipients/%ff%fe@example.com", 400),
        (b"/api/v1/recipients/%ed%a0%80@example.com", 400),
        (b"/api/v1/recipients/@", 400),
        (b"/api/v1/recipients/%40", 400),
        (b"/api/v1/recipients/ann%20b@example.com", 400),
        (b"/api/v1/recipients/ann@", 400),
        (b"/api/v1/recipients/" + b"x" * 400 + b"@example.com", 400),
        (b"/api/v1/recipients/hmac:0", 400),
        (b"/api/v1/recipients/%2e%2e%2f%2e%2e@example.com", 200),
        (b"/api/v1/recipients/ann%2540example.com", 404),
        (b"/api/v1/recipients/..%2fexport", 404),
        (b"http://elsewhere.example/api/v1/recipients/ann@example.com", 200),
        (b"/api/v1/recipients/a%zz@example.com", 200),
        (b"/api/v1/recipients/ann@example.com\x00", 400),
        (b"/" + b"x" * 20_000, 400),
    ],
)
async def test_tricks_in_a_path_are_only_strange_addresses(server, path, status):
    answer = await talk(server, request_of(path))
    assert int(answer.split()[1]) == status
    assert b"X:y" not in answer.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"null",
        b"[]",
        b"{}",
        b'{"addresses": null}',
        b'{"addresses": {}}',
        b'{"addresses": "ann@example.com"}',
        b'{"addresses": ["ann@example.com", 1]}',
        b'{"addresses": [["ann@example.com"]]}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"addresses": [' + b"9" * 5000 + b"]}",
    ],
)
async def test_a_check_that_is_none_is_refused(ask, body):
    status, headers, problem = await ask("POST", f"{ROOT}/check", data=body)
    assert status == 400
    assert_problem(status, headers, problem)


@pytest.mark.parametrize("path", [f"{ROOT}/check", f"{ROOT}/import"])
async def test_a_body_that_is_not_compressed_as_it_says_is_refused(ask, logged, path):
    body = io.BytesIO(b'{"addresses": ["ann@example.com"]}')
    status, headers, problem = await ask("POST", path, data=body, headers={"Content-Encoding": "gzip"})
    assert status == 400
    assert_problem(status, headers, problem)
    assert not [line for line in logged() if line["level"] == "error"]


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}])
async def test_a_body_that_is_too_large_is_refused(ask, headers):
    body = b" " * (1024 * 1024 + 1)
    data = io.BytesIO(gzip.compress(body) if headers else body)
    status, headers, problem = await ask("POST", f"{ROOT}/check", data=data, headers=headers)
    assert status == 413
    assert_problem(status, headers, problem)


@pytest.mark.parametrize(
    ("charset", "cookie", "body", "expected"),
    [
        (b"utf-8", b"a", b"form_key=\xff", 400),
        (b"utf-8", b"a", b"form_key=%FF&token=%00", 400),
        (b"zip", b"a", b"form_key=a", 400),
        (b"nonesuch", b"a", b"form_key=a", 400),
        (b"utf-7", b"a", b"form_key=%2B2AA-", 400),
        (b"utf-8", b"\xff\xfe", b"form_key=a", 403),
        (b"utf-8", b"", b"form_key=", 403),
    ],
)
async def test_a_form_in_no_charset_is_refused_quietly(server, logged, charset, cookie, body, expected):
    head = b"Content-Type: application/x-www-form-urlencoded; charset=%b\r\nCookie: bounced_login=%b\r\n"
    more = head % (charset, cookie) + b"Content-Length: %d\r\n" % len(body)
    answer = await talk(server, request_of(b"/login", method=b"POST", more=more) + body)
    assert answer.startswith(b"HTTP/1.1 %d " % expected)
    assert not [line for line in logged() if line["level"] == "error"]


async def test_a_list_that_never_ends_is_refused(ask, monkeypatch):
    monkeypatch.setattr(api, "_MAX_IMPORT_BYTES", 100_000)
    status, headers, problem = await ask("POST", f"{ROOT}/import", data=b"ann@example.com\n" * 10_000)
    assert status == 413
    assert_problem(status, headers, problem)


async def test_a_body_that_does_not_come_is_waited_for_only_so_long(server, monkeypatch):
    monkeypatch.setattr(middleware, "_PATIENCE_SECONDS", 0.05)
    request = request_of(f"{ROOT}/check".encode(), method=b"POST", more=b"Content-Length: 10\r\n")
    assert (await talk(server, request)).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    ("octets", "more"),
    [
        (b"", b""),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ", b"x"),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", b""),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", b"\r\n"),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /healthz HTTP/1.1\r\nX-Slow: ", b"x"),
    ],
    ids=["silent", "slow header", "idle", "empty lines", "slow second header"],
)
async def test_a_connection_without_a_whole_request_ends(serve, monkeypatch, octets, more):
    monkeypatch.setattr(application, "_KEEPALIVE_SECONDS", 0.2)
    async with serve(TOKEN) as server:
        reader, writer = await asyncio.open_connection(server.address.host, server.address.port)

        async def drip():
            while True:
                writer.write(more)
                await asyncio.sleep(0.01)  # the attack is to be slow

        async with asyncio.timeout(DEADLINE_SECONDS):
            writer.write(octets)
            dripping = asyncio.create_task(drip())
            with suppress(ConnectionError):
                await reader.read()
        dripping.cancel()
        writer.close()


@pytest.mark.parametrize(
    "octets", [b"\x00" * 100 + b"\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\r\n\r\n"]
)
async def test_what_is_no_http_is_refused_quietly(logged, server, octets):
    assert (await talk(server, octets)).startswith(b"HTTP/1.0 400 ")
    assert [line["event"] for line in logged()] == ["listening"]


async def test_no_answer_is_kept_or_taken_for_something_else(ask, server):
    for path in ("/healthz", ROOT, ANN, f"{ROOT}/export", "/nowhere"):
        _, headers, _ = await ask("GET", path)
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Server"] == "bounced"


async def test_the_log_names_routes_and_no_address(logged, ask, suppress, path_of):
    await suppress("ann@example.com")
    for path in (path_of("ann@example.com"), f"{ROOT}?contains=ann@example.com", "/ann@example.com", f"{ROOT}/ann%40b"):
        await ask("GET", path)
    lines = [line for line in logged() if line["event"] == "request"]
    assert [(line["route"] and line["route"].removeprefix(ROOT), line["status"]) for line in lines] == [
        ("/{address}", 200),
        ("", 200),
        (None, 404),
        ("/{address}", 200),
    ]
    assert "ann" not in str(lines)
    assert {"admin"} == {line["stage"] for line in lines}


@pytest.fixture
async def closed_store(tmp_path):
    """A store that answers nothing any more."""
    async with await Store.open(f"sqlite:///{tmp_path}/closed.db", owner="test") as store:
        pass
    return store


@pytest.mark.parametrize("path", [ROOT, ANN, f"{ROOT}/export"])
async def test_a_store_that_fails_is_a_reason_to_try_again(logged, serve, closed_store, path):
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        serve(TOKEN, on=closed_store) as server,
        aiohttp.request("GET", f"http://{server.address}{path}", headers=headers) as answer,
    ):
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert_problem(answer.status, answer.headers, await answer.json(content_type=None))
    assert "request_failed" in {line["event"] for line in logged()}


async def test_an_error_of_ours_is_logged_and_tells_strangers_nothing(logged, serve):
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        serve(TOKEN, on=None) as server,  # a mistake that no type checker would let pass
        aiohttp.request("GET", f"http://{server.address}{ANN}", headers=headers) as answer,
    ):
        problem = await answer.json(content_type=None)
        assert answer.status == 500
        assert "NoneType" not in str(problem)
    [failure] = [line for line in logged() if line["event"] == "request_failed"]
    assert "NoneType" in failure["exception"]


async def test_an_export_that_fails_midway_does_not_look_whole(client, store, suppress):
    await suppress(*(f"user{number}-{'x' * 200}@example.com" for number in range(9000)))
    async with client.get(f"{ROOT}/export") as answer:
        await answer.content.readline()
        await store.close()
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
