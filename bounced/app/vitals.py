"""How a running daemon is, gathered for those who ask."""

from typing import TYPE_CHECKING

from bounced.admin.health import Health
from bounced.flow.outgoing import Outgoing
from bounced.flow.pulse import Pulse

if TYPE_CHECKING:
    from bounced.receive import Servers


class Vitals:
    """Looks at the flow when it is called.

    Attributes:
        servers: The listeners, once they are open.
    """

    def __init__(self, pulse: Pulse, outgoing: Outgoing) -> None:
        self._pulse, self._outgoing = pulse, outgoing
        self.servers: Servers | None = None

    def __call__(self) -> Health:
        """Return how it is at this moment."""
        return Health(
            stuck=self._pulse.stuck,
            is_writable=self._pulse.store_error is None,
            is_listening=self.servers is not None and self.servers.is_listening,
            sinks=len(self._outgoing.sinks),
            failing_sinks=sum(self._outgoing.sinks.values()),
        )
