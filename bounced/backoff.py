"""When a failed delivery is tried again, and when it is given up."""

from collections.abc import Sequence

from bounced.model import Failed

RETRY_SECONDS = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
"""The default schedule: ten attempts over a little more than three days."""

JITTER = 0.2
"""The largest part of a delay that is added to it, so that what failed together does not return together."""


def next_delay_seconds(
    attempt: int, failed: Failed, *, chance: float, retry_seconds: Sequence[float] = RETRY_SECONDS
) -> float | None:
    """Return how long to wait before the next attempt, or None where there is none.

    The delay is what the schedule says, or what the sink asked for if that is
    longer. Jitter only adds to it: never is a sink asked again too early.

    Args:
        attempt: The number of the attempt that failed, counted from 1.
        failed: How it failed.
        chance: A random number, at least 0 and below 1.
        retry_seconds: The delay after the first attempt, the second, and so on.

    Returns:
        At least the scheduled delay and at most ``1 + JITTER`` times the longer
        of the two; None where the failure is final or the schedule has ended.
    """
    if failed.is_final or attempt > len(retry_seconds):
        return None
    delay = max(retry_seconds[attempt - 1], failed.retry_after_seconds or 0)
    return delay * (1 + JITTER * chance)
