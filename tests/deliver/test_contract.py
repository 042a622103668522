"""What holds for every sink. A new sink needs a stage of its own here, and no new test."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from bounced.deliver.jsonl import JsonlFile, JsonlStream
from bounced.deliver.sink import Sink
from bounced.deliver.webhook import Webhook
from bounced.model import Delivered, Failed
from tests.brokers.places import KafkaPlace, NatsPlace, RabbitmqPlace, RedisPlace
from tests.deliver.conftest import Line
from tests.deliver.receiver import Receiver


class Stage(Protocol):
    """A sink and its other side, which can break and be mended, and may know a repeat by its id."""

    sink: Sink
    drops_repeats: bool

    async def break_(self): ...

    async def mend(self): ...

    async def arrived(self):
        """Return the documents that arrived since the other side was last mended, in order."""


@dataclass
class FileStage:
    """A file whose directory comes and goes."""

    home: Path
    drops_repeats: bool = False

    def __post_init__(self):
        self.home.mkdir()
        self.sink = JsonlFile("file", self.home / "events.jsonl", batch_size=5)

    async def break_(self):
        self.home.rename(self.home.with_name("away"))

    async def mend(self):
        self.home.with_name("away").rename(self.home)

    async def arrived(self):
        return (self.home / "events.jsonl").read_text().splitlines()


@dataclass
class StreamStage:
    """A pipe whose reader stalls."""

    pipe: tuple[int, int]
    drops_repeats: bool = False

    def __post_init__(self):
        self.lines = []
        self.sink = JsonlStream("stream", self.pipe[1], batch_size=5, timeout_seconds=0.05)

    async def break_(self):
        os.set_blocking(self.pipe[1], False)
        with suppress(BlockingIOError):
            while True:
                os.write(self.pipe[1], b"\n" * 65536)
        os.set_blocking(self.pipe[1], True)

    async def mend(self):
        await self.arrived()

    async def arrived(self):
        with suppress(BlockingIOError):
            while data := os.read(self.pipe[0], 65536):
                self.lines += [line for line in data.decode().splitlines() if line]
        return self.lines


@dataclass
class WebhookStage:
    """An endpoint that is out of order for a while."""

    receiver: Receiver
    batch_size: int
    drops_repeats: bool = False

    def __post_init__(self):
        self.sink = Webhook(
            "hook", self.receiver.url, batch_size=self.batch_size, concurrency=2, allow_private_addresses=True
        )

    async def break_(self):
        self.receiver.answer_with(503)

    async def mend(self):
        self.receiver.received.clear()
        self.receiver.answer = None

    async def arrived(self):
        bodies = (json.loads(received.body) for received in self.receiver.received)
        documents = (body if isinstance(body, list) else [body] for body in bodies)
        return [json.dumps(document, ensure_ascii=False) for batch in documents for document in batch]


@dataclass
class QueueStage:
    """A place on a broker; the line to it can be cut."""

    sink: Sink
    place: NatsPlace | RabbitmqPlace | RedisPlace | KafkaPlace
    line: Line
    drops_repeats: bool = False

    async def break_(self):
        await self.line.cut()

    async def mend(self):
        await self.line.restore()

    async def arrived(self):
        return [taken.body for taken in await self.place.taken()]


QUEUES = ["nats", "rabbitmq", "redis", "kafka"]


@pytest.fixture(params=["file", "stream", "webhook", "webhook in batches", *QUEUES])
async def stage(request, tmp_path, pipe, receiver, make_queue) -> AsyncIterator[Stage]:
    match request.param:
        case kind if kind in QUEUES:
            sink, place, line = await make_queue(kind, batch_size=5, timeout_seconds=3)
            stage = QueueStage(sink, place, line, drops_repeats=kind == "nats")
        case "file":
            stage = FileStage(tmp_path / "home")
        case "stream":
            stage = StreamStage(pipe)
        case "webhook":
            stage = WebhookStage(receiver, batch_size=1)
        case "webhook in batches":
            stage = WebhookStage(receiver, batch_size=5)
    await stage.sink.open()
    yield stage
    await stage.sink.close()


@pytest.fixture
def events(stage, make_events):
    """As many events as the sink takes at once."""
    return make_events(stage.sink.batch_size)


def documents_of(events):
    return [event.document for event in events]


def test_a_sink_says_how_it_wants_to_be_fed(stage):
    assert stage.sink.name
    assert stage.sink.batch_size >= 1
    assert stage.sink.concurrency >= 1


async def test_each_event_arrives_as_it_is_and_has_its_result(stage, events):
    assert list(await stage.sink.send(events)) == [Delivered()] * len(events)
    assert await stage.arrived() == documents_of(events)


async def test_a_single_event_is_enough(stage, events):
    assert list(await stage.sink.send(events[:1])) == [Delivered()]
    assert await stage.arrived() == documents_of(events[:1])


async def test_repeating_a_send_is_safe(stage, events):
    await stage.sink.send(events)
    assert list(await stage.sink.send(events)) == [Delivered()] * len(events)
    assert await stage.arrived() == documents_of(events) * (1 if stage.drops_repeats else 2)


async def test_what_the_outside_does_is_a_result_and_can_be_retried(stage, events):
    await stage.break_()
    results = await stage.sink.send(events)
    assert len(results) == len(events)
    for result in results:
        assert isinstance(result, Failed)
        assert not result.is_final
        assert result.error
        assert result.error.isprintable()


async def test_a_sink_recovers_with_its_other_side(stage, events):
    await stage.break_()
    await stage.sink.send(events)
    await stage.mend()
    assert list(await stage.sink.send(events)) == [Delivered()] * len(events)
    assert await stage.arrived() == documents_of(events)


async def test_a_sink_opens_while_its_other_side_is_away(stage, events):
    await stage.sink.close()
    await stage.break_()
    await stage.sink.open()
    await stage.mend()
    assert list(await stage.sink.send(events)) == [Delivered()] * len(events)


async def test_closing_twice_does_nothing(stage, events):
    await stage.sink.send(events)
    await stage.sink.close()
    await stage.sink.close()
