"""Read what a request asks for; what makes no sense is said, never ignored."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from bounced.admin.address import is_name, is_text
from bounced.admin.problem import bad_request

_WHOLE_NUMBER = re.compile(r"[0-9]{1,6}")
_MAX_TEXT = 500


def read_path_address(request: web.Request) -> str:
    """Return the address in the last part of the path, percent-decoded exactly once.

    Raises:
        ProblemError: It is no address.
    """
    try:
        address = unquote(request.rel_url.raw_path.rpartition("/")[2], errors="strict")
    except UnicodeDecodeError:
        address = ""
    if not is_name(address):
        raise bad_request("the path holds no address; write it percent-encoded, in UTF-8")
    return address


def read_query(request: web.Request, *names: str) -> dict[str, str]:
    """Return the parameters of the query, those that are given.

    Raises:
        ProblemError: One is not among `names`, is given twice, or holds what no text holds.
    """
    given = request.query
    for name in given:
        if name not in names:
            raise bad_request(f"there is no such parameter here; there are {', '.join(names) or 'none'}")
        values = given.getall(name)
        if len(values) > 1 or len(values[0]) > _MAX_TEXT or not is_text(values[0]):
            raise bad_request(f"{name} is given twice, too long, or has control characters")
    return dict(given)


def read_limit(text: str, *, most: int) -> int:
    """Return how many are asked for.

    Raises:
        ProblemError: It is no number from 1 to `most`.
    """
    if _WHOLE_NUMBER.fullmatch(text) and 1 <= int(text) <= most:
        return int(text)
    raise bad_request(f"limit is a number from 1 to {most}")


def read_since(text: str, name: str = "since") -> datetime:
    """Return the time that the parameter `name` holds; without an offset it is in UTC.

    Raises:
        ProblemError: It is none.
    """
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise bad_request(f"{name} is a time such as 2026-11-23 or 2026-11-23T09:00:00Z") from None


def write_cursor(cursor: str | None) -> str | None:
    """Return where the next page begins as letters that a URL can carry; None at the end."""
    return cursor and urlsafe_b64encode(cursor.encode()).decode()


def read_cursor(text: str) -> str:
    """Return what `write_cursor` was given.

    Raises:
        ProblemError: It was never written so.
    """
    try:
        cursor = urlsafe_b64decode(text).decode()
    except ValueError:
        cursor = ""
    if not cursor or write_cursor(cursor) != text or not is_text(cursor):
        raise bad_request("cursor is not one that an earlier page gave as next")
    return cursor


def read_flag(text: str) -> bool:
    """Return whether something is asked for.

    Raises:
        ProblemError: It is neither true nor false.
    """
    if text not in {"true", "false"}:
        raise bad_request("a flag is true or false")
    return text == "true"


async def read_json(request: web.Request) -> Any:
    """Return the body.

    Raises:
        ProblemError: It is not JSON.
    """
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError):
        raise bad_request("the body is not JSON in UTF-8") from None
