"""What the sinks of brokers have beyond the contract."""

import asyncio
import json
import shutil
import ssl
import subprocess
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import redis as redis_client
from nats.js.api import StreamConfig

from bounced.deliver import kafka, nats, rabbitmq, redis
from bounced.deliver.broker import NO_FILES, Broker, TlsFiles
from bounced.deliver.cloudevents import Mode
from bounced.model import Delivered, Event, EventType, Failed

KINDS = ["nats", "rabbitmq", "redis", "kafka"]
ATTRIBUTES = {
    "specversion": "1.0",
    "id": "evt_1",
    "source": "/bounced/mx.test.example",
    "type": "bounced.bounce",
    "time": "2026-11-23T09:33:53.120Z",
    "dataschema": "urn:bounced:schemas/bounce-1.json",
}
DATA = {"recipient": "ann@example.com", "diagnostic": "Postfach gelöscht"}
PREFIXES = {"nats": "ce-", "rabbitmq": "cloudEvents:", "redis": "ce_", "kafka": "ce_"}
ROUTING_KEY = "bounced.bounce.hard.suppress"


@pytest.fixture
def event():
    document = {**ATTRIBUTES, "datacontenttype": "application/json", "data": DATA}
    text = json.dumps(document, ensure_ascii=False)
    return Event("evt_1", EventType.BOUNCE, "ann@example.com", ROUTING_KEY, text)


@asynccontextmanager
async def opened(sink):
    await sink.open()
    try:
        yield sink
    finally:
        await sink.close()


async def send(sink, *events):
    async with opened(sink):
        return list(await sink.send(events))


def without_prefix(headers, prefix):
    return {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)}


@pytest.mark.parametrize("kind", KINDS)
async def test_in_binary_mode_the_body_is_the_data_and_the_headers_are_the_attributes(kind, make_queue, event):
    sink, place, _ = await make_queue(kind, mode=Mode.BINARY)
    assert await send(sink, event) == [Delivered()]
    [taken] = await place.taken()
    assert json.loads(taken.body) == DATA
    assert taken.headers["content-type"] == "application/json"
    assert without_prefix(taken.headers, PREFIXES[kind]) == ATTRIBUTES


@pytest.mark.parametrize("kind", KINDS)
async def test_in_structured_mode_the_headers_say_only_what_the_body_is(kind, make_queue, event):
    sink, place, _ = await make_queue(kind)
    assert await send(sink, event) == [Delivered()]
    [taken] = await place.taken()
    assert taken.body == event.document
    assert taken.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert without_prefix(taken.headers, PREFIXES[kind]) == {}


@pytest.mark.parametrize("kind", ["rabbitmq", "redis"])
async def test_the_routing_key_goes_with_the_event(kind, make_queue, event):
    sink, place, _ = await make_queue(kind)
    await send(sink, event)
    assert [taken.subject for taken in await place.taken()] == [ROUTING_KEY]


@pytest.mark.parametrize(
    ("routing_key", "subject"), [(ROUTING_KEY, "bounce.hard.suppress"), ("bounced.delay", "delay")]
)
async def test_the_subject_is_below_the_prefix_of_the_stream(make_queue, event, routing_key, subject):
    sink, place, _ = await make_queue("nats")
    await send(sink, replace(event, routing_key=routing_key))
    assert [taken.subject for taken in await place.taken()] == [f"{place.name}.{subject}"]


async def test_a_header_of_nats_has_visible_ascii_only(make_queue, event):
    document = json.loads(event.document) | {"source": '/bounced/"ä" %'}
    sink, place, _ = await make_queue("nats", mode=Mode.BINARY)
    await send(sink, replace(event, document=json.dumps(document)))
    [taken] = await place.taken()
    assert taken.headers["ce-source"] == "/bounced/%22%C3%A4%22%20%25"


async def test_an_event_that_no_queue_is_bound_for_is_not_delivered(make_queue, event):
    sink, place, _ = await make_queue("rabbitmq")
    await place.queue.unbind(place.name, "bounced.#")
    await place.queue.bind(place.name, "bounced.delay")
    async with opened(sink):
        unroutable, delivered = await sink.send([event, replace(event, id="evt_2", routing_key="bounced.delay")])
        assert unroutable == Failed(f'no queue is bound to the exchange "{place.name}" for {ROUTING_KEY}')
        assert delivered == Delivered()
        await place.queue.bind(place.name, "bounced.bounce.*.suppress")
        assert list(await sink.send([event])) == [Delivered()]


async def test_a_message_of_rabbitmq_survives_and_is_known_by_the_id_of_its_event(make_queue, event):
    sink, place, _ = await make_queue("rabbitmq")
    await send(sink, event)
    message = await place.queue.get(no_ack=True)
    assert (message.message_id, message.type, message.delivery_mode) == ("evt_1", "bounced.bounce", 2)


async def test_an_exchange_that_is_deleted_is_made_again(make_queue, event):
    sink, place, _ = await make_queue("rabbitmq")
    async with opened(sink):
        await sink.send([event])
        await place.channel.exchange_delete(place.name)
        [lost] = await sink.send([event])
        assert isinstance(lost, Failed)
        [unbound] = await sink.send([event])
        assert unbound.error.startswith("no queue is bound")
        await place.queue.bind(place.name, "bounced.#")
        assert list(await sink.send([event])) == [Delivered()]


async def test_a_stream_that_exists_stays_as_it_is(make_queue, event):
    sink, place, _ = await make_queue("nats")
    stream = StreamConfig(name=place.name, subjects=[f"{place.name}.>"], max_msgs=3, duplicate_window=1)
    await place.jetstream.add_stream(stream)
    assert await send(sink, event) == [Delivered()]
    config = (await place.jetstream.stream_info(place.name)).config
    assert (config.max_msgs, config.duplicate_window) == (3, 1)


async def test_a_stream_for_other_subjects_takes_nothing(make_queue, event):
    sink, place, _ = await make_queue("nats")
    await place.jetstream.add_stream(StreamConfig(name=place.name, subjects=[f"{place.name}.elsewhere"]))
    [result] = await send(sink, event)
    assert isinstance(result, Failed)
    assert await place.taken() == []


async def test_a_stream_of_redis_keeps_no_more_than_about_its_length(make_queue, make_events):
    sink, place, _ = await make_queue("redis", max_length=100)
    async with opened(sink):
        for _ in range(10):
            await sink.send(make_events(100))
    assert len(await place.taken()) < 300


async def test_an_entry_that_redis_refuses_fails_alone_with_its_reason(make_queue, event):
    sink, place, _ = await make_queue("redis")
    await place.client.set(place.name, "no stream")
    [result] = await send(sink, event)
    assert "WRONGTYPE" in result.error


async def test_what_concerns_one_recipient_has_one_key_that_does_not_tell_the_address(make_queue, event):
    sink, place, _ = await make_queue("kafka")
    others = [replace(event, id=f"evt_{number}", recipient=f"user{number}@example.com") for number in range(20)]
    await send(sink, event, *others, replace(event, id="evt_again"))
    taken = await place.taken()
    keys = [each.subject for each in taken]
    assert len(keys) == 22
    assert len(set(keys)) == 21
    assert not any("ann" in key or "example" in key for key in keys)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_failed_leaves_nothing_behind_that_still_works_on_it(kind, make_queue, event):
    sink, place, line = await make_queue(kind, timeout_seconds=2)
    await place.taken()  # what the place itself needs is there from here on
    before = asyncio.all_tasks()
    async with opened(sink):
        assert list(await sink.send([event])) == [Delivered()]
        for number in range(3):
            await line.cut()
            [failed] = await sink.send([replace(event, id=f"evt_failed_{number}")])
            assert isinstance(failed, Failed)
            await line.restore()
            assert list(await sink.send([replace(event, id=f"evt_again_{number}")])) == [Delivered()]
    assert len(await place.taken()) >= 4
    left = asyncio.all_tasks() - before
    assert not left or not (await asyncio.wait(left, timeout=30))[1]


async def test_what_kafka_did_not_answer_leaves_nothing_behind_that_still_works_on_it(make_queue, event):
    sink, place, line = await make_queue("kafka", timeout_seconds=0.5)
    await place.taken()
    before = asyncio.all_tasks()
    async with opened(sink):
        assert list(await sink.send([event])) == [Delivered()]
        line.answer_after(seconds=60)
        assert list(await sink.send([replace(event, id="evt_2")])) == [Failed("no answer in time")]
        line.answer_after(seconds=0)
        assert list(await sink.send([replace(event, id="evt_3")])) == [Delivered()]
    left = asyncio.all_tasks() - before
    assert not left or not (await asyncio.wait(left, timeout=30))[1]


@pytest.mark.parametrize("kind", ["nats", "kafka"])
async def test_an_event_that_is_too_large_for_the_broker_fails_alone(kind, make_queue, event):
    sink, place, _ = await make_queue(kind)
    large = replace(event, id="evt_large", document=json.dumps({"id": "evt_large", "data": "x" * 2_000_000}))
    async with opened(sink):
        first, refused, last = await sink.send([event, large, replace(event, id="evt_3")])
        assert (first, last) == (Delivered(), Delivered())
        assert isinstance(refused, Failed)
        assert list(await sink.send([replace(event, id="evt_4")])) == [Delivered()]
    assert len(await place.taken()) == 3


def sink_of(kind, url, files=NO_FILES, **options):
    schemes = {"nats": nats.SCHEME, "rabbitmq": rabbitmq.SCHEME, "redis": redis.SCHEME, "kafka": kafka.SCHEME}
    classes = {"nats": nats.Nats, "rabbitmq": rabbitmq.Rabbitmq, "redis": redis.Redis, "kafka": kafka.Kafka}
    return classes[kind]("app", Broker.parse(url, schemes[kind], sink="app", files=files), **options)


URL_SCHEMES = {"nats": "nats", "rabbitmq": "amqp", "redis": "redis", "kafka": "kafka"}


@asynccontextmanager
async def stranger(says):
    """Listen as something that is no broker."""
    connections = set()

    async def talk(_reader, writer):
        connections.add(writer)
        writer.write(says)

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in connections:
            writer.transport.abort()
        await asyncio.sleep(0)


@pytest.mark.parametrize("says", [b"", b"\x1b[31mhello\r\n" * 5000, b"-ERR 's3cret'\x07\r\n", b"\xff" * 70000])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_stranger_in_the_brokers_place_is_a_failure_in_bounded_time(kind, says, event):
    async with stranger(says) as port:
        sink = sink_of(kind, f"{URL_SCHEMES[kind]}://user:s3cret@127.0.0.1:{port}", timeout_seconds=0.5)
        async with asyncio.timeout(10):
            [result] = await send(sink, event)
    assert isinstance(result, Failed)
    assert result.error.isprintable()
    assert 0 < len(result.error) <= 200
    assert "s3cret" not in result.error


async def test_what_nats_said_outlasts_an_attempt_that_only_broke_off(event):
    attempts = 0

    async def refuse_once(reader, writer):
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            writer.write(b'INFO {"server_id": "x", "headers": true, "max_payload": 1048576}\r\n')
            await reader.readline()
            writer.write(b"-ERR 'Authorization Violation'\r\n")
        writer.close()

    async with await asyncio.start_server(refuse_once, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        [refused] = await send(sink_of("nats", f"nats://user:wr0ng@127.0.0.1:{port}", timeout_seconds=2), event)
    assert attempts > 1
    assert "Authorization Violation" in refused.error


@pytest.fixture
async def private(request, private_server):
    return await private_server(*request.param)


@pytest.mark.parametrize("private", [("nats", "--user", "bounced", "--pass", "s3cret")], indirect=True)
async def test_a_user_of_nats_logs_in_with_a_password(private, event):
    url = f"nats://bounced:{{}}@127.0.0.1:{private.port}"
    # Time for several attempts: the broker hangs up as it refuses, and may be gone before its words are read.
    [refused] = await send(sink_of("nats", url.format("wr0ng"), timeout_seconds=3.5), event)
    assert "Authorization Violation" in refused.error
    assert "wr0ng" not in refused.error
    assert await send(sink_of("nats", url.format("s3cret")), event) == [Delivered()]


@pytest.mark.parametrize("private", [("nats", "--auth", "s3cret")], indirect=True)
async def test_what_is_alone_before_the_host_or_in_the_file_is_a_token_for_nats(private, event):
    broker = Broker.parse(f"nats://127.0.0.1:{private.port}", nats.SCHEME, sink="app", password="s3cret")
    assert await send(nats.Nats("app", broker), event) == [Delivered()]
    url = f"nats://{{}}@127.0.0.1:{private.port}"
    assert await send(sink_of("nats", url.format("s3cret")), event) == [Delivered()]
    [refused] = await send(sink_of("nats", url.format("wr0ng"), timeout_seconds=1), event)
    assert "wr0ng" not in refused.error


@pytest.mark.parametrize("private", [("redis", "--requirepass", "s3cret")], indirect=True)
async def test_a_password_opens_redis(private, event):
    url = f"redis://:{{}}@127.0.0.1:{private.port}/3"
    [refused] = await send(sink_of("redis", url.format("wr0ng"), timeout_seconds=1), event)
    assert "wr0ng" not in refused.error
    assert await send(sink_of("redis", url.format("s3cret")), event) == [Delivered()]
    with redis_client.Redis(port=private.port, password="s3cret", db=3) as client:
        assert client.xlen("bounced") == 1


async def test_a_wrong_password_for_rabbitmq_is_not_told(make_queue, event):
    _, place, line = await make_queue("rabbitmq")
    sink = sink_of("rabbitmq", f"amqp://guest:wr0ng@127.0.0.1:{line.port}", exchange=place.name, timeout_seconds=2)
    [refused] = await send(sink, event)
    assert "ACCESS_REFUSED" in refused.error
    assert "wr0ng" not in refused.error


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    """Files of an authority, and of a server and a client that it vouches for."""
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl")
    home = tmp_path_factory.mktemp("pki")

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=home, check=True, capture_output=True)

    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=Test CA")
    for name, use in (("server", "serverAuth"), ("client", "clientAuth")):
        extensions = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", f"extendedKeyUsage={use}"]
        signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-addext", "basicConstraints=CA:FALSE"]
        files = ["-keyout", f"{name}.key", "-out", f"{name}.crt", "-subj", f"/CN={name}"]
        openssl("req", "-x509", *new_key, *signed, *extensions, *files)
    return home


@pytest.fixture
async def secured(request, pki, private_server, make_queue):
    """The URL of a broker that speaks TLS and wants to see a certificate."""
    certificate, key, authority = pki / "server.crt", pki / "server.key", pki / "ca.crt"
    match request.param:
        case "nats":
            files = ["--tlscert", certificate, "--tlskey", key, "--tlscacert", authority]
            return f"tls://127.0.0.1:{(await private_server('nats', '--tlsverify', *files)).port}"
        case "redis":
            files = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", authority]
            return f"rediss://127.0.0.1:{(await private_server('redis', *files, has_tls=True)).port}"
        case "rabbitmq":
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority)
            context.load_cert_chain(certificate, key)
            context.verify_mode = ssl.CERT_REQUIRED
            _, place, line = await make_queue("rabbitmq", line_tls=context)
            await place.channel.declare_exchange("bounced", "topic", durable=True)
            await place.queue.bind("bounced", "bounced.#")
            return f"amqps://127.0.0.1:{line.port}"


@pytest.mark.parametrize(("secured", "kind"), [(kind,) * 2 for kind in KINDS[:3]], indirect=["secured"])
async def test_tls_with_a_certificate_of_ours(secured, kind, pki, event):
    files = TlsFiles(pki / "ca.crt", pki / "client.crt", pki / "client.key")
    assert await send(sink_of(kind, secured, files=files), event) == [Delivered()]


@pytest.mark.parametrize(("secured", "kind"), [(kind,) * 2 for kind in KINDS[:3]], indirect=["secured"])
async def test_a_broker_that_nobody_vouches_for_gets_nothing(secured, kind, event):
    [refused] = await send(sink_of(kind, secured, timeout_seconds=1), event)
    assert "certificate" in refused.error


@pytest.mark.parametrize(("secured", "kind"), [(kind,) * 2 for kind in KINDS[:3]], indirect=["secured"])
async def test_without_the_certificate_that_the_broker_wants_the_send_fails(secured, kind, pki, event):
    files = TlsFiles(ca_file=pki / "ca.crt")
    [refused] = await send(sink_of(kind, secured, files=files, timeout_seconds=1), event)
    assert isinstance(refused, Failed)
