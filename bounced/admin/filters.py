"""Read which events and deliveries are asked for; the API and the dashboard ask in the same words."""

import json
from datetime import datetime

from bounced.admin.problem import bad_request
from bounced.admin.query import read_since
from bounced.model import Event, EventType
from bounced.store import DeliveryState, EventFilters, Position

EVENT_FILTERS = ("type", "reason", "provider", "about", "message", "since", "until")
DELIVERY_FILTERS = ("state", "sink", "event", "since")


def read_event_filters(query: dict[str, str]) -> EventFilters:
    """Return what the query asks for.

    Raises:
        ProblemError: A value makes no sense.
    """
    type_ = query.get("type")
    if type_ is not None and type_ not in set(EventType):
        raise bad_request(f"type is one of {', '.join(EventType)}")
    wanted = {name: query[name] for name in ("reason", "provider") if name in query}

    def accept(event: Event) -> bool:
        data = json.loads(event.document).get("data") or {}
        return all(data.get(name) == value for name, value in wanted.items())

    return EventFilters(
        type=type_,
        message_id=query.get("message"),
        about=query.get("about"),
        since=_read_time(query, "since"),
        until=_read_time(query, "until"),
        accept=accept if wanted else None,
    )


def read_delivery_state(query: dict[str, str]) -> DeliveryState | None:
    """Return in which state deliveries are asked for; None where nothing is said.

    Raises:
        ProblemError: There is no such state.
    """
    state = query.get("state")
    if state is None:
        return None
    if state not in set(DeliveryState):
        raise bad_request(f"state is one of {', '.join(DeliveryState)}")
    return DeliveryState(state)


def read_position(cursor: str) -> Position:
    """Return where a page ended.

    Raises:
        ProblemError: No page ended so.
    """
    time, _, id_ = cursor.partition(" ")
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not id_:
        raise bad_request("cursor is not one that an earlier page gave as next")
    return moment, id_


def write_position(position: Position | None) -> str | None:
    """Return where a page ends as a text that `read_position` takes; None at the end."""
    return position and f"{position[0].isoformat()} {position[1]}"


def _read_time(query: dict[str, str], name: str) -> datetime | None:
    return read_since(query[name], name) if name in query else None
