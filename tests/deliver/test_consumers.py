"""The consumers in the documents, each run as a program of its own against the real server."""

import asyncio
import re
import sqlite3
import sys
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest

from bounced.deliver.webhook import Webhook
from bounced.event import make_events
from bounced.model import Delivered, Envelope, Message
from bounced.pipeline import understand
from tests.brokers.private import free_port

TEXT = (Path(__file__).parents[2] / "docs" / "consumers.md").read_text(encoding="utf-8")
PROGRAMS = dict(re.findall(r"^<!-- consumer: (\w+) -->\n```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))
DEADLINE_SECONDS = 30
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"


def read_sample(name):
    raw = files("bounced.samples").joinpath(name).read_bytes()
    message = Message.of(Envelope("", ("bounce@example.net",), datetime.now(UTC)), raw)
    [event] = make_events(message, understand(raw), source="/bounced/mx.test.example")
    return event


@pytest.fixture(scope="module")
def hard():
    return read_sample("1-user-unknown.eml")


@pytest.fixture(scope="module")
def soft():
    return read_sample("2-mailbox-full.eml")


@pytest.fixture
async def start(tmp_path):
    """Return a function that starts a program of the document, with other values for some of its words."""
    processes = []

    async def run(name, **replaced):
        text = PROGRAMS[name]
        for old, new in replaced.values():
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "consumer.py").write_text(text)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "consumer.py", cwd=tmp_path, stdout=asyncio.subprocess.PIPE
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        await process.wait()


async def until_delivered(sink, events):
    """Send until the other side takes all; a consumer needs a moment until it is there."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while list(await sink.send(events)) != [Delivered()] * len(events):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.1)


async def next_line(process):
    async with asyncio.timeout(DEADLINE_SECONDS):
        return (await process.stdout.readline()).decode().rstrip()


async def check(process, sink, folder, hard, soft):
    """Send each event twice, and see that the program acts once on each."""
    await sink.open()
    try:
        await until_delivered(sink, [hard])
        assert await next_line(process) == f"bounced.bounce suppress {hard.recipient}"
        await until_delivered(sink, [hard])
        await until_delivered(sink, [soft])
        assert await next_line(process) == f"bounced.bounce retry {soft.recipient}"
    finally:
        await sink.close()
    with sqlite3.connect(folder / "app.db") as db:
        assert db.execute("SELECT address FROM stop").fetchall() == [(hard.recipient,)]
        assert {(hard.id,), (soft.id,)} <= set(db.execute("SELECT id FROM event"))
    db.close()


async def test_the_consumer_of_webhooks(start, tmp_path, hard, soft):
    port = free_port()
    process = await start("webhook", port=("8080", str(port)))
    url = f"http://127.0.0.1:{port}/hook"
    sink = Webhook("app", url, secrets=[SECRET], allow_private_addresses=True)
    await check(process, sink, tmp_path, hard, soft)
    forger = Webhook("app", url, secrets=["whsec_" + "A" * 32], allow_private_addresses=True)
    await forger.open()
    [refused] = await forger.send([hard])
    await forger.close()
    assert refused.error == "HTTP 401 Unauthorized"


async def test_the_consumer_of_nats(start, tmp_path, make_queue, hard, soft):
    sink, place, _ = await make_queue("nats")
    await sink.open()
    await sink.send([soft])  # makes the stream; a consumer that comes later gets it all the same
    await sink.close()
    process = await start("nats", url=("nats://127.0.0.1:4222", place.url), stream=('"bounced"', f'"{place.name}"'))
    assert await next_line(process) == f"bounced.bounce retry {soft.recipient}"
    # What the server could not know as a repeat, because it came without the id in its header.
    await place.jetstream.publish(f"{place.name}.{soft.routing_key}", soft.document.encode())
    await check(
        process,
        sink,
        tmp_path,
        hard,
        replace(soft, id="evt_other", document=soft.document.replace(soft.id, "evt_other")),
    )


async def test_the_consumer_of_rabbitmq(start, tmp_path, make_queue, hard, soft):
    sink, place, _ = await make_queue("rabbitmq")
    url, exchange = ("amqp://guest:guest@127.0.0.1:5672/", place.url), ('"bounced"', f'"{place.name}"')
    process = await start("rabbitmq", url=url, exchange=exchange, queue=('"app"', f'"{place.name}"'))
    await check(process, sink, tmp_path, hard, soft)


async def test_the_consumer_of_redis(start, tmp_path, make_queue, hard, soft):
    sink, place, _ = await make_queue("redis")
    process = await start("redis", url=("redis://127.0.0.1:6379/0", place.url), stream=('"bounced"', f'"{place.name}"'))
    await check(process, sink, tmp_path, hard, soft)


async def test_the_consumer_of_kafka(start, tmp_path, make_queue, hard, soft):
    sink, place, _ = await make_queue("kafka")
    servers, topic = place.url.removeprefix("kafka://"), ('"bounced"', f'"{place.name}"')
    process = await start("kafka", servers=("127.0.0.1:9092", servers), topic=topic)
    await check(process, sink, tmp_path, hard, soft)


def test_every_kind_of_sink_has_its_consumer():
    assert set(PROGRAMS) == {"webhook", "nats", "rabbitmq", "redis", "kafka"}
    assert all(len(program.splitlines()) <= 35 for program in PROGRAMS.values())
