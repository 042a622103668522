"""Put the daemon together and run it.

The order matters. Start: the store, what happens to messages and events, and
only then the listeners, so that nothing is accepted that nobody works on.
Stop: the listeners, then what is in memory, then the store; what is not
finished in time is finished by the next start.
"""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bounced import log, receive
from bounced.classify import Knowledge
from bounced.config import Config, JsonlSink, SinkSection, WebhookSink, load
from bounced.deliver.jsonl import JsonlFile, JsonlStream
from bounced.deliver.sink import Sink
from bounced.deliver.webhook import Webhook
from bounced.errors import BouncedError, ConfigurationError
from bounced.flow import upkeep
from bounced.flow.incoming import Incoming, Read
from bounced.flow.outgoing import Feed, Outgoing, Subscription
from bounced.model import Understanding
from bounced.pipeline import make_knowledge, understand
from bounced.store import Store

_log = log.get("app")


def _clock() -> datetime:
    return datetime.now(UTC)


def read_knowledge(config: Config) -> Knowledge:
    """Return the tables and rules in force: the operator's rules first, then those of the package.

    Raises:
        ConfigurationError: The directory of rules cannot be read.
        KnowledgeError: A rule file is malformed.
    """
    directory = config.classify.rules
    if directory is None:
        return make_knowledge()
    try:
        # A glob would find nothing in a directory that is not there, and say nothing.
        paths = sorted(path for path in directory.iterdir() if path.suffix == ".toml")
        files = {path.name: path.read_text(encoding="utf-8") for path in paths}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            str(error), where="classify.rules", remedy="name a directory with readable *.toml files"
        ) from error
    return make_knowledge(files)


def make_reader(config: Config, knowledge: Knowledge) -> Read:
    """Return the function that understands a message as configured."""

    def read(raw: bytes) -> Understanding:
        return understand(raw, knowledge=knowledge, profile=config.classify.profile, headers=config.classify.headers)

    return read


def make_subscription(section: SinkSection) -> Subscription:
    """Build a sink from its section.

    Raises:
        ConfigurationError: The section cannot be used.
    """
    types = None if section.types is None else frozenset(section.types)
    return Subscription(_make_sink(section), types, tuple(section.retry_seconds))


def _make_sink(section: SinkSection) -> Sink:
    match section:
        case JsonlSink(path="-"):
            return JsonlStream(section.name, batch_size=section.batch_size)
        case JsonlSink():
            return JsonlFile(section.name, Path(section.path), batch_size=section.batch_size)
        case WebhookSink():
            return Webhook(
                section.name,
                section.url.get_secret_value(),
                secrets=section.read_secrets(),
                timeout_seconds=section.timeout_seconds,
                allow_private_addresses=section.allow_private_addresses,
                batch_size=section.batch_size,
                concurrency=section.concurrency,
            )


def make_receive_settings(config: Config) -> receive.Settings:
    """Build what SMTP and LMTP sessions need to know.

    Raises:
        ConfigurationError: A recipient pattern or the certificate cannot be used.
    """
    section = config.receive
    tls = receive.Certificate(section.tls.certificate, section.tls.key) if section.tls else None
    return receive.Settings(
        hostname=section.hostname,
        recipients=receive.Recipients(section.recipients),
        max_message_bytes=section.max_message_bytes,
        keep_bytes=section.keep_bytes,
        tls=tls,
    )


def prove(config: Config) -> None:
    """Build every part that a daemon with this configuration needs, and open none.

    Raises:
        ConfigurationError: A value cannot be used.
        KnowledgeError: A rule file is malformed.
    """
    make_receive_settings(config)
    for text in config.receive.listen:
        receive.Endpoint.parse(text)
    for section in config.sink:
        make_subscription(section)
    read_knowledge(config)


class Daemon:
    """The parts of a running daemon that outlive a reload.

    Attributes:
        servers: The open listeners, with their addresses.
    """

    def __init__(
        self,
        config: Config,
        incoming: Incoming,
        outgoing: Outgoing,
        settings: receive.Settings,
        servers: receive.Servers,
    ) -> None:
        self._config, self._incoming, self._outgoing, self._settings = config, incoming, outgoing, settings
        self.servers = servers

    async def until_idle(self) -> None:
        """Wait until every message in memory is concluded and every event of it settled."""
        await self._incoming.until_idle()
        await self._outgoing.until_idle()

    async def reload(self, config: Config) -> None:
        """Take over rules, certificate, and the settings of the sinks that exist.

        Raises:
            BouncedError: Something cannot be used; all of it stays as it was.
        """
        knowledge = read_knowledge(config)
        subscriptions = [
            make_subscription(section)
            for section in config.sink
            if section.name in {known.name for known in self._config.sink} and section not in self._unchanged(config)
        ]
        if self._settings.tls:
            self._settings.tls.reload()
        self._incoming.read = make_reader(config, knowledge)
        await self._outgoing.replace(subscriptions)
        self._outgoing.resume()
        self._config = config

    def _unchanged(self, config: Config) -> list[SinkSection]:
        """Sinks whose section is the same, and that read no secrets from files, which may have changed."""
        return [
            section
            for section in config.sink
            if section in self._config.sink and not (isinstance(section, WebhookSink) and section.secret_files)
        ]


@asynccontextmanager
async def running(config: Config) -> AsyncIterator[Daemon]:
    """Run the daemon while the context lasts; leaving it drains and stops within the configured time.

    Raises:
        ConfigurationError: The configuration cannot be used.
        StoreError: The store cannot be opened.
    """
    settings = make_receive_settings(config)
    endpoints = [receive.Endpoint.parse(text) for text in config.receive.listen]
    subscriptions = [make_subscription(section) for section in config.sink]
    read = make_reader(config, read_knowledge(config))
    url, lease_seconds = config.store.url.get_secret_value(), config.store.lease_seconds
    async with await Store.open(url, owner=config.owner, lease_seconds=lease_seconds, exclusive=True) as store:
        if released := await store.release_own():
            _log.info("work_taken_up", count=released)
        if retired := await store.retire_deliveries([one.sink.name for one in subscriptions]):
            _log.warning("deliveries_retired", count=retired, remedy="bounced deliveries retry, once the sink is back")
        outgoing = Outgoing(Feed(store, one, clock=_clock, chance=random.random) for one in subscriptions)
        incoming = Incoming(store, outgoing, read=read, source=f"/bounced/{config.receive.hostname}")
        keep = timedelta(days=config.retention.days)
        loops = (
            outgoing.run(),
            incoming.run(),
            upkeep.run(
                store, held=lambda: (incoming.held, outgoing.held), lease_seconds=lease_seconds, keep=keep, clock=_clock
            ),
        )
        async with _in_background(loops):
            servers = await receive.serve(endpoints, settings, incoming.accept)
            try:
                daemon = Daemon(config, incoming, outgoing, settings, servers)
                yield daemon
                servers.stop_listening()
                await _drain(daemon, config.receive.shutdown_seconds)
            finally:
                servers.stop_listening()
        await store.release_own()


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


async def serve(path: Path | None, *, on_ready: Callable[[Daemon], None] | None = None) -> None:
    """Run the daemon until TERM or INT; HUP reloads.

    Args:
        path: The configuration file, read again at each reload.
        on_ready: Called once when mail is taken.

    Raises:
        BouncedError: It cannot start.
    """
    config = load(path)
    log.configure(level=config.log.level, format_=config.log.format, mask=config.log.mask_addresses)
    stop = asyncio.Event()
    reload = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    async with running(config) as daemon:
        _log.info("ready", addresses=[str(address) for address in daemon.servers.addresses])
        if on_ready:
            on_ready(daemon)
        stopped = asyncio.create_task(stop.wait())
        while not stopped.done():
            reloading = asyncio.create_task(reload.wait())
            await asyncio.wait({stopped, reloading}, return_when=asyncio.FIRST_COMPLETED)
            reloading.cancel()
            if reload.is_set():
                reload.clear()
                await _reload(daemon, path)
        _log.info("stopping")
    _log.info("stopped")


async def _reload(daemon: Daemon, path: Path | None) -> None:
    try:
        await daemon.reload(load(path))
    except BouncedError as error:
        _log.error("not_reloaded", error=str(error), consequence="everything stays as it was")
    else:
        _log.info("reloaded")
