"""Describe the API to programs: an OpenAPI 3.1 document, made from one table of operations."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bounced import __version__
from bounced.admin.api.schemas import Schema, make_schemas, ref
from bounced.admin.exporting import Format
from bounced.admin.query import read_query
from bounced.admin.series import Step
from bounced.escalate import State
from bounced.model import EventType
from bounced.store import DeliveryState
from bounced.tallies import Dimension

_ROOT = "/api/v1"
_PAGE = ("cursor", "limit")
_RECIPIENT_FILTERS = ("state of a recipient", "reason", "since", "contains")


@dataclass(frozen=True, slots=True)
class Operation:
    """What can be asked of one path.

    Attributes:
        id: Its name for programs; the schema of its answer has the same.
        method: GET, POST or DELETE.
        path: Below ``/api/v1``.
        summary: What it does.
        parameters: Their names in `_PARAMETERS`, without those in the path.
        body: The schema of the request's body; None where there is none.
        media_types: What the answer is, where that is not JSON.
        writes: Whether it needs a token that may write.
    """

    id: str
    method: str
    path: str
    summary: str
    parameters: tuple[str, ...] = ()
    body: Schema | None = None
    media_types: tuple[str, ...] = ("application/json",)
    writes: bool = False


_TEXT: Schema = {"type": "string", "maxLength": 500}
_TIME: Schema = {"type": "string", "description": "2026-11-23 or 2026-11-23T09:00:00Z"}
_PARAMETERS: dict[str, tuple[str, str, Schema]] = {
    "cursor": ("cursor", "next of the page before", _TEXT),
    "limit": ("limit", "how many on a page", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}),
    "type": ("type", "the type of the event", {"enum": list(EventType)}),
    "reason": ("reason", "the reason of the verdict", _TEXT),
    "provider": ("provider", "the name of the provider whose server refused", _TEXT),
    "about": ("about", "a recipient, the Message-ID of the original, or the id in the return path", _TEXT),
    "message": ("message", "the id of the message that came back", _TEXT),
    "since": ("since", "at this time or later", _TIME),
    "until": ("until", "before this time", _TIME),
    "contains": ("contains", "a part of the address", _TEXT),
    "state of a recipient": ("state", "how the recipient stands", {"enum": list(State)}),
    "state of a delivery": ("state", "how far the delivery has come", {"enum": list(DeliveryState)}),
    "sink": ("sink", "the name of the sink", _TEXT),
    "event": ("event", "the id of the event", _TEXT),
    "format": ("format", "how the list is written", {"enum": list(Format), "default": "csv"}),
    "by": ("by", "by what is counted", {"enum": list(Dimension), "default": "type"}),
    "step": ("step", "how long a step is", {"enum": list(Step), "default": "hour"}),
    "erase": ("erase", "erase all that is known instead", {"enum": ["true", "false"], "default": "false"}),
    "note": ("note", "what stands in the audit trail", _TEXT),
}

OPERATIONS = (
    Operation(
        "listEvents",
        "GET",
        "/events",
        "Events, the latest first",
        ("type", "reason", "provider", "about", "message", "since", "until", *_PAGE),
    ),
    Operation("getEvent", "GET", "/events/{id}", "An event and its deliveries"),
    Operation("getMessage", "GET", "/messages/{id}", "What came back, and what was read from it"),
    Operation(
        "getMessageSource", "GET", "/messages/{id}/source", "The octets that came back", media_types=("message/rfc822",)
    ),
    Operation(
        "listDeliveries",
        "GET",
        "/deliveries",
        "Deliveries, those that changed last first",
        ("state of a delivery", "sink", "event", "since", *_PAGE),
    ),
    Operation(
        "retryDeliveries",
        "POST",
        "/deliveries/retry",
        "Bring dead deliveries back",
        body={
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "properties": {
                "events": {"type": "array", "items": {"type": "string"}, "maxItems": 1000},
                "sink": {"type": "string"},
                "since": _TIME,
                "all": {"const": True},
            },
        },
        writes=True,
    ),
    Operation("listRecipients", "GET", "/recipients", "Recipients, by their addresses", (*_RECIPIENT_FILTERS, *_PAGE)),
    Operation("getRecipient", "GET", "/recipients/{address}", "How a recipient stands, and why"),
    Operation(
        "clearRecipient",
        "DELETE",
        "/recipients/{address}",
        "Make a recipient active again, or erase all that is known",
        ("erase", "note"),
        writes=True,
    ),
    Operation(
        "checkRecipients",
        "POST",
        "/recipients/check",
        "Whether to send to these addresses",
        body={
            "type": "object",
            "required": ["addresses"],
            "properties": {"addresses": {"type": "array", "items": {"type": "string"}, "maxItems": 1000}},
        },
    ),
    Operation(
        "exportRecipients",
        "GET",
        "/recipients/export",
        "All recipients as a file",
        (*_RECIPIENT_FILTERS, "format"),
        media_types=("text/csv", "application/jsonl"),
    ),
    Operation(
        "importRecipients",
        "POST",
        "/recipients/import",
        "Take over a suppression list",
        body={"type": "string", "description": "Lines, CSV or JSON lines"},
        writes=True,
    ),
    Operation("getStats", "GET", "/stats", "Counts over time", ("by", "step", "since", "until")),
    Operation("getStatus", "GET", "/status", "The backlog, the sinks, and what is unusual"),
    Operation("listUnknown", "GET", "/unknown", "Diagnostics that no rule knows, grouped"),
    Operation("listCodes", "GET", "/codes", "The code table, the reasons and the providers"),
)


class OpenApi:
    """The route that answers with the description of all the others."""

    def routes(self) -> list[web.RouteDef]:
        """Return what is answered where."""
        return [web.get(_ROOT + "/openapi.json", self._show)]

    async def _show(self, request: web.Request) -> web.Response:
        read_query(request)
        return web.json_response(make_document())


def make_document() -> dict[str, Any]:
    """Return the description of the API."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(_ROOT + operation.path, {})[operation.method.lower()] = _describe(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "bounced", "version": __version__, "summary": "What came back, and what follows"},
        "paths": paths,
        "security": [{"bearer": []}],
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": make_schemas(),
        },
    }


def _describe(operation: Operation) -> dict[str, Any]:
    is_json = operation.media_types == ("application/json",)
    schema: Schema = ref(operation.id) if is_json else {"type": "string"}
    content = {media_type: {"schema": schema} for media_type in operation.media_types}
    problem = {"application/problem+json": {"schema": ref("Problem")}}
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "description": "Needs a token that may write." if operation.writes else "Any token will do.",
        "parameters": [*_path_parameters(operation.path), *map(_parameter, operation.parameters)],
        "responses": {
            "200": {"description": "The answer", "content": content},
            "default": {"description": "What is wrong (RFC 9457)", "content": problem},
        },
    }
    if operation.body is not None:
        media_type = "application/json" if operation.body["type"] == "object" else "text/plain"
        described["requestBody"] = {"required": True, "content": {media_type: {"schema": operation.body}}}
    return described


def _path_parameters(path: str) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _parameter(name: str) -> dict[str, Any]:
    written, description, schema = _PARAMETERS[name]
    return {"name": written, "in": "query", "description": description, "schema": schema}
