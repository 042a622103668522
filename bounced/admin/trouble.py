"""Say what is wrong now, in words for people, and what to do."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlencode

import tomli

from bounced.classify import Knowledge
from bounced.model import Fault
from bounced.shipped import read_text
from bounced.spikes import Spike
from bounced.store import Backlog, SinkState

_MANY_MESSAGES, _MANY_DELIVERIES, _MANY_UNCOUNTED = 1000, 5000, 5000


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that an operator should look at.

    Attributes:
        title: What is wrong.
        detail: How it shows.
        remedy: What to do.
        path: The page that shows more; None where there is none.
        postmaster: The provider's page for senders; None where it has none, or is not involved.
    """

    title: str
    detail: str
    remedy: str
    path: str | None = None
    postmaster: str | None = None


def find_trouble(
    backlog: Backlog, sinks: Sequence[SinkState], spikes: Sequence[Spike], uncounted: int, knowledge: Knowledge
) -> list[Trouble]:
    """Return what is wrong, the most urgent first."""
    return [
        *_failing_sinks(sinks, backlog),
        *_blocks(spikes, knowledge),
        *_backlogs(backlog, uncounted),
        *_dead_letters(backlog),
    ]


def _failing_sinks(sinks: Sequence[SinkState], backlog: Backlog) -> Iterator[Trouble]:
    for sink in sinks:
        waiting = backlog.pending.get(sink.sink, 0)
        if sink.is_failing and waiting:
            yield Trouble(
                f"The sink {sink.sink} does not take events",
                f"{waiting:,} wait for it. The latest attempt met: {sink.error}",
                "Mend the consumer. Nothing is lost: events are tried again, then kept as dead letters.",
                _path("/deliveries", state="pending", sink=sink.sink),
            )


def _blocks(spikes: Sequence[Spike], knowledge: Knowledge) -> Iterator[Trouble]:
    for spike in spikes:
        provider, reason = knowledge.rules.providers.get(spike.provider), knowledge.tables.reasons.get(spike.reason)
        name = provider.label if provider else spike.provider
        is_ours = reason is not None and reason.fault in (Fault.SENDER, Fault.MESSAGE)
        since = "in this hour" if spike.hours == 0 else f"{spike.hours} h ago"
        yield Trouble(
            f"{name} has begun to refuse our mail" if is_ours else f"{name} returns more mail than usual",
            f"{reason.label if reason else spike.reason}: {spike.count:,} since it began {since}; "
            f"{spike.usual:,} in two hours are usual.",
            _remedies().get(spike.reason, "Read what its servers say."),
            _path("/events", provider=spike.provider, reason=spike.reason),
            provider.postmaster if provider else None,
        )


def _backlogs(backlog: Backlog, uncounted: int) -> Iterator[Trouble]:
    if backlog.messages >= _MANY_MESSAGES:
        yield Trouble(
            f"{backlog.messages:,} messages wait to be read",
            "They are safe. More comes in than is worked off, or the daemon has just started.",
            "If the number grows for long, look at the log and at the load of this host.",
        )
    pending = sum(backlog.pending.values())
    if pending >= _MANY_DELIVERIES:
        yield Trouble(
            f"{pending:,} deliveries wait",
            "Sinks take less than comes in: " + _write_counts(backlog.pending),
            "Raise concurrency or batch_size of the sink, or make its consumer faster.",
            "/deliveries?state=pending",
        )
    if uncounted >= _MANY_UNCOUNTED:
        yield Trouble(
            f"{uncounted:,} events are not counted yet",
            "The numbers and the search on these pages lag behind; after an upgrade that is so for some minutes.",
            "Wait. If the number grows, look at the log for events_not_counted.",
        )


def _dead_letters(backlog: Backlog) -> Iterator[Trouble]:
    for sink, count in sorted(backlog.dead.items()):
        yield Trouble(
            f"{count:,} dead {'letter' if count == 1 else 'letters'} to {sink}",
            "The sink refused them for good, or for longer than they are tried.",
            "Mend the consumer, then send them again.",
            _path("/deliveries", sink=sink),
        )


def _path(path: str, **query: str) -> str:
    return f"{path}?{urlencode(query)}"


def _write_counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))


@cache
def _remedies() -> dict[str, str]:
    return tomli.loads(read_text("bounced.admin", "remedies.toml"))
