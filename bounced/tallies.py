"""Tell what of an event is counted, and by what words it is found again.

This knows what stands in the document of an event; who keeps the counts, and
since when, is for the store.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from bounced.model import Event, EventType

_MAX_KEY, _MAX_MENTION = 100, 320
_DOMAIN = re.compile(r"@([^\s<>@\"(),;]{1,253})")
_FAILURES = (EventType.BOUNCE, EventType.DELAY)


class Dimension(StrEnum):
    """By what events are counted; all but the type only where a delivery failed.

    `REFUSAL` counts provider and reason together, with a space between, also of mail that is still
    tried: a provider that starts to block often defers first.
    """

    TYPE = "type"
    BOUNCE_TYPE = "bounce_type"
    REASON = "reason"
    PROVIDER = "provider"
    DOMAIN = "domain"
    CAMPAIGN = "campaign"
    REFUSAL = "refusal"


@dataclass(frozen=True, slots=True)
class Summary:
    """What is kept of an event beside it.

    Attributes:
        hour: The hour in which its message came.
        counts: What is counted one up: the dimension, and the key in it.
        mentions: By what it is found: Message-ID without brackets, and what the return path says.
    """

    hour: datetime
    counts: tuple[tuple[Dimension, str], ...]
    mentions: tuple[str, ...]


def summarize(event: Event, written_at: datetime, *, campaign_header: str | None = None) -> Summary:
    """Return what to keep of an event.

    Args:
        event: The event.
        written_at: When it was written; the hour where the document does not tell when its message came.
        campaign_header: The header field of the original that names its campaign.
    """
    document = _load(event.document)
    data = _object(document, "data")
    original = _object(data, "original")
    # An event that corrects another is no other bounce; hours tell how much came, not what was thought of it later.
    counts = _count(event.type, data, original, campaign_header) if data.get("replaces") is None else ()
    mentions = (_mention(original.get("message_id")), _mention(_object(data, "verp").get("id")))
    return Summary(
        hour=_hour(document.get("time"), written_at),
        counts=tuple([(dimension, _key(value)) for dimension, value in counts if value]),
        mentions=tuple(dict.fromkeys([mention for mention in mentions if mention])),
    )


def mention_of(question: str) -> str:
    """Return what somebody asks for in the form in which it is kept: without spaces and brackets around it."""
    return question.strip().removeprefix("<").removesuffix(">")[:_MAX_MENTION]


def _load(document: str) -> dict[str, Any]:
    loaded = json.loads(document)
    return loaded if isinstance(loaded, dict) else {}


def _object(parent: dict[str, Any], name: str) -> dict[str, Any]:
    value = parent.get(name)
    return value if isinstance(value, dict) else {}


def _count(
    type_: EventType, data: dict[str, Any], original: dict[str, Any], campaign_header: str | None
) -> Iterator[tuple[Dimension, str | None]]:
    reason, provider = data.get("reason"), data.get("provider")
    yield Dimension.TYPE, type_
    if type_ in _FAILURES and reason and provider:
        yield Dimension.REFUSAL, f"{provider} {reason}"
    if type_ is EventType.BOUNCE:
        yield Dimension.BOUNCE_TYPE, data.get("bounce_type")
        yield Dimension.REASON, reason
        yield Dimension.PROVIDER, provider
        yield Dimension.DOMAIN, _domain(original.get("from"))
        if campaign_header:
            yield Dimension.CAMPAIGN, _header(_object(original, "headers"), campaign_header)


def _domain(sender: str | None) -> str | None:
    found = _DOMAIN.findall(sender or "")
    return found[-1].lower().rstrip(".") if found else None


def _header(headers: dict[str, Any], wanted: str) -> str | None:
    return next((value for name, value in headers.items() if name.lower() == wanted.lower()), None)


def _key(value: str) -> str:
    return " ".join(value.split())[:_MAX_KEY]


def _mention(value: str | None) -> str:
    return mention_of(value or "")


def _hour(time: str | None, written_at: datetime) -> datetime:
    if time is None:
        return written_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    # Times of our documents are in UTC, and thousands share their hour.
    return _read_hour(time[: len("2026-11-23T09")])


@lru_cache(maxsize=64)
def _read_hour(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}:00").replace(tzinfo=UTC)
