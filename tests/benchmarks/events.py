"""Processor time of one event, sent in batches to a sink that confirms at once."""

import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import aiohttp
import uvloop

from bounced.deliver.jsonl import JsonlFile
from bounced.deliver.sink import Sink
from bounced.deliver.webhook import Webhook
from bounced.event import make_events
from bounced.model import Delivered, Event
from bounced.pipeline import understand
from tests.benchmarks.scale import Scale
from tests.benchmarks.servers import endpoint
from tests.benchmarks.sinks import SECRET, make_messages
from tests.benchmarks.tables import Figures, Table, compared, take_turns

BATCH = 100
Send = Callable[[Sequence[Event]], Awaitable[object]]


def measure(scale: Scale) -> Iterator[Table]:
    """Yield the microseconds of an event, for the file and for the webhook, each beside what is as bare as can be."""
    events = [
        event
        for message in make_messages(BATCH)
        for event in make_events(message, understand(message.raw), source="/bounced/bench")
    ]
    many, few = scale(400), scale(40)
    with tempfile.TemporaryDirectory() as directory, endpoint() as application:
        file, url = Path(directory) / "events.jsonl", application.url
        hook = partial(Webhook, "app", url, secrets=[SECRET], allow_private_addresses=True)
        medians = take_turns(
            {
                "aiohttp alone, a request for each event": lambda: uvloop.run(post(url, events, few)),
                "a write and an fsync alone, 100 events in each": lambda: uvloop.run(spend(write(file), events, many)),
                "`jsonl`, 100 events in a batch": lambda: uvloop.run(feed(JsonlFile("app", file), events, many)),
                "`webhook`, 100 events in a request": lambda: uvloop.run(feed(hook(batch_size=BATCH), events, many)),
                "`webhook`, a request for each event": lambda: uvloop.run(feed(hook(), events, few)),
            },
            scale.runs,
        )
    yield Table("Events sent", ("", "CPU µs per event", "times as cheap"), compared(medians, less_is_better=True))


async def spend(send: Send, events: Sequence[Event], batches: int) -> Figures:
    """Return the microseconds of the processor for each event; the first batch warms up."""
    await send(events)
    begin = time.process_time()
    for _ in range(batches):
        await send(events)
    return ((time.process_time() - begin) / batches / len(events) * 1e6,)


async def feed(sink: Sink, events: Sequence[Event], batches: int) -> Figures:
    async def send(batch: Sequence[Event]) -> None:
        step = sink.batch_size
        for at in range(0, len(batch), step):
            results = await sink.send(batch[at : at + step])
            assert all(isinstance(result, Delivered) for result in results)

    await sink.open()
    try:
        return await spend(send, events, batches)
    finally:
        await sink.close()


def write(file: Path) -> Send:
    async def send(batch: Sequence[Event]) -> None:
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, b"".join(event.document.encode() + b"\n" for event in batch))
        os.fsync(descriptor)
        os.close(descriptor)

    return send


async def post(url: str, events: Sequence[Event], batches: int) -> Figures:
    async with aiohttp.ClientSession() as session:

        async def send(batch: Sequence[Event]) -> None:
            for event in batch:
                async with session.post(url, data=event.document.encode()) as answer:
                    await answer.read()

        return await spend(send, events, batches)
