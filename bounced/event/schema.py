"""Describe events for programs: as JSON Schema, and as an AsyncAPI 3.0 document.

Both are generated from the types; the package ships what comes out.
"""

from typing import Any

from bounced.event.data import SCHEMA, EventData
from bounced.model import Advice, BounceType, EventType

_SUMMARIES = {
    EventType.BOUNCE: "Mail to a recipient was returned, or will not be delivered.",
    EventType.DELAY: "A mail server goes on trying.",
    EventType.DELIVERY: "A mail server says that it delivered the mail.",
    EventType.COMPLAINT: "A recipient complained about the mail.",
    EventType.AUTO_REPLY: "A program answered for the recipient.",
    EventType.UNDELIVERABLE: "One bounce too many: stop sending to this recipient.",
    EventType.UNRECOGNIZED: "Nothing is known of what this message says; a person may look at it.",
}


def json_schema() -> dict[str, Any]:
    """Generate the JSON Schema of an event's data from the types."""
    schema = _describe_data("#/$defs/{model}")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA, **schema}


def asyncapi() -> dict[str, Any]:
    """Generate the AsyncAPI document: every routing key, and the event that comes by it.

    It describes the daemon, which sends. Addresses are the routing keys of
    RabbitMQ and the subjects of NATS; Kafka and Redis have one topic or stream
    for all.
    """
    data = _describe_data("#/components/schemas/{model}")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "bounced",
            "version": "1.0.0",
            "description": "What returned mail says, one CloudEvents 1.0 event for each recipient. "
            "Delivery is at least once and in no promised order: drop repeats by id.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": _describe_channels(),
        "operations": {
            f"send_{name}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{name}"},
                "messages": [{"$ref": f"#/channels/{name}/messages/{_message_of(name)}"}],
            }
            for name in _describe_channels()
        },
        "components": {
            "messages": {_name(type_): _describe_message(type_) for type_ in EventType},
            "schemas": {**data.pop("$defs"), "EventData": data},
            "channelBindings": {"queues": _describe_bindings()},
        },
    }


def _describe_data(references: str) -> dict[str, Any]:
    from pydantic import TypeAdapter  # noqa: PLC0415 - only the build of the schema needs it

    schema = TypeAdapter(EventData).json_schema(ref_template=references)
    original = schema["$defs"]["OriginalData"]
    original["properties"] = {
        "from" if name == "from_" else name: {**value, "title": "From"} if name == "from_" else value
        for name, value in original["properties"].items()
    }
    original["required"] = ["from" if name == "from_" else name for name in original["required"]]
    return schema


def _describe_channels() -> dict[str, Any]:
    """Return the channels by name; a bounce has one more, by which its verdict can be told from outside."""
    channels = {_name(type_): _describe_channel(type_) for type_ in EventType}
    verdict = {
        "bounce_type": {"description": "Whether it will never work.", "enum": [*BounceType]},
        "advice": {"description": "What to do about it.", "enum": [*Advice]},
    }
    judged = {"address": f"{EventType.BOUNCE}.{{bounce_type}}.{{advice}}", "parameters": verdict}
    channels["bounce"]["summary"] = "A bounce that names no recipient."
    return {"judged_bounce": {**_describe_channel(EventType.BOUNCE), **judged}, **channels}


def _describe_channel(type_: EventType) -> dict[str, Any]:
    return {
        "address": str(type_),
        "summary": _SUMMARIES[type_],
        "messages": {_name(type_): {"$ref": f"#/components/messages/{_name(type_)}"}},
        "bindings": {"$ref": "#/components/channelBindings/queues"},
    }


def _describe_message(type_: EventType) -> dict[str, Any]:
    values = {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "description": "The same through every retry and crash."},
        "source": {"type": "string", "format": "uri-reference"},
        "type": {"const": str(type_)},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "dataschema": {"const": SCHEMA},
        "data": {"$ref": "#/components/schemas/EventData"},
    }
    return {
        "name": str(type_),
        "summary": _SUMMARIES[type_],
        "contentType": "application/cloudevents+json",
        "payload": {"type": "object", "required": [*values], "properties": values},
    }


def _describe_bindings() -> dict[str, Any]:
    exchange = {"name": "bounced", "type": "topic", "durable": True, "autoDelete": False}
    return {
        "amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": "0.3.0"},
        "kafka": {"topic": "bounced", "bindingVersion": "0.5.0"},
    }


def _message_of(channel: str) -> str:
    return channel.removeprefix("judged_")


def _name(type_: EventType) -> str:
    return type_.removeprefix("bounced.")
