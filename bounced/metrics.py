"""What can be measured, all of it in one place.

Labels are taken from closed sets: our own words, the rules' and the
configuration's; never an address, a domain or anything else that a stranger
wrote. Where something happens once per message, its child is looked up once.
"""

from collections.abc import Mapping
from functools import cache

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from bounced import __version__

CONTENT_TYPE = CONTENT_TYPE_LATEST
_MILLISECOND = 0.001
_OF_A_COMMIT = tuple(
    each * _MILLISECOND for each in (0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000)
)
_OF_A_GROUP = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_OF_A_READING = tuple(each * _MILLISECOND for each in (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 50, 100, 500, 1000, 5000))
_OF_AN_ATTEMPT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60)

REGISTRY = CollectorRegistry()
# There would be a second series for each one, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call] # the library has no types here
ProcessCollector(registry=REGISTRY)
Info("bounced_build", "The version that runs.", registry=REGISTRY).info({"version": __version__})


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(f"bounced_{name}", text, labels, registry=REGISTRY)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(f"bounced_{name}", text, labels, registry=REGISTRY)


def _histogram(name: str, text: str, *labels: str, buckets: tuple[float, ...]) -> Histogram:
    return Histogram(f"bounced_{name}", text, labels, buckets=buckets, registry=REGISTRY)


# receive
_connections = _counter("connections", "Connections of SMTP and LMTP clients.", "protocol")
_sessions = _gauge("sessions", "Connections that are open now.", "protocol")
_refusals = _counter("refusals", "Commands and messages that were refused, by our reply.", "reply")
_sessions_cut_off = _counter("sessions_cut_off", "Connections that were cut off without a reply, by cause.", "cause")
messages_accepted = _counter("messages_accepted", "Messages that were answered 250, repeats included.")
accepted_bytes = _counter("accepted_bytes", "Octets of the messages that were answered 250.")

# store
commit_seconds = _histogram("commit_seconds", "How long a transaction of the writer took.", buckets=_OF_A_COMMIT)
commit_operations = _histogram("commit_operations", "How many operations shared a transaction.", buckets=_OF_A_GROUP)
_commit_failures = _counter("commit_failures", "Transactions that failed, by whose trouble it was.", "trouble")
store_writable = _gauge("store_writable", "1 if the last write to the store went well.")
_backlog_messages = _gauge("backlog_messages", "Messages in the store that are not concluded.")
_backlog_deliveries = _gauge("backlog_deliveries", "Deliveries in the store that are not settled.", "sink")
_dead_deliveries = _gauge("dead_deliveries", "Deliveries that were given up.", "sink")
_oldest_undelivered = _gauge("oldest_undelivered_seconds", "Age of the oldest event on its way; 0 if none is.", "sink")

# parse, identify, classify
read_seconds = _histogram("read_seconds", "How long it took to understand a message.", buckets=_OF_A_READING)
_messages_read = _counter("messages_read", "Messages that were understood, by what they are.", "kind")
quarantined = _counter("quarantined", "Messages that the reader failed on and that were put aside.")
_bounces = _counter("bounces", "Failed or delayed recipients.", "type", "reason", "fault", "provider")
unknown_diagnostics = _counter("unknown_diagnostics", "Diagnostics whose words no rule knew.")
_events = _counter("events", "Events that were made.", "type")

# deliver
_deliveries = _counter("deliveries", "Attempts to deliver an event, by what came of them.", "sink", "result")
_delivery_seconds = _histogram("delivery_seconds", "How long a request to a sink took.", "sink", buckets=_OF_AN_ATTEMPT)
_sink_failing = _gauge("sink_failing", "1 if the last attempt of a sink failed.", "sink")

# the daemon
_flow_stuck = _gauge("flow_stuck", "1 if this stage stands still.", "stage")
_reloads = _counter("reloads", "Reloads, by what came of them.", "result")

# Children that are looked up for each message or session; the sets behind their labels are small.
connections = cache(_connections.labels)
sessions = cache(_sessions.labels)
refusals = cache(_refusals.labels)
sessions_cut_off = cache(_sessions_cut_off.labels)
commit_failures = cache(_commit_failures.labels)
messages_read = cache(_messages_read.labels)
bounces = cache(_bounces.labels)
events = cache(_events.labels)
deliveries = cache(_deliveries.labels)
delivery_seconds = cache(_delivery_seconds.labels)
sink_failing = cache(_sink_failing.labels)
flow_stuck = cache(_flow_stuck.labels)
reloads = cache(_reloads.labels)

# What is seldom counted begins at 0, or nobody could tell the first from none.
for _trouble in ("storage", "operation"):
    commit_failures(_trouble)
for _cause in ("never_reads", "too_far_ahead", "tls_handshake", "shutdown"):
    sessions_cut_off(_cause)
for _result in ("done", "refused"):
    reloads(_result)


def show_sink(name: str) -> None:
    """Begin the metrics of a sink at 0."""
    sink_failing(name).set(0)
    for result in ("delivered", "retry", "dead"):
        deliveries(name, result)


def forget_sink(name: str) -> None:
    """Stop saying how a sink does that is no more; what was counted stays."""
    _sink_failing.remove(name)
    sink_failing.cache_clear()


def show_backlog(
    messages: int, pending: Mapping[str, int], dead: Mapping[str, int], ages_seconds: Mapping[str, float]
) -> None:
    """Show what waits, by sink; a sink that none of these names is not shown any more."""
    _backlog_messages.set(messages)
    for gauge, values in (
        (_backlog_deliveries, pending),
        (_dead_deliveries, dead),
        (_oldest_undelivered, ages_seconds),
    ):
        gauge.clear()
        for sink in {*pending, *dead, *ages_seconds}:
            gauge.labels(sink).set(values.get(sink, 0))


def write() -> bytes:
    """Return all metrics as Prometheus reads them (text format 0.0.4)."""
    return generate_latest(REGISTRY)
