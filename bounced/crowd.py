"""Notice when so much comes in at once that whatever can wait should wait, for a while."""

import math
from collections import deque

# Two hundred in a second; it is over as soon as nothing has come for a moment.
_SIZE, _WITHIN_SECONDS = 8, 0.04
_CALM_SECONDS = 0.05


class Crowd:
    """What has come of late; times are seconds of a clock that never goes back."""

    def __init__(self) -> None:
        self._arrivals: deque[float] = deque(maxlen=_SIZE)
        self._began_at = self._over_at = -math.inf

    def arrive(self, now: float) -> None:
        """Note that one more has come."""
        self._arrivals.append(now)
        if len(self._arrivals) == _SIZE and now - self._arrivals[0] <= _WITHIN_SECONDS:
            if now > self._over_at:
                self._began_at = now
            self._over_at = now + _CALM_SECONDS

    def seconds_to_stand_back(self, now: float, *, patience_seconds: float) -> float:
        """Tell how long other work still waits for a crowd to pass; 0 and less is not at all.

        Args:
            now: The time.
            patience_seconds: How long other work waits from the beginning of a crowd; in one that
                lasts longer it has its share again.
        """
        return min(self._over_at, self._began_at + patience_seconds) - now
