"""Put the parts together, run them, and take them apart again.

The order matters. Start: the store, what happens to messages and events, and only then the
listeners, so that nothing is accepted that nobody works on; the admin server comes last.
Stop: the listeners, then what is in memory, the admin server, then the store; what is not
finished in time is finished by the next start.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Collection, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from bounced import log, receive, systemd
from bounced.admin.server import AdminServer
from bounced.admin.sources import Sources
from bounced.app.admission import Admission
from bounced.app.changes import find_unapplied
from bounced.app.parts import make_admin_address, make_horizon, make_receive_settings, make_tokens, open_store
from bounced.app.reading import make_recipe, prove_knowledge
from bounced.app.sinks import make_subscription
from bounced.app.vitals import Vitals
from bounced.config import Config, SinkSection
from bounced.errors import ConfigurationError, StoreError
from bounced.flow import measuring, upkeep
from bounced.flow.incoming import Incoming
from bounced.flow.outgoing import Feed, Outgoing, Subscription
from bounced.flow.pulse import Pulse
from bounced.flow.reader import Reader
from bounced.store import Store
from bounced.tallies import summarize

_log = log.get("app")

_WATCHDOG_SECONDS = 60.0  # where nobody asks for another time


def _clock() -> datetime:
    return datetime.now(UTC)


@dataclass(eq=False)
class Daemon:
    """The parts of a running daemon that outlive a reload.

    Attributes:
        config: What is in force.
        servers: The open listeners, with their addresses.
        admin: The open admin server; None where there is none.
    """

    config: Config
    store: Store
    incoming: Incoming
    reader: Reader
    outgoing: Outgoing
    settings: receive.Settings
    admission: Admission
    servers: receive.Servers
    admin: AdminServer | None

    def __post_init__(self) -> None:
        self._started = self.config

    async def until_idle(self) -> None:
        """Wait until every message in memory is concluded and every event of it settled."""
        await self.incoming.until_idle()
        await self.outgoing.until_idle()

    async def reload(self, config: Config) -> None:
        """Take over rules, certificate, tokens, keys of return paths, thresholds and sinks; name what needs a restart.

        Raises:
            BouncedError: Something cannot be used; all of it stays as it was.
        """
        recipe = make_recipe(config)
        knowledge = prove_knowledge(recipe)
        subscriptions = [
            make_subscription(section) for section in config.sink if section not in self._unchanged(config)
        ]
        tokens = make_tokens(config)
        self.admission.renew(config)
        if self.settings.tls:
            self.settings.tls.reload()
        if self.admin:
            self.admin.sources.tokens, self.admin.sources.knowledge = tokens, knowledge
        self.reader.replace(recipe)
        self.store.judge_by(config.policy)
        await self._change_sinks({section.name for section in config.sink}, subscriptions)
        self.config = config
        if unapplied := sorted(find_unapplied(self._started, config)):
            _log.warning("restart_needed", keys=unapplied, consequence="these stay as they were at the start")

    async def _change_sinks(self, names: Collection[str], subscriptions: Sequence[Subscription]) -> None:
        known = {section.name for section in self.config.sink}
        for name in sorted(known.difference(names)):
            await self.outgoing.remove(name)
            _log.info("sink_removed", sink=name)
        await self.outgoing.replace([one for one in subscriptions if one.sink.name in known])
        for subscription in subscriptions:
            if subscription.sink.name not in known:
                self.outgoing.add(_make_feed(self.store, subscription))
                _log.info("sink_added", sink=subscription.sink.name)
        self.outgoing.resume()
        if known.difference(names):
            try:
                await _retire_orphans(self.store, names)
            except StoreError as error:
                _log.warning("deliveries_not_retired", error=str(error), consequence="the next start does it")

    def _unchanged(self, config: Config) -> list[SinkSection]:
        """Sinks whose section is the same, and that read no files, which may have changed."""
        return [section for section in config.sink if section in self.config.sink and not section.reads_files]


def _make_feed(store: Store, subscription: Subscription) -> Feed:
    """Return what feeds one sink."""
    return Feed(store, subscription, chance=random.random)


async def _retire_orphans(store: Store, sinks: Collection[str]) -> None:
    """Give up the deliveries to sinks that are no more."""
    if retired := await store.retire_deliveries(sinks):
        _log.warning("deliveries_retired", count=retired, remedy="bounced deliveries retry, once the sink is back")


@asynccontextmanager
async def running(config: Config) -> AsyncIterator[Daemon]:
    """Run the daemon while the context lasts; leaving it drains and stops within the configured time.

    Raises:
        ConfigurationError: The configuration cannot be used.
        StoreError: The store cannot be opened.
    """
    admission = Admission(config)
    settings = make_receive_settings(config, admission)
    endpoints = [receive.Endpoint.parse(text) for text in config.receive.listen]
    subscriptions = [make_subscription(section) for section in config.sink]
    recipe, source = make_recipe(config), f"/bounced/{config.receive.hostname}"
    knowledge = prove_knowledge(recipe)
    address, tokens = make_admin_address(config), make_tokens(config)
    with Reader(recipe, source=source) as reader:  # it starts while the store is opened
        async with await open_store(config) as store:
            if released := await store.release_own():
                _log.info("work_taken_up", count=released)
            await _retire_orphans(store, [one.sink.name for one in subscriptions])
            outgoing = Outgoing(_make_feed(store, one) for one in subscriptions)
            incoming = Incoming(store, outgoing, read=reader.read, source=source)
            watchdog_seconds = systemd.watchdog_seconds() or _WATCHDOG_SECONDS
            pulse = Pulse(store, incoming, patience_seconds=watchdog_seconds / 2)
            vitals = Vitals(pulse, outgoing)
            beating = pulse.run(interval_seconds=watchdog_seconds / 4, on_beat=systemd.feed_watchdog)
            loops = (outgoing.run(), incoming.run(), beating, *_keep_up(config, store, incoming, outgoing))
            admin = AdminServer(address, Sources(store, tokens, knowledge, vitals)) if address else None
            async with _giving_back(store), _in_background(loops):
                servers = await receive.serve(endpoints, settings, incoming.accept, inherited=systemd.take_sockets())
                vitals.servers = servers
                try:
                    async with admin or nullcontext():
                        daemon = Daemon(config, store, incoming, reader, outgoing, settings, admission, servers, admin)
                        yield daemon
                        servers.stop_listening()
                        await _drain(daemon, config.receive.shutdown_seconds)
                finally:
                    servers.stop_listening()
                    reader.close()


def _keep_up(
    config: Config, store: Store, incoming: Incoming, outgoing: Outgoing
) -> tuple[Coroutine[None, None, None], ...]:
    """Return the loops that do what time asks for."""
    kept_up = upkeep.run(
        store,
        held=lambda: (incoming.held, outgoing.held),
        lease_seconds=config.store.lease_seconds,
        horizon=partial(make_horizon, config.retention),
        summarize=partial(summarize, campaign_header=config.admin.campaign_header),
        clock=_clock,
    )
    return kept_up, measuring.run(store, sinks=lambda: outgoing.sinks, clock=_clock)


@asynccontextmanager
async def _giving_back(store: Store) -> AsyncIterator[None]:
    """Give back what is unfinished at the end, also of a start that fails.

    What nobody foresaw may be the fault of a message: that attempt counts.
    """
    try:
        yield
    except ConfigurationError:
        await _give_back(store)
        raise
    await _give_back(store)


async def _give_back(store: Store) -> None:
    try:
        await store.release_own(is_ending=True)
    except StoreError as error:
        _log.warning("work_not_given_back", error=str(error), consequence="the next start takes it up")


@asynccontextmanager
async def _in_background(loops: Iterable[Coroutine[None, None, None]]) -> AsyncIterator[None]:
    """Run endless loops beside the context; the failure of one ends everything."""
    try:
        async with asyncio.TaskGroup() as tasks:
            running_loops = [tasks.create_task(loop) for loop in loops]
            try:
                yield
            finally:
                for task in running_loops:
                    task.cancel()
    except ExceptionGroup as group:
        # A group is made even of what the context alone raised, such as a port that is taken.
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from None
        raise


async def _drain(daemon: Daemon, seconds: float) -> None:
    """Finish sessions, then messages, then deliveries, as far as the time allows."""
    deadline = asyncio.get_running_loop().time() + seconds
    await daemon.servers.drain(seconds / 2)
    try:
        async with asyncio.timeout_at(deadline):
            await daemon.until_idle()
    except TimeoutError:
        _log.warning("stopped_with_work_left", remedy="nothing is lost: the next start goes on with it")
