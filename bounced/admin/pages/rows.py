"""Say of an event what a list shows."""

from typing import Any

from bounced.admin.describing import describe_event
from bounced.store import StoredEvent

_NAMES = ("recipient", "bounce_type", "advice", "reason", "provider", "code", "status")


def describe_row(stored: StoredEvent) -> dict[str, Any]:
    """Return what a list shows of an event."""
    data = describe_event(stored).get("data") or {}
    came_at = (data.get("message") or {}).get("received_at") or stored.created_at
    shown = {"id": stored.event.id, "type": stored.event.type, "at": came_at}
    return shown | {name: data.get(name) for name in _NAMES}
