"""Read the configuration: one TOML file, the environment, files with secrets.

Every key has a default, so no configuration at all is a valid one. What is
wrong is said with file, key and remedy; all of it at once, not one by one.
"""

from bounced.config.loading import Config, load
from bounced.config.sections import ReceiveLimits, Retention
from bounced.config.sinks import (
    BrokerSink,
    JsonlSink,
    KafkaSink,
    NatsSink,
    RabbitmqSink,
    RedisSink,
    SinkSection,
    WebhookSink,
)
from bounced.config.verp import Verp

__all__ = [
    "BrokerSink",
    "Config",
    "JsonlSink",
    "KafkaSink",
    "NatsSink",
    "RabbitmqSink",
    "ReceiveLimits",
    "RedisSink",
    "Retention",
    "SinkSection",
    "Verp",
    "WebhookSink",
    "load",
]
