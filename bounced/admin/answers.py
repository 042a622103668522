"""Say what is known of a recipient in values that JSON can hold."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bounced.admin.address import is_name
from bounced.escalate import State
from bounced.store import Store, StoredRecipient


def may_send(state: State) -> bool:
    """Return whether mail should still go to a recipient in this state."""
    return state in (State.ACTIVE, State.SOFT_BOUNCING)


def unknown(address: str) -> StoredRecipient:
    """Return what is known of a recipient of whom nothing is known."""
    return StoredRecipient(
        address=address,
        state=State.ACTIVE,
        why="nothing counts against it",
        reason=None,
        since=None,
        first_bounce_at=None,
        last_bounce_at=None,
        counts={},
        days=0,
        facts=(),
    )


def describe(recipient: StoredRecipient) -> dict[str, Any]:
    """Return what is known of a recipient, without the single facts, as JSON can hold it."""
    return {
        "address": recipient.address,
        "send": may_send(recipient.state),
        "state": recipient.state,
        "reason": recipient.reason,
        "since": write_time(recipient.since),
        "why": recipient.why,
        "first_bounce_at": write_time(recipient.first_bounce_at),
        "last_bounce_at": write_time(recipient.last_bounce_at),
        "days": recipient.days,
        "counts": dict(recipient.counts),
    }


def describe_facts(recipient: StoredRecipient) -> list[dict[str, Any]]:
    """Return what happened to a recipient, one entry for each message or decision."""
    return [
        {
            "message_id": fact.message_id,
            "occurred_at": write_time(fact.occurred_at),
            "kind": fact.kind,
            "reason": fact.reason,
            "fault": fact.fault,
            "code": fact.code,
            "verified": fact.verified,
            "by": fact.by,
            "note": fact.note,
        }
        for fact in recipient.facts
    ]


async def answer_check(store: Store, addresses: Sequence[str]) -> list[dict[str, Any]]:
    """Return for each address, in order, whether to send there.

    What is no address gets an answer too: one of them must not stop a thousand.
    """
    found = await store.recipients.check([each for each in addresses if is_name(each)])
    return [_answer(each, found.get(each)) for each in addresses]


def _answer(address: str, found: StoredRecipient | None) -> dict[str, Any]:
    if not is_name(address):
        return {"address": address, "send": False, "state": None, "reason": "not_an_address", "since": None}
    known = found or unknown(address)
    names = ("send", "state", "reason", "since")
    described = describe(known)
    return {"address": address} | {name: described[name] for name in names}


def write_time(moment: datetime | None) -> str | None:
    """Return a time in UTC as RFC 3339 wants it."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None
