"""Every key can be given in the file and in the environment, and the sample file shows it."""

import json
import re
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from bounced.config import (
    Config,
    JsonlSink,
    KafkaSink,
    NatsSink,
    RabbitmqSink,
    ReceiveLimits,
    RedisSink,
    WebhookSink,
    load,
)

SAMPLE = Path(__file__).parents[2] / "config" / "bounced.toml"
# A value other than the default for each key; of the tables within tables, the whole.
VALUES = {
    "receive.hostname": "mx9.example.com",
    "receive.listen": ["lmtp+unix:///run/bounced/lmtp.sock"],
    "receive.recipients": ["bounces.example.com"],
    "receive.max_message_bytes": 1000,
    "receive.keep_bytes": 500,
    "receive.shutdown_seconds": 1.5,
    "receive.proxy_protocol_from": ["192.0.2.0/24"],
    "receive.tls": {"certificate": "/etc/tls.crt", "key": "/etc/tls.key"},
    "receive.limits": {
        "connections": 100,
        "connections_per_client": 5,
        "connections_per_minute": 6,
        "messages_per_minute": 7,
        "trusted": ["192.0.2.0/24"],
        "bytes_in_flight": 40_000_000,
        "recipients_per_message": 1000,
        "errors": 8,
        "idle_commands": 9,
        "idle_seconds": 10.5,
        "session_seconds": 11.5,
        "data_bytes_per_second": 12,
        "handshake_seconds": 13.5,
    },
    "store.url": "postgresql://bounced:secret@db.example.com/bounced",
    "store.instance": "second",
    "store.lease_seconds": 7.5,
    "store.pseudonymize": True,
    "verp.mode": "monitor",
    "verp.domains": ["bounce.example.com"],
    "verp.keys": ["a:MDEyMzQ1Njc4OWFiY2RlZg=="],
    "verp.key_files": ["verp-key"],
    "verp.prefix": "r",
    "verp.days": 40,
    "verp.patterns": ["(?P<id>[0-9]+)@lists.example.com"],
    "verp.batv_keys": ["0:secret"],
    "verp.srs_secrets": ["secret"],
    "classify.profile": "table",
    "classify.rules": "/etc/bounced/rules.d",
    "classify.headers": ["X-Campaign"],
    "admin.listen": "[::1]:9000",
    "admin.tokens": ["a-token-of-some-length"],
    "admin.token_files": ["admin-token"],
    "admin.read_tokens": ["another-token-of-some-length"],
    "admin.read_token_files": ["read-token"],
    "admin.campaign_header": "X-Campaign",
    "escalate.bounces": 7,
    "escalate.days": 2,
    "escalate.within_days": 14.5,
    "escalate.decay_days": 60.5,
    "escalate.reasons": {"mailbox_full": {"bounces": 10, "days": 5, "within_days": 45.5}},
    "log.level": "debug",
    "log.format": "json",
    "log.mask_addresses": False,
    "retention.days": 3.5,
    "retention.messages_days": 0.5,
    "retention.reports_days": 1.5,
    "retention.events_days": 2.5,
    "retention.recipients_days": 4.5,
}
FOR_EVERY_BROKER = {
    "password_file": "broker-password",
    "ca_file": "/etc/ca.crt",
    "certificate": "/etc/client.crt",
    "key": "/etc/client.key",
    "mode": "binary",
    "timeout_seconds": 1.5,
    "batch_size": 7,
}
SINKS = {
    JsonlSink: {"name": "archive", "type": "jsonl", "path": "/var/log/events.jsonl", "batch_size": 7},
    WebhookSink: {
        "name": "app",
        "type": "webhook",
        "url": "https://user:secret@app.example.com/",
        "secrets": ["whsec_bm90IHNvIHNlY3JldCBhcyBpdCBzZWVtcw=="],
        "secret_files": ["app-secret"],
        "timeout_seconds": 1.5,
        "allow_private_addresses": True,
        "batch_size": 7,
        "concurrency": 3,
    },
    NatsSink: {
        "name": "nats",
        "type": "nats",
        "url": "tls://token@nats.example.com",
        "stream": "returned-mail",
        "prefix": "mail.bounced",
        "duplicate_window_seconds": 60.5,
        **FOR_EVERY_BROKER,
    },
    RabbitmqSink: {
        "name": "rabbit",
        "type": "rabbitmq",
        "url": "amqps://user:secret@rabbit.example.com/mail",
        "exchange": "mail",
        **FOR_EVERY_BROKER,
    },
    RedisSink: {
        "name": "redis",
        "type": "redis",
        "url": "rediss://redis.example.com/1",
        "stream": "mail:bounced",
        "max_length": 1000,
        **FOR_EVERY_BROKER,
    },
    KafkaSink: {
        "name": "kafka",
        "type": "kafka",
        "url": "kafka+tls://user:secret@kafka.example.com",
        "topic": "mail",
        "sasl_mechanism": "PLAIN",
        **FOR_EVERY_BROKER,
    },
}
FOR_EVERY_SINK = {"types": ["bounced.bounce", "bounced.delay"], "retry_seconds": [0.5, 1.5]}


def plain(value):
    """Return a configured value as it was written."""
    match value:
        case SecretStr():
            return value.get_secret_value()
        case BaseModel():
            return {name: plain(getattr(value, name)) for name in type(value).model_fields}
        case list():
            return [plain(item) for item in value]
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case Path():
            return str(value)
        case _:
            return value


def toml(value):
    """Write a value as it stands behind its key."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + "}"
    return json.dumps(value)


def keys_of(section):
    return list(type(section).model_fields)


def all_keys():
    config = Config()
    return {f"{name}.{key}" for name in keys_of(config) if name != "sink" for key in keys_of(getattr(config, name))}


def look_up(config, key):
    section, name = key.split(".")
    return plain(getattr(getattr(config, section), name))


def test_this_table_has_every_key():
    assert set(VALUES) == all_keys()
    for kind, values in SINKS.items():
        assert {*values, *FOR_EVERY_SINK} == set(kind.model_fields)


@pytest.mark.parametrize("key", VALUES)
def test_a_key_can_be_given_in_the_file(key, load_text):
    value = VALUES[key]
    assert look_up(load(None), key) != value
    section, name = key.split(".")
    if isinstance(value, dict):
        text = f"[{key}]\n" + "\n".join(f"{name} = {toml(each)}" for name, each in value.items())
    else:
        text = f"[{section}]\n{name} = {json.dumps(value)}"
    assert look_up(load_text(text), key) == value


@pytest.mark.parametrize("key", VALUES)
def test_a_key_can_be_given_in_the_environment(key, load_environment):
    name, value = "BOUNCED_" + key.upper().replace(".", "__"), VALUES[key]
    parts = {f"{name}__{part.upper()}": text for part, text in value.items()} if isinstance(value, dict) else None
    assert look_up(load_environment(**(parts or {name: value})), key) == value


@pytest.mark.parametrize("kind", SINKS)
def test_every_key_of_a_sink_can_be_given_in_the_file(kind, load_text):
    values = SINKS[kind] | FOR_EVERY_SINK
    [sink] = load_text("[[sink]]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items())).sink
    assert plain(sink) == values


@pytest.mark.parametrize("kind", SINKS)
def test_every_key_of_a_sink_can_be_given_in_the_environment(kind, load_environment):
    values = SINKS[kind] | FOR_EVERY_SINK
    [sink] = load_environment(BOUNCED_SINK=[values]).sink
    assert plain(sink) == values


def named_in_sample():
    """Return every key of the sample, also of the lines that are commented out."""
    section = ""
    for line in SAMPLE.read_text(encoding="utf-8").splitlines():
        heading = re.fullmatch(r"(?:# ?)?\[{1,2}([a-z_.]+)\]{1,2}", line)
        key = re.match(r"(?:# ?)?([a-z_]+) = ", line)
        if heading:
            section = heading[1]
        elif key:
            yield f"{section}.{key[1]}"


def test_the_sample_names_every_key_and_no_other():
    of_tls = {"receive.tls.certificate", "receive.tls.key"}
    of_limits = {f"receive.limits.{key}" for key in ReceiveLimits.model_fields}
    of_sinks = {f"sink.{key}" for kind in SINKS for key in kind.model_fields}
    of_reasons = {"escalate.reasons.mailbox_full.bounces"}
    tables = {"receive.tls", "receive.limits", "escalate.reasons"}
    assert set(named_in_sample()) == all_keys() - tables | of_tls | of_limits | of_reasons | of_sinks


def test_the_sample_shows_the_defaults():
    assert plain(load(SAMPLE)) == plain(load(None))
