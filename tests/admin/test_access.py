"""Who may ask, and what everybody is told."""

import hmac

import aiohttp
import pytest

from bounced.admin.server import Address, AdminServer
from bounced.admin.tokens import Tokens
from bounced.errors import ConfigurationError
from tests.admin.conftest import ROOT, TOKEN

OTHER = "another-token-of-some-length"


async def status_of(server, path=ROOT, **headers):
    async with aiohttp.request("GET", f"http://{server.address}{path}", headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_life_is_shown_to_everybody(server):
    assert await status_of(server, "/healthz") == (200, {"status": "alive"})


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        TOKEN,
        f"Basic {TOKEN}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN} {OTHER}",
        "Bearer \xe9\xe9\xe9",
    ],
)
@pytest.mark.parametrize("path", [ROOT, "/api/v1/nowhere", "/", "//healthz", "/healthz/", "/healthz/../api"])
async def test_nobody_learns_anything_without_a_token(server, authorization, path):
    status, problem = await status_of(server, path, Authorization=authorization)
    assert (status, problem["title"]) == (401, "Unauthorized")


async def test_a_missing_token_is_asked_for(server):
    async with aiohttp.request("GET", f"http://{server.address}{ROOT}") as answer:
        assert (answer.status, answer.content_type) == (401, "application/problem+json")
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="bounced"'


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_each_token_that_is_in_force_is_let_in(serve, scheme):
    async with serve(OTHER, TOKEN) as server:
        for token in (TOKEN, OTHER):
            status, _ = await status_of(server, Authorization=f"{scheme} {token}")
            assert status == 200


async def test_tokens_can_be_replaced(server):
    server.sources.tokens = Tokens([OTHER])
    assert (await status_of(server, Authorization=f"Bearer {TOKEN}"))[0] == 401
    assert (await status_of(server, Authorization=f"Bearer {OTHER}"))[0] == 200


async def test_without_any_token_nobody_may_ask_and_the_key_is_named(serve):
    async with serve() as server:
        assert (await status_of(server, "/healthz"))[0] == 200
        for authorization in ("", "Bearer", "Bearer ", f"Bearer {TOKEN}"):
            status, problem = await status_of(server, Authorization=authorization)
            assert status == 403
            assert "admin.tokens" in problem["detail"]


def test_the_time_of_an_answer_tells_nothing_of_a_token(monkeypatch):
    compared = []

    def compare(one, other):
        compared.append((len(one), len(other)))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    tokens = Tokens([TOKEN, OTHER])
    for given in ("x", TOKEN, OTHER):
        compared.clear()
        tokens.allow(f"Bearer {given}")
        assert compared == [(32, 32)] * 2


@pytest.mark.parametrize("token", ["", "too little", "x" * 15, "has spaces in it, several", "x" * 20 + "\n", "é" * 20])
def test_a_token_that_is_weak_or_cannot_be_sent_is_refused_and_not_repeated(token):
    with pytest.raises(ConfigurationError, match=r"admin\.tokens") as caught:
        Tokens([TOKEN, token])
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8025", Address("127.0.0.1", 8025)),
        ("[::1]:0", Address("::1", 0)),
        ("localhost:80", Address("localhost", 80)),
    ],
)
def test_where_to_listen_is_written_as_host_and_port(text, address):
    assert Address.parse(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["8025", ":8025", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:99999", "http://a:1", "a@b:1", "a:1/", "[::1:1"]
)
def test_what_is_no_host_and_port_is_refused(text):
    with pytest.raises(ConfigurationError, match=r"admin\.listen"):
        Address.parse(text)


async def test_a_port_that_is_taken_is_named_with_its_key(server):
    with pytest.raises(ConfigurationError, match=r"admin\.listen.*in use") as caught:
        await AdminServer(server.address, server.sources).__aenter__()
    assert str(server.address) in str(caught.value)
    assert caught.value.remedy


async def test_a_server_that_cannot_answer_says_so_and_stops_like_any_other(serve, logged, monkeypatch):
    def fail():
        raise ImportError("no templates")

    monkeypatch.setattr("bounced.admin.server._load", fail)
    async with serve(TOKEN):
        pass
    [failure] = [line for line in logged() if line["level"] == "error"]
    assert (failure["event"], failure["error"]) == ("admin_server_failed", "ImportError('no templates')")
