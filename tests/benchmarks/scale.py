"""How much is measured: for a page, or to see that it works."""

from dataclasses import dataclass, replace
from pathlib import Path

from tests.benchmarks.servers import Load


@dataclass(frozen=True, slots=True)
class Scale:
    """Bounds of a run.

    Attributes:
        runs: How often each way has its turn.
        share: Of how much there is in a whole run.
        mail: A directory of mail to read; None for the samples of the package.
    """

    runs: int = 3
    share: float = 1.0
    mail: Path | None = None

    def __call__(self, count: int) -> int:
        """Return how many of `count` to do."""
        return max(1, int(count * self.share))

    def of(self, load: Load) -> Load:
        """Return a load of this scale."""
        return replace(load, messages=max(load.connections, self(load.messages)))
