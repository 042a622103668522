"""Take an event from concluded to settled, for each sink at its own pace.

A sink that is away holds up nobody else: its deliveries wait in the store and
come back when they are due. Every attempt ends as delivered, to be retried, or
dead; none is forgotten.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from bounced import log, metrics
from bounced.backoff import next_delay_seconds
from bounced.deliver.sink import Sink
from bounced.errors import StoreError
from bounced.flow.window import Window, store_all
from bounced.model import Delivered, Delivery, Event, EventType, Failed, SendResult
from bounced.store import DeliveryKey, DeliveryState, Settlement, Store

_log = log.get("deliver")

_WINDOW_EVENTS, _WINDOW_BYTES = 2000, 32 * 1024 * 1024
_POLL_SECONDS = 1.0
_COUNTED_AS = {DeliveryState.DELIVERED: "delivered", DeliveryState.PENDING: "retry", DeliveryState.DEAD: "dead"}


@dataclass(frozen=True, slots=True)
class Subscription:
    """What goes to one sink, and how often it is tried.

    Attributes:
        sink: Where events go.
        types: Which types; None for all.
        retry_seconds: The delays between attempts.
    """

    sink: Sink
    types: frozenset[EventType] | None
    retry_seconds: Sequence[float]

    def wants(self, type_: EventType) -> bool:
        """Whether events of `type_` go to this sink."""
        return self.types is None or type_ in self.types


@dataclass(frozen=True, slots=True)
class Plan:
    """Where the events of one message go; those in `at_hand` need not be claimed from the store."""

    deliveries: tuple[DeliveryKey, ...]
    at_hand: tuple[tuple["Feed", Event], ...]

    @property
    def leased(self) -> frozenset[DeliveryKey]:
        """The deliveries whose first attempt this process makes."""
        return frozenset((event.id, feed.name) for feed, event in self.at_hand)


class Outgoing:
    """All sinks with what is on its way to them."""

    def __init__(self, feeds: Iterable["Feed"]) -> None:
        self._feeds = {feed.name: feed for feed in feeds}
        self._tasks = asyncio.TaskGroup()
        self._running: dict[str, asyncio.Task[None]] = {}

    @property
    def held(self) -> dict[str, set[str]]:
        """For each sink the ids of the events in memory, whose leases are ours."""
        return {name: feed.held for name, feed in self._feeds.items()}

    @property
    def sinks(self) -> dict[str, bool]:
        """The names of the sinks, and of each whether its last attempt failed."""
        return {name: feed.is_failing for name, feed in self._feeds.items()}

    def plan(self, events: Iterable[Event]) -> Plan:
        """Choose the sinks of each event, and reserve memory for the deliveries where there is room."""
        wanted = [(feed, event) for event in events for feed in self._feeds.values() if feed.wants(event.type)]
        at_hand = tuple((feed, event) for feed, event in wanted if feed.reserve(event))
        return Plan(tuple((event.id, feed.name) for feed, event in wanted), at_hand)

    def sinks_for(self, type_: EventType) -> tuple[str, ...]:
        """Return where events of `type_` go; such a delivery is claimed from the store like a retry."""
        return tuple(feed.name for feed in self._feeds.values() if feed.wants(type_))

    def start(self, plan: Plan) -> None:
        """Begin the deliveries at hand; the rest is claimed from the store."""
        for feed, event in plan.at_hand:
            feed.push(Delivery(event, feed.name, 1))

    def forget(self, plan: Plan) -> None:
        """Give the reserved memory back: somebody else has concluded the message."""
        for feed, event in plan.at_hand:
            feed.release(event)

    async def run(self) -> None:
        """Work until cancelled."""
        async with self._tasks:
            for feed in self._feeds.values():
                self._start(feed)
            await asyncio.Event().wait()  # feeds come and go

    def _start(self, feed: "Feed") -> None:
        self._running[feed.name] = self._tasks.create_task(feed.run())

    async def until_idle(self) -> None:
        """Wait until everything in memory is settled."""
        for feed in self._feeds.values():
            await feed.until_idle()

    async def replace(self, subscriptions: Collection[Subscription]) -> None:
        """Go on with new settings of the same sinks."""
        for subscription in subscriptions:
            await self._feeds[subscription.sink.name].replace(subscription)

    def add(self, feed: "Feed") -> None:
        """Send events to one more sink, from now on; used while `run` runs."""
        self._feeds[feed.name] = feed
        self._start(feed)

    async def remove(self, name: str) -> None:
        """Send nothing more to a sink; what was on its way stays in the store, pending."""
        del self._feeds[name]
        task = self._running.pop(name)
        task.cancel()
        await asyncio.wait({task})
        metrics.forget_sink(name)

    def resume(self) -> None:
        """Ask those sinks again that were gone."""
        for feed in self._feeds.values():
            feed.resume()


class Feed:
    """One sink with what is on its way to it.

    Attributes:
        is_failing: Whether the last attempt failed.

    Args:
        store: Where deliveries are kept.
        subscription: The sink, and what it gets.
        chance: A random number, at least 0 and below 1.
    """

    def __init__(self, store: Store, subscription: Subscription, *, chance: Callable[[], float]) -> None:
        self._store, self._subscription, self._chance = store, subscription, chance
        self.name = subscription.sink.name
        self._window = Window(_WINDOW_EVENTS, _WINDOW_BYTES)
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue()
        self.held: set[str] = set()
        self._in_use: Counter[Sink] = Counter()
        self._tasks: asyncio.TaskGroup | None = None
        self._workers = 0
        self._is_gone = self.is_failing = False
        metrics.show_sink(self.name)

    def wants(self, type_: EventType) -> bool:
        """Whether events of `type_` go to this sink."""
        return self._subscription.wants(type_)

    def reserve(self, event: Event) -> bool:
        """Take a place in memory for `event`."""
        return not self._is_gone and self._window.reserve(len(event.document))

    def release(self, event: Event) -> None:
        """Give the place of `event` back."""
        self.held.discard(event.id)
        self._window.release(len(event.document))

    def push(self, delivery: Delivery) -> None:
        """Send `delivery`, whose place is reserved and whose lease is ours, in its turn."""
        self.held.add(delivery.event.id)
        self._queue.put_nowait(delivery)

    async def run(self) -> None:
        """Open the sink and feed it until cancelled."""
        async with AsyncExitStack() as stack:
            await self._subscription.sink.open()
            stack.push_async_callback(self._close)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._window.keep_filled(self._claim, poll_seconds=_POLL_SECONDS))
                self._tasks = tasks
                self._add_workers()

    def _add_workers(self) -> None:
        while self._tasks and self._workers < self._subscription.sink.concurrency:
            self._workers += 1
            self._tasks.create_task(self._work(self._tasks))

    async def _close(self) -> None:
        await self._subscription.sink.close()

    async def until_idle(self) -> None:
        """Wait until everything in memory is settled."""
        await self._window.until_empty()

    async def replace(self, subscription: Subscription) -> None:
        """Go on with a new sink of the same name; the old one finishes what it was given."""
        await subscription.sink.open()
        old, self._subscription = self._subscription.sink, subscription
        self._add_workers()
        if not self._in_use[old]:
            await old.close()

    def resume(self) -> None:
        """Ask the sink again if it was gone."""
        self._is_gone = False

    async def _claim(self, limit: int) -> int:
        if self._is_gone:
            return 0
        deliveries = await self._store.claim_deliveries(self.name, limit)
        for delivery in deliveries:
            self._window.add(len(delivery.event.document))
            self.push(delivery)
        return len(deliveries)

    async def _work(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            batch = [await self._queue.get()]
            if self._workers > self._subscription.sink.concurrency:
                self._workers -= 1
                self._queue.put_nowait(batch[0])
                return
            while len(batch) < self._subscription.sink.batch_size and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            results = await self._send(batch)
            # The sink need not wait until it is written down that it has answered.
            tasks.create_task(self._settle_all(batch, results))

    async def _send(self, batch: Sequence[Delivery]) -> Sequence[SendResult]:
        if self._is_gone:
            return [Failed("the sink answered 410 Gone and is not asked again before a reload")] * len(batch)
        async with self._current_sink() as sink:
            started = time.perf_counter()
            try:
                return await sink.send([delivery.event for delivery in batch])
            except Exception as error:  # noqa: BLE001 - one sink must not stop the others
                _log.exception("sink_failed", sink=self.name)
                return [Failed(f"internal error: {type(error).__name__}")] * len(batch)
            finally:
                metrics.delivery_seconds(self.name).observe(time.perf_counter() - started)

    @asynccontextmanager
    async def _current_sink(self) -> AsyncIterator[Sink]:
        """Hold the sink in force; one that was replaced meanwhile is closed by its last user."""
        sink = self._subscription.sink
        self._in_use[sink] += 1
        try:
            yield sink
        finally:
            self._in_use[sink] -= 1
            if not self._in_use[sink]:
                del self._in_use[sink]
                if sink is not self._subscription.sink:
                    await sink.close()

    async def _settle_all(self, batch: Sequence[Delivery], results: Sequence[SendResult]) -> None:
        settled = [(one, self._judge(one, result)) for one, result in zip(batch, results, strict=True)]
        self.is_failing = isinstance(results[-1], Failed)
        metrics.sink_failing(self.name).set(self.is_failing)
        for state, count in Counter([settlement.state for _, settlement in settled]).items():
            metrics.deliveries(self.name, _COUNTED_AS[state]).inc(count)
        await store_all(self._store_settlements, settled, self._forget)

    async def _store_settlements(self, settled: Sequence[tuple[Delivery, Settlement]]) -> Sequence[StoreError | None]:
        return await self._store.settle_all([settlement for _, settlement in settled])

    def _forget(self, settled: tuple[Delivery, Settlement], _: None) -> None:
        # CRASH HERE: nothing repeats.
        self.release(settled[0].event)

    def _judge(self, delivery: Delivery, result: SendResult) -> Settlement:
        key = (delivery.event.id, delivery.sink)
        about = {"sink": self.name, "event_id": delivery.event.id, "attempt": delivery.attempt}
        match result:
            case Delivered():
                _log.info("delivered", **about)
                return Settlement.delivered(key, delivery.attempt)
            case Failed():
                if result.is_gone and not self._is_gone:
                    self._is_gone = True
                    _log.error("sink_gone", sink=self.name, error=result.error, remedy="mend the sink, then reload")
                delay = next_delay_seconds(
                    delivery.attempt, result, chance=self._chance(), retry_seconds=self._subscription.retry_seconds
                )
                if delay is None:
                    _log.error("delivery_dead", error=result.error, **about)
                    return Settlement.dead(key, delivery.attempt, error=result.error)
                _log.warning("delivery_failed", error=result.error, retry_seconds=round(delay, 1), **about)
                return Settlement.retry(key, delivery.attempt, after=timedelta(seconds=delay), error=result.error)
