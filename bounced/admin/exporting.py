"""Write lists of recipients: as JSON lines, or as CSV that is safe to open in a spreadsheet."""

import csv
import io
import json
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from enum import StrEnum
from typing import TypedDict

from bounced.admin.answers import describe
from bounced.escalate import State
from bounced.store import Store, StoredRecipient

# A spreadsheet takes a cell that begins so for a formula; the apostrophe itself is there to be told apart again.
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
_COLUMNS = ("address", "state", "send", "reason", "since", "why", "first_bounce_at", "last_bounce_at", "days")


class Format(StrEnum):
    """How a list is written."""

    CSV = "csv"
    JSONL = "jsonl"


class Filters(TypedDict):
    """Which recipients are asked for; None is all."""

    state: State | None
    reason: str | None
    since: datetime | None
    contains: str | None


async def read_pages(store: Store, filters: Filters, *, size: int = 1000) -> AsyncIterator[list[StoredRecipient]]:
    """Yield all recipients that the filters let through, page by page; the first may be empty."""
    page, cursor = await store.recipients.list(**filters, limit=size)
    yield page
    while cursor:
        page, cursor = await store.recipients.list(**filters, cursor=cursor, limit=size)
        yield page


def header(format_: Format) -> str:
    """Return what stands before the first recipient."""
    return _write_row(_COLUMNS) if format_ is Format.CSV else ""


def write(recipients: Iterable[StoredRecipient], format_: Format) -> str:
    """Return one line for each recipient."""
    rows = map(describe, recipients)
    match format_:
        case Format.JSONL:
            return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        case Format.CSV:
            return "".join(_write_row(_guard(row[name]) for name in _COLUMNS) for row in rows)


def unguard(cell: str) -> str:
    """Return a cell as it was before it was made safe for spreadsheets."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_DANGEROUS) else cell


def _guard(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def _write_row(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()
