"""Count what was concluded, and measure what waits."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable
from datetime import datetime

from bounced import log, metrics
from bounced.errors import StoreError
from bounced.escalate import Fact
from bounced.event import make_undeliverable_event
from bounced.flow.reading import Judged, Reading
from bounced.model import Event, EventType
from bounced.model.address import recipient_key
from bounced.store import Store

_log = log.get("store")

_PAUSE_SECONDS = 15.0
_SHARE = 20  # of the time that is not spent on measuring: a huge backlog is measured more rarely


def count_conclusion(reading: Reading | None, events: Iterable[Event]) -> None:
    """Count a message that was concluded for the first time; None is one that could not be read."""
    if reading is None:
        metrics.quarantined.inc()
    else:
        metrics.messages_read(reading.kind).inc()
        metrics.read_seconds.observe(reading.seconds)
        for one in reading.judged:
            _count_recipient(one)
    for event in events:
        metrics.events(event.type).inc()


def _count_recipient(judged: Judged) -> None:
    if judged.rule is None:
        return
    metrics.bounces(judged.bounce_type, judged.reason, judged.fault, judged.provider).inc()
    if judged.has_diagnostic and judged.rule.startswith(("codes/", "words/")):
        metrics.unknown_diagnostics.inc()


def tell_undeliverable(events: Iterable[Event], fact: Fact, epoch: str) -> Event:
    """Write that a recipient has become undeliverable, and count it.

    Args:
        events: Those of the message that was one too many.
        fact: What it says of the recipient.
        epoch: Names the time since the last sign of life.
    """
    metrics.events(EventType.UNDELIVERABLE).inc()  # a transaction that has to be repeated counts twice
    bounce = next(one for one in events if one.recipient and recipient_key(one.recipient) == fact.recipient)
    return make_undeliverable_event(bounce, recipient=fact.recipient, epoch=epoch)


async def run(store: Store, *, sinks: Callable[[], Collection[str]], clock: Callable[[], datetime]) -> None:
    """Measure until cancelled what waits in the store.

    Args:
        store: What is measured.
        sinks: The names of the sinks; those that nothing waits for are shown as well.
        clock: The time, in UTC.
    """
    while True:
        started = time.monotonic()
        try:
            backlog = await store.count_backlog()
        except StoreError as error:
            _log.warning("backlog_not_measured", error=str(error))
        else:
            now, ages = clock(), dict.fromkeys(sinks(), 0.0)
            ages |= {sink: max(0.0, (now - moment).total_seconds()) for sink, moment in backlog.oldest.items()}
            metrics.show_backlog(backlog.messages, backlog.pending, backlog.dead, ages)
        await asyncio.sleep(max(_PAUSE_SECONDS, _SHARE * (time.monotonic() - started)))
