"""The shapes of what the API answers, as JSON Schema."""

import json
from typing import Any

from bounced.escalate import State
from bounced.model import EventType
from bounced.shipped import read_text
from bounced.store import DeliveryState, MessageState

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "integer"}
_FLAG: Schema = {"type": "boolean"}
_TIME: Schema = {"type": "string", "format": "date-time"}


def _or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _record(**properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def ref(name: str) -> Schema:
    """Return a reference to one of the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def _page(name: str, item: str) -> Schema:
    return _record(**{name: _list(ref(item)), "next": _or_null(_TEXT)})


def _counts() -> Schema:
    return {"type": "object", "additionalProperties": _NUMBER}


_RECIPIENT = {
    "address": _TEXT,
    "send": _FLAG,
    "state": {"enum": list(State)},
    "reason": _or_null(_TEXT),
    "since": _or_null(_TIME),
    "why": _TEXT,
    "first_bounce_at": _or_null(_TIME),
    "last_bounce_at": _or_null(_TIME),
    "days": _NUMBER,
    "counts": _counts(),
}
_FACT = _record(
    message_id=_TEXT,
    occurred_at=_TIME,
    kind=_TEXT,
    reason=_or_null(_TEXT),
    fault=_or_null(_TEXT),
    code=_or_null(_TEXT),
    verified=_FLAG,
    by=_or_null(_TEXT),
    note=_or_null(_TEXT),
)


_THINGS: dict[str, Schema] = {
    "Event": {
        "type": "object",
        "description": "A CloudEvents 1.0 document, as sinks get it.",
        "properties": {
            "specversion": {"const": "1.0"},
            "id": _TEXT,
            "source": _TEXT,
            "type": {"enum": list(EventType)},
            "time": _TIME,
            "datacontenttype": _TEXT,
            "dataschema": _TEXT,
            "data": ref("EventData"),
        },
        "required": ["specversion", "id", "source", "type", "time", "data"],
    },
    "Problem": _record(type=_TEXT, title=_TEXT, status=_NUMBER, detail=_TEXT),
    "Delivery": _record(
        event_id=_TEXT,
        sink=_TEXT,
        type={"enum": list(EventType)},
        recipient=_or_null(_TEXT),
        state={"enum": list(DeliveryState)},
        attempts=_NUMBER,
        due_at=_or_null(_TIME),
        last_error=_or_null(_TEXT),
        updated_at=_TIME,
    ),
    "Message": _record(
        id=_TEXT,
        state={"enum": list(MessageState)},
        kind=_or_null(_TEXT),
        size=_NUMBER,
        received_at=_TIME,
        concluded_at=_or_null(_TIME),
        attempts=_NUMBER,
        envelope=_record(sender=_TEXT, recipients=_list(_TEXT), client=_or_null(_TEXT), helo=_or_null(_TEXT)),
        report={"type": ["object", "null"], "description": "What bounced parse --jsonl prints of it."},
    ),
    "Recipient": _record(**_RECIPIENT),
    "RecipientWithFacts": _record(**_RECIPIENT, facts=_list(_FACT)),
    "Answer": _record(
        address=_TEXT,
        send=_FLAG,
        state={"enum": [*State, None]},
        reason=_or_null(_TEXT),
        since=_or_null(_TIME),
    ),
}


def make_schemas() -> dict[str, Schema]:
    """Return the components by their names; the data of an event are those of the shipped schema."""
    data = json.loads(read_text("bounced.schemas", "bounce-1.json").replace("#/$defs/", "#/components/schemas/"))
    definitions = data.pop("$defs")
    event_data = {name: value for name, value in data.items() if not name.startswith("$")}
    return {
        **definitions,
        "EventData": event_data,
        **_THINGS,
        **_answers(),
    }


def _answers() -> dict[str, Schema]:
    """Return what whole answers look like, each named after its operation."""
    rejection = _record(line=_NUMBER, problem=_TEXT)
    return {
        "listEvents": _page("events", "Event"),
        "getEvent": _record(event=ref("Event"), deliveries=_list(ref("Delivery"))),
        "getMessage": ref("Message"),
        "listDeliveries": _page("deliveries", "Delivery"),
        "retryDeliveries": _record(retried=_NUMBER),
        "listRecipients": _page("recipients", "Recipient"),
        "getRecipient": ref("RecipientWithFacts"),
        "clearRecipient": {
            "oneOf": [_record(address=_TEXT, cleared=_FLAG), _record(address=_TEXT, erased=_NUMBER)],
        },
        "checkRecipients": _record(recipients=_list(ref("Answer"))),
        "importRecipients": _record(imported=_NUMBER, rejected=_NUMBER, rejections=_list(rejection)),
        "getStats": _record(
            by=_TEXT,
            step=_TEXT,
            times=_list(_TIME),
            series=_list(_record(key=_TEXT, total=_NUMBER, counts=_list(_NUMBER))),
        ),
        "getStatus": _record(
            backlog=_record(messages=_NUMBER, deliveries_pending=_counts(), deliveries_dead=_counts()),
            sinks=_list(
                _record(
                    name=_TEXT,
                    failing=_FLAG,
                    last_error=_or_null(_TEXT),
                    failed=_NUMBER,
                    delivered_at=_or_null(_TIME),
                )
            ),
            spikes=_list(
                _record(provider=_TEXT, reason=_TEXT, count=_NUMBER, usual_in_two_hours=_NUMBER, hours=_NUMBER)
            ),
            uncounted=_NUMBER,
        ),
        "listUnknown": _record(
            groups=_list(_record(times=_NUMBER, code=_or_null(_TEXT), pattern=_TEXT, example=_TEXT))
        ),
        "listCodes": _record(
            codes=_list(_record(code=_TEXT, bounce_type=_TEXT, text=_TEXT)),
            reasons=_list(_record(reason=_TEXT, fault=_TEXT, bounce_type=_or_null(_TEXT), text=_TEXT)),
            providers=_list(_record(provider=_TEXT, label=_TEXT, postmaster=_or_null(_TEXT))),
        ),
    }
