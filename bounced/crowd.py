"""Notice when so much comes in at once that whatever can wait should wait."""

import math
from collections import deque

# Two hundred in a second; it is over as soon as nothing has come for a moment.
_SIZE, _WITHIN_SECONDS = 8, 0.04
_CALM_SECONDS = 0.05


class Crowd:
    """What has come of late; times are seconds of a clock that never goes back."""

    def __init__(self) -> None:
        self._arrivals: deque[float] = deque(maxlen=_SIZE)
        self._over_at = -math.inf

    def arrive(self, now: float) -> None:
        """Note that one more has come."""
        self._arrivals.append(now)
        if len(self._arrivals) == _SIZE and now - self._arrivals[0] <= _WITHIN_SECONDS:
            self._over_at = now + _CALM_SECONDS

    def seconds_to_stand_back(self, now: float, *, until: float) -> float:
        """Tell how long other work still waits, which waits until `until` at the latest; 0 and less is not at all."""
        return min(self._over_at, until) - now
