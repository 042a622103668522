"""The consumers in the documents, each run as a program of its own against the real server."""

import asyncio
import itertools
import json
import re
import sqlite3
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import aio_pika
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
        with suppress(ProcessLookupError):
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


def acting(program):
    """Return the part of a program that does something about an event, whichever way it came."""
    return re.search(r"^db = .*?^    print\([^\n]*$", program, re.MULTILINE | re.DOTALL)[0]


def test_all_consumers_act_alike():
    assert len(set(map(acting, PROGRAMS.values()))) == 1


@pytest.fixture
def act(tmp_path, monkeypatch):
    """Return what every consumer does with an event; it returns who gets no more mail afterwards."""
    monkeypatch.chdir(tmp_path)
    names = {"sqlite3": sqlite3}
    exec(acting(PROGRAMS["redis"]), names)  # noqa: S102 - it is ours

    def run(event):
        names["act"](json.loads(event.document))
        return [address for (address,) in names["db"].execute("SELECT address FROM stop ORDER BY address")]

    yield run
    names["db"].close()


def corrected(event, id_, **data):
    """Return an event that says of `event` that it was wrong."""
    document = json.loads(event.document)
    data = document["data"] | {"replaces": event.id} | data
    return replace(event, id=id_, document=json.dumps(document | {"id": id_, "data": data}))


def test_who_complained_gets_no_more_mail(act):
    complaint = read_sample("6-complaint.eml")
    assert act(complaint) == [complaint.recipient]
    hidden = corrected(complaint, "evt_hidden", recipient=None, replaces=None)
    assert act(hidden) == [complaint.recipient]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_what_was_wrong_is_taken_back_in_whatever_order_it_comes(act, hard, order):
    wrong_again = corrected(hard, "evt_second")
    right = corrected(wrong_again, "evt_third", advice="retry")
    events = [hard, wrong_again, right]
    for number in (*order, *order):
        left = act(events[number])
    assert left == []


def test_what_was_right_stays_when_something_else_is_taken_back(act, hard):
    act(replace(hard, document=hard.document.replace(hard.id, "evt_other")))
    act(hard)
    assert act(corrected(hard, "evt_second", advice="retry")) == [hard.recipient]


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
    words = {"url": url, "exchange": exchange, "queue": ('"app"', f'"{place.name}"')}
    process = await start("rabbitmq", **words)
    await check(process, sink, tmp_path, hard, soft)
    # What it cannot write down it must not lose.
    with sqlite3.connect(tmp_path / "app.db") as db:
        db.execute("DROP TABLE event")
    db.close()
    await (await place.channel.get_exchange(place.name)).publish(
        aio_pika.Message(soft.document.encode()), soft.routing_key
    )
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await process.wait() != 0
    assert await next_line(await start("rabbitmq", **words)) == f"bounced.bounce retry {soft.recipient}"


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
    assert all(len(program.splitlines()) <= 40 for program in PROGRAMS.values())
