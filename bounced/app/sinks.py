"""Build the sinks: one case for each type."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from bounced import log
from bounced.config import (
    BrokerSink,
    JsonlSink,
    KafkaSink,
    NatsSink,
    RabbitmqSink,
    RedisSink,
    SinkSection,
    WebhookSink,
)
from bounced.deliver.broker import Broker, Scheme, TlsFiles
from bounced.deliver.cloudevents import Mode
from bounced.deliver.jsonl import JsonlFile, JsonlStream
from bounced.deliver.sink import Sink
from bounced.deliver.webhook import Webhook
from bounced.errors import ConfigurationError
from bounced.flow.outgoing import Subscription

_log = log.get("deliver")

_BrokerSection = NatsSink | RabbitmqSink | RedisSink | KafkaSink


class _How(TypedDict):
    """What the sinks of all brokers are told."""

    mode: Mode
    timeout_seconds: float
    batch_size: int


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
            secrets = section.read_secrets()
            if not secrets:
                _log.warning("webhook_not_signed", sink=section.name, remedy="give it secrets, or secret_files")
            return Webhook(
                section.name,
                section.url.get_secret_value(),
                secrets=secrets,
                timeout_seconds=section.timeout_seconds,
                allow_private_addresses=section.allow_private_addresses,
                batch_size=section.batch_size,
                concurrency=section.concurrency,
            )
        case NatsSink() | RabbitmqSink() | RedisSink() | KafkaSink():
            with _extra(section):
                return _make_broker_sink(section)


@contextmanager
def _extra(section: _BrokerSection) -> Iterator[None]:
    """Say which extra a sink needs whose library is missing; each has the name of the sink's type."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"the library for {section.type} is not installed ({error.name})",
            where=f'sink "{section.name}", type',
            remedy=f"pip install 'bounced[{section.type}]'",
        ) from error


def _make_broker_sink(section: _BrokerSection) -> Sink:
    how = _How(mode=section.mode, timeout_seconds=section.timeout_seconds, batch_size=section.batch_size)
    match section:
        case NatsSink():
            from bounced.deliver import nats

            return nats.Nats(
                section.name,
                _find_broker(section, nats.SCHEME),
                stream=section.stream,
                prefix=section.prefix,
                duplicate_window_seconds=section.duplicate_window_seconds,
                **how,
            )
        case RabbitmqSink():
            from bounced.deliver import rabbitmq

            broker = _find_broker(section, rabbitmq.SCHEME)
            return rabbitmq.Rabbitmq(section.name, broker, exchange=section.exchange, **how)
        case RedisSink():
            from bounced.deliver import redis

            broker = _find_broker(section, redis.SCHEME)
            return redis.Redis(section.name, broker, stream=section.stream, max_length=section.max_length, **how)
        case KafkaSink():
            from bounced.deliver import kafka

            broker = _find_broker(section, kafka.SCHEME)
            mechanism = section.sasl_mechanism
            return kafka.Kafka(section.name, broker, topic=section.topic, sasl_mechanism=mechanism, **how)


def _find_broker(section: BrokerSink, scheme: Scheme) -> Broker:
    return Broker.parse(
        section.url.get_secret_value(),
        scheme,
        sink=section.name,
        password=section.read_password(),
        files=TlsFiles(section.ca_file, section.certificate, section.key),
    )
