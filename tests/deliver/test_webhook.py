import asyncio
import gzip
import json
import socket
import ssl
import subprocess
from contextlib import asynccontextmanager
from email.utils import formatdate
from time import time

import pytest
from aiohttp import web
from standardwebhooks import Webhook as Verifier

from bounced.deliver import address
from bounced.deliver.webhook import Webhook
from bounced.errors import ConfigurationError
from bounced.model import Delivered, Failed
from tests.deliver.receiver import endless, halting, listening, never

OLD, NEW = ("whsec_" + letter * 32 for letter in "ab")


@asynccontextmanager
async def opened(url, **settings):
    settings = {"allow_private_addresses": True} | settings
    sink = Webhook("app", url, **settings)
    await sink.open()
    try:
        yield sink
    finally:
        await sink.close()


async def send(events, url, **settings):
    async with asyncio.timeout(10), opened(url, **settings) as sink:
        return list(await sink.send(events))


async def send_one(make_events, url, **settings):
    [result] = await send(make_events(1), url, **settings)
    return result


async def test_one_event_is_posted_as_a_structured_cloudevent(receiver, make_events):
    [event] = make_events(1)
    assert await send([event], receiver.url) == [Delivered()]
    [request] = receiver.received
    assert request.body == event.document
    assert request.headers["Content-Type"] == "application/cloudevents+json; charset=utf-8"
    assert request.headers["webhook-id"] == event.id
    assert request.headers["User-Agent"] == "bounced"


async def test_a_batch_is_posted_as_an_array(receiver, make_events):
    events = make_events(3)
    assert await send(events, receiver.url, batch_size=10) == [Delivered()] * 3
    [request] = receiver.received
    assert json.loads(request.body) == [json.loads(event.document) for event in events]
    assert request.headers["Content-Type"] == "application/cloudevents-batch+json; charset=utf-8"


async def test_one_event_of_a_batching_sink_is_an_array_too(receiver, make_events):
    [event] = make_events(1)
    await send([event], receiver.url, batch_size=10)
    assert receiver.received[0].body == f"[{event.document}]"


async def test_the_same_batch_has_the_same_id_and_another_has_not(receiver, make_events):
    events = make_events(3)
    async with opened(receiver.url, batch_size=10) as sink:
        for batch in (events, events, events[:2]):
            await sink.send(batch)
    first, repeat, other = (request.headers["webhook-id"] for request in receiver.received)
    assert first == repeat != other


@pytest.mark.parametrize("batch_size", [1, 10])
async def test_while_secrets_rotate_both_verify(receiver, make_events, batch_size):
    await send(make_events(1), receiver.url, secrets=[NEW, OLD], batch_size=batch_size)
    [request] = receiver.received
    for secret in (NEW, OLD):
        Verifier(secret).verify(request.body, request.headers)


async def test_without_a_secret_nothing_is_signed(receiver, make_events):
    await send_one(make_events, receiver.url)
    assert "webhook-signature" not in receiver.received[0].headers


def test_a_malformed_secret_stops_the_start():
    with pytest.raises(ConfigurationError, match="secrets, number 2"):
        Webhook("app", "https://example.com/", secrets=[NEW, "whsec_?"])


@pytest.mark.parametrize(
    "url", ["", "example.com", "ftp://example.com/", "https://", "https://h:70000/", "https://[::1/"]
)
def test_a_malformed_url_stops_the_start_and_is_not_shown(url):
    with pytest.raises(ConfigurationError) as caught:
        Webhook("app", url)
    assert caught.value.where == 'sink "app", url'
    assert not url or url not in str(caught.value)


async def test_a_sink_that_was_not_opened_cannot_send(make_events):
    with pytest.raises(RuntimeError, match="not open"):
        await Webhook("app", "https://example.com/").send(make_events(1))


async def test_a_sink_that_was_not_opened_can_be_closed():
    await Webhook("app", "https://example.com/").close()


async def test_a_connection_is_used_again(receiver, make_events):
    async with opened(receiver.url) as sink:
        for event in make_events(3):
            await sink.send([event])
    assert len({request.client_port for request in receiver.received}) == 1


async def test_no_more_connections_than_allowed_are_open(receiver, make_events):
    async with opened(receiver.url, concurrency=2) as sink:
        await asyncio.gather(*(sink.send([event]) for event in make_events(20)))
    assert len(receiver.received) == 20
    assert len({request.client_port for request in receiver.received}) <= 2


async def test_silence_is_a_failure_after_the_timeout(receiver, make_events):
    receiver.answer = never
    assert await send_one(make_events, receiver.url, timeout_seconds=0.1) == Failed("no answer within 0.1 s")


async def test_a_cancelled_send_leaves_the_sink_usable(receiver, make_events):
    receiver.answer = never
    async with opened(receiver.url, concurrency=1) as sink:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(sink.send(make_events(1)), timeout=0.1)
        receiver.answer = None
        assert await sink.send(make_events(1)) == [Delivered()]


async def test_an_endless_answer_is_cut_and_its_status_counts(receiver, make_events):
    receiver.answer = endless
    assert await send_one(make_events, receiver.url, timeout_seconds=60) == Delivered()


async def test_an_answer_that_halts_is_cut_and_its_status_counts(receiver, make_events):
    receiver.answer = halting
    assert await send_one(make_events, receiver.url, timeout_seconds=0.1) == Delivered()


async def test_an_answer_is_never_decompressed(receiver, make_events):
    bomb = gzip.compress(bytes(4_000_000))
    assert len(bomb) < 8192  # as it is sent, it is short enough to be read to its end

    async def answer(_request):
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    receiver.answer = answer
    async with opened(receiver.url) as sink:
        assert [await sink.send(make_events(1)) for _ in range(2)] == [[Delivered()]] * 2
    assert len({request.client_port for request in receiver.received}) == 1


async def test_redirects_are_not_followed(receiver, make_events):
    receiver.answer_with(307, Location="/elsewhere")
    result = await send_one(make_events, receiver.url)
    assert "redirects are not followed" in result.error
    assert not result.is_final
    assert len(receiver.received) == 1


async def test_the_endpoint_may_ask_for_seconds(receiver, make_events):
    receiver.answer_with(429, Retry_After="7")
    assert (await send_one(make_events, receiver.url)).retry_after_seconds == 7


async def test_the_endpoint_may_ask_for_a_date(receiver, make_events):
    receiver.answer_with(503, Retry_After=formatdate(time() + 100, usegmt=True))
    assert 90 < (await send_one(make_events, receiver.url)).retry_after_seconds <= 100


async def test_an_endpoint_that_is_gone_says_so_once(receiver, make_events):
    receiver.answer_with(410)
    assert await send_one(make_events, receiver.url) == Failed("HTTP 410 Gone", is_final=True, is_gone=True)


async def test_a_batch_that_is_too_large_is_sent_event_by_event(receiver, make_events):
    async def refuse_batches_and_one_event(request):
        documents = await request.json()
        if len(documents) > 1:
            return web.Response(status=413)
        return web.Response(status=500 if documents[0]["id"] == "evt_1" else 200)

    receiver.answer = refuse_batches_and_one_event
    results = await send(make_events(3), receiver.url, batch_size=10)
    assert results == [Delivered(), Failed("HTTP 500 Internal Server Error"), Delivered()]


async def test_an_event_that_is_too_large_alone_is_a_failure(receiver, make_events):
    receiver.answer_with(413)
    results = await send(make_events(2), receiver.url, batch_size=10)
    assert [result.error for result in results] == ["HTTP 413 Request Entity Too Large"] * 2
    assert len(receiver.received) == 3


async def test_credentials_of_the_url_are_sent_and_never_told(receiver, make_events):
    receiver.answer_with(500)
    url = receiver.url.replace("127.0.0.1", "ann:geheim@127.0.0.1")
    result = await send_one(make_events, url)
    assert receiver.received[0].headers["Authorization"].startswith("Basic ")
    assert result == Failed("HTTP 500 Internal Server Error")


async def test_proxies_of_the_environment_are_ignored(receiver, make_events, monkeypatch):
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    assert await send_one(make_events, receiver.url) == Delivered()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_private_addresses_are_refused_at_connect_time(receiver, make_events, host):
    url = receiver.url.replace("127.0.0.1", host)
    result = await send_one(make_events, url, allow_private_addresses=False)
    assert "set allow_private_addresses = true" in result.error
    assert not result.is_final
    assert receiver.received == []


PUBLIC, PRIVATE = "127.0.0.2", "127.0.0.1"


@pytest.fixture
def resolve(monkeypatch):
    """Return a function that sets what the name `app.example` leads to, one answer after the other."""

    def set_answers(*answers):
        left, usual = list(answers), socket.getaddrinfo

        def getaddrinfo(host, port, *more, **options):
            if host != "app.example":
                return usual(host, port, *more, **options)
            addresses = left.pop(0) if len(left) > 1 else left[0]
            return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (one, port)) for one in addresses]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(address, "is_public", lambda text: text == PUBLIC)

    return set_answers


async def arrive(make_events, host):
    """Post to `app.example` at a port that is open at `host`; return the result and the addresses that were asked."""
    asked = []

    async def answer(request):
        asked.append(request.transport.get_extra_info("sockname")[0])
        return web.Response()

    async with listening(host=host) as receiver:
        receiver.answer = answer
        url = f"http://app.example:{receiver.port}/"
        return await send_one(make_events, url, allow_private_addresses=False), asked


async def test_the_address_that_was_found_public_is_the_one_connected_to(make_events, resolve):
    resolve([PUBLIC], [PRIVATE])
    everywhere = "0.0.0.0"  # noqa: S104 - both addresses are ours, and only for a moment
    assert await arrive(make_events, everywhere) == (Delivered(), [PUBLIC])


async def test_a_private_address_is_not_connected_to_in_place_of_a_public_one(make_events, resolve):
    resolve([PUBLIC, PRIVATE])
    result, asked = await arrive(make_events, PRIVATE)
    assert result.error.startswith("cannot connect: ")
    assert asked == []


async def test_a_refused_connection_is_a_failure_that_shows_no_url(make_events):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    result = await send_one(make_events, f"http://ann:geheim@127.0.0.1:{port}/hook?token=hidden")
    assert result.error.startswith("cannot connect: ")
    assert not any(secret in result.error for secret in ("geheim", "hidden", "hook"))


async def test_a_name_that_does_not_exist_is_a_failure(make_events):
    result = await send_one(make_events, "https://bounced.invalid/")
    assert result.error.startswith("cannot connect: ")


async def test_a_connection_closed_without_an_answer_is_a_failure(receiver, make_events):
    async def hang_up(request):
        request.transport.abort()

    receiver.answer = hang_up
    result = await send_one(make_events, receiver.url)
    assert result.error.startswith("no usable answer: ")


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory):
    """Return the TLS context of a server that nobody has a reason to trust."""
    home = tmp_path_factory.mktemp("tls")
    certificate, key = str(home / "crt.pem"), str(home / "key.pem")
    new_key = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key]
    subject = ["-out", certificate, "-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", "req", *new_key, *subject], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


async def test_a_certificate_nobody_vouches_for_is_refused(self_signed, make_events):
    async with listening(tls=self_signed) as receiver:
        result = await send_one(make_events, receiver.url)
        assert "certificate verify failed" in result.error
        assert receiver.received == []


async def test_an_endpoint_without_tls_is_a_failure(receiver, make_events):
    result = await send_one(make_events, receiver.url.replace("http:", "https:"))
    assert result.error.startswith("cannot connect: ")
