"""Notice that a provider has begun to refuse mail for a reason for which it did not before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

DAY_HOURS = 24
# A new hour has hardly begun, so two are looked at together.
_WINDOW_HOURS = 2
_LEAST = 10
_TIMES_USUAL = 3
# The usual is what one window in twenty exceeds: a campaign that goes out once a day is usual.
_USUAL_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class Spike:
    """More refusals than are usual.

    Attributes:
        provider: Who refuses.
        reason: Why.
        count: How many there were since it began.
        usual: How many are usual in two hours.
        hours: How many hours ago it began; 0 is this hour.
    """

    provider: str
    reason: str
    count: int
    usual: int
    hours: int


def find_spikes(refusals: Mapping[tuple[str, str], Sequence[int]]) -> list[Spike]:
    """Return what is unusual now, the greatest first.

    The last day is compared with the days before it, so that a block is news for a day and
    not forgotten after the first hours. Where nothing is known of the days before, nothing is unusual.

    Args:
        refusals: For each provider and reason the numbers of at least the last 48 hours, all of one
            length, the oldest first; the last hour is the one that has begun.
    """
    if not any(any(hours[:-DAY_HOURS]) for hours in refusals.values()):
        return []
    found = [spike for key, hours in refusals.items() if (spike := _find(*key, hours))]
    return sorted(found, key=lambda spike: (-spike.count / (spike.usual + 1), spike.provider, spike.reason))


def _find(provider: str, reason: str, hours: Sequence[int]) -> Spike | None:
    before, today = _windows(hours[:-DAY_HOURS]), _windows(hours[-DAY_HOURS:])
    usual = sorted(before)[int(_USUAL_SHARE * (len(before) - 1))] if before else 0
    limit = max(_LEAST - 1, _TIMES_USUAL * usual, usual + 4 * sqrt(usual))
    unusual = [number for number, count in enumerate(today) if count > limit]
    if not unusual or today[-1] <= usual:
        return None
    began = _first_hour(unusual[0], hours[-DAY_HOURS:], limit)
    return Spike(provider, reason, sum(hours[-DAY_HOURS:][began:]), usual, DAY_HOURS - 1 - began)


def _windows(hours: Sequence[int]) -> list[int]:
    """Return the sums of each hour and the one before it."""
    return [sum(hours[max(0, end - _WINDOW_HOURS) : end]) for end in range(1, len(hours) + 1)]


def _first_hour(window: int, hours: Sequence[int], limit: float) -> int:
    """Return the hour in which a window became unusual: the earlier of its two, if that alone was much."""
    earlier = max(0, window - 1)
    return earlier if hours[earlier] > limit / _WINDOW_HOURS else window
