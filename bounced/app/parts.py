"""Build what a daemon is made of from its configuration."""

from datetime import datetime, timedelta

from bounced import receive
from bounced.admin.server import Address as AdminAddress
from bounced.admin.tokens import Tokens
from bounced.app.admission import Admission
from bounced.app.reading import read_knowledge
from bounced.app.sinks import make_subscription
from bounced.config import Config, ReceiveLimits, Retention
from bounced.store import Horizon, Store
from bounced.store.connect import prove as prove_store


def make_receive_settings(config: Config, admission: Admission) -> receive.Settings:
    """Build what SMTP and LMTP sessions need to know.

    Raises:
        ConfigurationError: A recipient pattern, a network or the certificate cannot be used.
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
        limits=_make_limits(section.limits),
        proxies=receive.Networks(section.proxy_protocol_from, where="receive.proxy_protocol_from"),
    )


def _make_limits(section: ReceiveLimits) -> receive.Limits:
    values = {name: getattr(section, name) for name in type(section).model_fields}
    return receive.Limits(**values | {"trusted": receive.Networks(section.trusted, where="receive.limits.trusted")})


def make_admin_address(config: Config) -> AdminAddress | None:
    """Return where the admin server listens; None where there is to be none.

    Raises:
        ConfigurationError: It is no address.
    """
    return AdminAddress.parse(config.admin.listen) if config.admin.listen else None


def make_tokens(config: Config) -> Tokens:
    """Return who may ask the admin server.

    Raises:
        ConfigurationError: A token is too weak, or its file cannot be read.
    """
    return Tokens(config.admin.load_tokens(), config.admin.load_read_tokens())


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
    make_tokens(config)
    prove_store(config.store.url.get_secret_value())
    read_knowledge(config)
