"""Put events on queues as the protocol bindings of CloudEvents 1.0 say.

Knows the attributes of an event and how each protocol names them in its
headers; knows no broker. In structured mode the body is the whole document. In
binary mode the body is its ``data``, and the attributes are headers, so that a
broker or a consumer can filter without reading the body.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from bounced.model import Event

_STRUCTURED_TYPE = "application/cloudevents+json; charset=utf-8"
# What may stand in a header as it is: visible ASCII but for the quotation mark and the per cent sign.
_SAFE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')


class Mode(StrEnum):
    """How events are put into messages."""

    STRUCTURED = "structured"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class Packed:
    """An event as the parts of a message.

    Attributes:
        body: What consumers read.
        content_type: What the body is.
        attributes: The attributes of CloudEvents by the names of their headers; in structured mode none.
    """

    body: bytes
    content_type: str
    attributes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Binding:
    """How one protocol carries the attributes of an event.

    Attributes:
        prefix: What stands before the name of an attribute.
        write: How its value is written.
    """

    prefix: str
    write: Callable[[str], str] = str

    def pack(self, event: Event, mode: Mode) -> Packed:
        """Return the parts of the message for `event`."""
        if mode is Mode.STRUCTURED:
            return Packed(event.document.encode(), _STRUCTURED_TYPE, {})
        attributes = json.loads(event.document)
        data = json.dumps(attributes.pop("data"), ensure_ascii=False, separators=(",", ":"))
        content_type = attributes.pop("datacontenttype", "application/json")
        headers = {self.prefix + name: self.write(value) for name, value in attributes.items()}
        return Packed(data.encode(), content_type, headers)


def _percent_encode(value: str) -> str:
    """Write a value as the HTTP binding does (section 3.1.3.2), which that of NATS refers to."""
    return quote(value, safe=_SAFE)


NATS = Binding("ce-", _percent_encode)
# The binding is for AMQP 1.0. The headers of AMQP 0.9.1 are what RabbitMQ shows as application properties there.
AMQP = Binding("cloudEvents:")
KAFKA = Binding("ce_")
# Redis has no binding of its own; the names of Kafka's can be written everywhere.
REDIS = Binding("ce_")
