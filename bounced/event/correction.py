"""Find what is to be told anew of a message that was read again, by other rules than the first time.

A corrected event names the one that it replaces. Its id follows from that
one's id and from what it says, so that to find it again adds nothing.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bounced.event import make_events, make_unrecognized_event
from bounced.model import Event, EventType, Message, Understanding, Verp
from bounced.model.ids import identifier

# What a consumer acts on. The rest explains it, and does not make an event worth to be told again.
_ACTED_ON = ("recipient", "bounce_type", "advice", "reason", "fault", "code", "status", "reply_code", "action")


@dataclass(frozen=True, slots=True)
class Correction:
    """An event to tell, and the one it replaces; None where nothing was told of this recipient."""

    event: Event
    replaced: Event | None


@dataclass(frozen=True, slots=True)
class _Told:
    event: Event
    data: Mapping[str, Any]


def keep_identity(understanding: Understanding, told: Iterable[Event]) -> Understanding:
    """Return `understanding` with the recipients and return paths that were told before.

    Rules are newer, the mail is not: keys that proved its return path may have been rotated out since.
    """
    known = {one.data["final_recipient"]: one.data for one in _in_force(told) if one.data["recipient"] is not None}
    outcomes = tuple(
        replace(outcome, recipient=data["recipient"], verp=_to_verp(data["verp"]))
        if (data := known.get(outcome.finding.recipient))
        else outcome
        for outcome in understanding.outcomes
    )
    return replace(understanding, outcomes=outcomes)


def find_corrections(
    message: Message, understanding: Understanding, told: Iterable[Event], *, source: str
) -> list[Correction]:
    """Return what differs from what was told of a message.

    Args:
        message: The message.
        understanding: What it says and what follows, now.
        told: All events of it that are known.
        source: The ``source`` of CloudEvents, naming this installation.
    """
    made = make_events(message, understanding, source=source)
    old = {one.data["recipient"]: one for one in _in_force(told)}
    pairs = [(old.pop(event.recipient), event) for event in made if event.recipient in old]
    changed = [(one.event, event) for one, event in pairs if not _says_the_same(one, event)]
    others = [event for event in made if event.recipient not in {one.data["recipient"] for one, _ in pairs}]
    if not others:  # one that recognizes nobody is not wrong beside those that recognize somebody
        old.pop(None, None)
    if not old:
        added = [Correction(event, None) for event in others]
        return [*(Correction(_rename(event, replaced), replaced) for replaced, event in changed), *added]
    # Who is not spoken of any more is told to be a mistake, by an event that recognizes nobody.
    instead = others or [make_unrecognized_event(message, understanding, source=source)]
    changed += _pair([one.event for one in old.values()], instead)
    return [Correction(_rename(event, replaced), replaced) for replaced, event in changed]


def _pair(old: Sequence[Event], new: Sequence[Event]) -> list[tuple[Event, Event]]:
    """Say of each that has no counterpart which one it replaces, or by which it is replaced."""
    return [
        (old[min(number, len(old) - 1)], new[min(number, len(new) - 1)]) for number in range(max(len(old), len(new)))
    ]


def _in_force(told: Iterable[Event]) -> list[_Told]:
    """Return the events of the message itself that no later one replaces."""
    known = [
        _Told(event, json.loads(event.document)["data"]) for event in told if event.type is not EventType.UNDELIVERABLE
    ]
    replaced = {one.data.get("replaces") for one in known}
    return [one for one in known if one.event.id not in replaced]


def _says_the_same(told: _Told, event: Event) -> bool:
    data = json.loads(event.document)["data"]
    return told.event.type is event.type and all(told.data.get(name) == data[name] for name in _ACTED_ON)


def _rename(event: Event, replaced: Event) -> Event:
    document = json.loads(event.document)
    document["data"]["replaces"] = replaced.id
    said = json.dumps([event.type, document["data"]], ensure_ascii=False)
    document["id"] = identifier("evt_", replaced.id.encode(), said.encode(errors="surrogatepass"))
    return replace(event, id=document["id"], document=json.dumps(document, ensure_ascii=False, separators=(",", ":")))


def _to_verp(data: Mapping[str, Any] | None) -> Verp | None:
    return Verp(data["id"], data["form"], is_verified=data["verified"]) if data else None
