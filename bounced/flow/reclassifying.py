"""Understand messages anew that were concluded before, and say what follows that did not follow then."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from bounced import log
from bounced.escalate import find_facts
from bounced.event import describe_understanding
from bounced.event.correction import Correction, find_corrections, keep_identity
from bounced.flow.measuring import tell_undeliverable
from bounced.flow.reading import Understand
from bounced.model import Event, EventType, Message, Understanding
from bounced.store import Conclusion, Escalation, EventFilters, Store
from bounced.store.corrections import Since

_log = log.get("classify")

_PAGE = 500
_MOST_EVENTS = 10_000  # of one message


@dataclass(frozen=True, slots=True)
class Reclassified:
    """What became of one message.

    Attributes:
        corrections: What is to be told anew.
        conclusion: The same, to be written; None where nothing is.
        has_raw: Whether its octets are still there; retention removes them first.
        has_events: Whether an event of it is left that could be wrong; retention may remove these first, too.
        is_readable: Whether reading it ended as it should; the log says more.
    """

    corrections: tuple[Correction, ...] = ()
    conclusion: Conclusion | None = None
    has_raw: bool = True
    has_events: bool = True
    is_readable: bool = True


class Reclassifying:
    """Reads messages again.

    Args:
        store: Where they are.
        understand: Parse, identify and classify in one call, by the rules in force now.
        source: How this installation names itself in events.
        sinks_for: Tells where events of a type go.
    """

    def __init__(
        self, store: Store, *, understand: Understand, source: str, sinks_for: Callable[[EventType], tuple[str, ...]]
    ) -> None:
        self._store, self._understand, self._source, self._sinks_for = store, understand, source, sinks_for

    async def run(self, since: datetime) -> AsyncIterator[Reclassified]:
        """Yield what becomes of each message that was concluded at or after `since`; nothing is written."""
        page = Since(since)
        while True:
            ids, after = await self._store.corrections.list(page, limit=_PAGE)
            for id_ in ids:
                yield await self._look_at(id_)
            if after is None:
                return
            page = Since(since, after)

    async def _look_at(self, message_id: str) -> Reclassified:
        message = await self._store.fetch_message(message_id)
        if message is None:
            return Reclassified(has_raw=False)
        stored, _ = await self._store.archive.list_events(EventFilters(message_id=message_id), limit=_MOST_EVENTS)
        told = [one.event for one in stored]
        if not told:
            return Reclassified(has_events=False)
        try:
            understanding = keep_identity(self._understand(message.raw, message.envelope), told)
        except Exception:  # noqa: BLE001 - one message must not stop the others
            _log.exception("message_not_readable", message=message.id)
            return Reclassified(is_readable=False)
        corrections = tuple(find_corrections(message, understanding, told, source=self._source))
        if not corrections:
            return Reclassified()
        return Reclassified(
            corrections, self._conclude(message, understanding, [one.event for one in corrections], told)
        )

    def _conclude(
        self, message: Message, understanding: Understanding, events: list[Event], told: list[Event]
    ) -> Conclusion:
        return Conclusion(
            message.id,
            understanding.kind,
            json.dumps(describe_understanding(understanding), ensure_ascii=False),
            tuple(events),
            tuple((event.id, sink) for event in events for sink in self._sinks_for(event.type)),
            facts=find_facts(message, understanding),
            escalation=Escalation(
                partial(tell_undeliverable, [*events, *told]), self._sinks_for(EventType.UNDELIVERABLE)
            ),
        )
