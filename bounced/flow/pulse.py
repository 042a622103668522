"""Tell whether the flow moves: what the watchdog and the health checks ask.

A beat goes through the event loop, the writer thread and the disk, and looks
whether the reader gets on. Sinks are not asked: each attempt has its own
time-out, and to start again would not bring back who is away.
"""

import asyncio
from collections.abc import Callable

from bounced import log, metrics
from bounced.errors import StoreError
from bounced.flow.incoming import Incoming
from bounced.store import Store

_log = log.get("flow")


class Pulse:
    """Beats as long as everything answers.

    A store that refuses has answered: mail is put off until it can be kept, and a
    restart would not mend a full disk.

    Args:
        store: Is asked to write.
        incoming: Is asked whether it reads.
        patience_seconds: How long either may take.

    Attributes:
        stuck: What does not answer; None while all is well.
        store_error: Why the store refused to write last; None if it wrote.
    """

    def __init__(self, store: Store, incoming: Incoming, *, patience_seconds: float) -> None:
        self._store, self._incoming, self._patience_seconds = store, incoming, patience_seconds
        self.stuck: str | None = None
        self.store_error: str | None = None

    async def run(self, *, interval_seconds: float, on_beat: Callable[[], None]) -> None:
        """Look every `interval_seconds` until cancelled, and call `on_beat` whenever all is well."""
        while True:
            was_stuck, self.stuck = self.stuck, await self._look()
            if self.stuck:
                _log.error("flow_stuck", at=self.stuck, consequence="the watchdog is not fed")
            else:
                if was_stuck:
                    _log.info("flow_moves_again", at=was_stuck)
                on_beat()
            await asyncio.sleep(interval_seconds)

    async def _look(self) -> str | None:
        stuck = await self._find_stuck()
        for stage in ("parse", "store"):
            metrics.flow_stuck(stage).set(stage == stuck)
        metrics.store_writable.set(self.store_error is None and stuck != "store")
        return stuck

    async def _find_stuck(self) -> str | None:
        try:
            async with asyncio.timeout(self._patience_seconds):
                await self._store.prove_writable()
        except TimeoutError:
            return "store"
        except StoreError as error:
            self.store_error = str(error)
        else:
            self.store_error = None
        return "parse" if self._incoming.stalled_seconds > self._patience_seconds else None
