"""Build the sinks: one case for each type."""

from pathlib import Path

from bounced.config import JsonlSink, SinkSection, WebhookSink
from bounced.deliver.jsonl import JsonlFile, JsonlStream
from bounced.deliver.sink import Sink
from bounced.deliver.webhook import Webhook
from bounced.flow.outgoing import Subscription


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
