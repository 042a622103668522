"""Put the daemon together and run it.

The order matters. Start: the store, what happens to messages and events, the
admin server, and only then the listeners, so that nothing is accepted that nobody works on.
Stop: the listeners, then what is in memory, the admin server, then the store; what is not
finished in time is finished by the next start.
"""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from bounced import log, receive
from bounced.admin.server import Address as AdminAddress
from bounced.admin.server import AdminServer
from bounced.admin.tokens import Tokens
from bounced.classify import Knowledge
from bounced.config import Config, JsonlSink, Retention, SinkSection, WebhookSink, load
from bounced.deliver.jsonl import JsonlFile, JsonlStream
from bounced.deliver.sink import Sink
from bounced.deliver.webhook import Webhook
from bounced.errors import BouncedError, ConfigurationError
from bounced.flow import upkeep
from bounced.flow.incoming import Incoming
from bounced.flow.outgoing import Feed, Outgoing, Subscription
from bounced.identify import read_return_path
from bounced.model import Envelope, Understanding
from bounced.pipeline import make_knowledge, understand
from bounced.store import Horizon, Store

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


def make_reader(config: Config, knowledge: Knowledge) -> Callable[[bytes, Envelope | None], Understanding]:
    """Return the function that understands a message, and its envelope where that is known, as configured.

    Raises:
        ConfigurationError: A key or a pattern for return paths cannot be used.
    """
    verp = config.verp.read_settings()

    def read(raw: bytes, envelope: Envelope | None) -> Understanding:
        return understand(
            raw,
            knowledge=knowledge,
            profile=config.classify.profile,
            headers=config.classify.headers,
            recipients=envelope.recipients if envelope else (),
            verp=verp,
            # The day on which it came: to read it again later gives the same.
            today=envelope.received_at.astimezone(UTC).date() if envelope else None,
        )

    return read


class Admission:
    """Tells genuine recipients from others, as configured last.

    Raises:
        ConfigurationError: A key, a pattern or a domain cannot be used.
    """

    def __init__(self, config: Config) -> None:
        self.renew(config)

    def renew(self, config: Config) -> None:
        """Take over keys, domains and mode."""
        domains = config.verp.domains if config.verp.mode == "enforce" else []
        written_out = [pattern for pattern in config.receive.recipients if "@" in pattern and "*" not in pattern]
        settings, guarded = config.verp.read_settings(), receive.Recipients(domains)
        always = receive.Recipients([*written_out, *(f"postmaster@{domain}" for domain in domains)])
        self._settings, self._guarded, self._always = settings, guarded, always

    def __call__(self, address: str) -> bool:
        """Return whether `address`, whom we take mail for, is genuine or need not be."""
        if not self._guarded.accepts(address) or self._always.accepts(address):
            return True
        verp = read_return_path(address, self._settings, today=_clock().date())
        return verp is not None and verp.is_verified


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


def make_receive_settings(config: Config, admission: Admission) -> receive.Settings:
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
        admits=admission,
        tls=tls,
    )


def make_admin_address(config: Config) -> AdminAddress | None:
    """Return where the admin server listens; None where there is to be none.

    Raises:
        ConfigurationError: It is no address.
    """
    return AdminAddress.parse(config.admin.listen) if config.admin.listen else None


async def open_store(config: Config) -> Store:
    """Open the store as its daemon.

    Raises:
        ConfigurationError: The URL cannot be used, or a newer version wrote the database.
        StoreError: The store cannot be opened.
    """
    return await Store.open(
        config.store.url.get_secret_value(),
        owner=config.owner,
        lease_seconds=config.store.lease_seconds,
        exclusive=True,
        policy=config.policy,
        pseudonymize=config.store.pseudonymize,
    )


def make_horizon(retention: Retention, now: datetime) -> Horizon:
    """Return before which time finished work is forgotten."""

    def before(days: float | None) -> datetime:
        return now - timedelta(days=retention.days if days is None else days)

    return Horizon(
        messages=before(retention.messages_days),
        reports=before(retention.reports_days),
        events=before(retention.events_days),
        recipients=before(retention.recipients_days),
    )


def prove(config: Config) -> None:
    """Build every part that a daemon with this configuration needs, and open none.

    Raises:
        ConfigurationError: A value cannot be used.
        KnowledgeError: A rule file is malformed.
    """
    make_receive_settings(config, Admission(config))
    for text in config.receive.listen:
        receive.Endpoint.parse(text)
    for section in config.sink:
        make_subscription(section)
    make_admin_address(config)
    Tokens(config.admin.read_tokens())
    read_knowledge(config)


class Daemon:
    """The parts of a running daemon that outlive a reload.

    Attributes:
        servers: The open listeners, with their addresses.
        admin: The open admin server; None where there is none.
    """

    def __init__(
        self,
        config: Config,
        incoming: Incoming,
        outgoing: Outgoing,
        settings: receive.Settings,
        admission: Admission,
        servers: receive.Servers,
        admin: AdminServer | None,
    ) -> None:
        self._config, self._incoming, self._outgoing, self._settings = config, incoming, outgoing, settings
        self._admission, self.servers, self.admin = admission, servers, admin

    async def until_idle(self) -> None:
        """Wait until every message in memory is concluded and every event of it settled."""
        await self._incoming.until_idle()
        await self._outgoing.until_idle()

    async def reload(self, config: Config) -> None:
        """Take over rules, certificate, tokens, keys of return paths, and the settings of the sinks that exist.

        Raises:
            BouncedError: Something cannot be used; all of it stays as it was.
        """
        knowledge = read_knowledge(config)
        subscriptions = [
            make_subscription(section)
            for section in config.sink
            if section.name in {known.name for known in self._config.sink} and section not in self._unchanged(config)
        ]
        tokens, read = Tokens(config.admin.read_tokens()), make_reader(config, knowledge)
        self._admission.renew(config)
        if self._settings.tls:
            self._settings.tls.reload()
        if self.admin:
            self.admin.tokens = tokens
        self._incoming.read = read
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
    admission = Admission(config)
    settings = make_receive_settings(config, admission)
    endpoints = [receive.Endpoint.parse(text) for text in config.receive.listen]
    subscriptions = [make_subscription(section) for section in config.sink]
    read = make_reader(config, read_knowledge(config))
    address, tokens = make_admin_address(config), Tokens(config.admin.read_tokens())
    async with await open_store(config) as store:
        if released := await store.release_own():
            _log.info("work_taken_up", count=released)
        if retired := await store.retire_deliveries([one.sink.name for one in subscriptions]):
            _log.warning("deliveries_retired", count=retired, remedy="bounced deliveries retry, once the sink is back")
        outgoing = Outgoing(Feed(store, one, clock=_clock, chance=random.random) for one in subscriptions)
        incoming = Incoming(store, outgoing, read=read, source=f"/bounced/{config.receive.hostname}")
        loops = (
            outgoing.run(),
            incoming.run(),
            upkeep.run(
                store,
                held=lambda: (incoming.held, outgoing.held),
                lease_seconds=config.store.lease_seconds,
                horizon=partial(make_horizon, config.retention),
                clock=_clock,
            ),
        )
        admin = AdminServer(address, store, tokens) if address else None
        async with _in_background(loops), admin or nullcontext():
            servers = await receive.serve(endpoints, settings, incoming.accept)
            try:
                daemon = Daemon(config, incoming, outgoing, settings, admission, servers, admin)
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
