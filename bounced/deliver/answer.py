"""What an HTTP answer means for the events that were sent.

Only 2xx is a yes, and only 410 is a last no. Every other answer is tried again
until the schedule ends: an endpoint that was deployed wrongly for an hour says
404, 401 or 400 to everything, and must lose nothing by it.
"""

from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import responses

from bounced.model import Delivered, Failed, SendResult

_MAX_RETRY_AFTER_SECONDS = 86400.0


def judge(status: int, retry_after: str | None, *, now: float) -> SendResult:
    """Turn the status and the Retry-After field of an answer into a result.

    Args:
        status: The status code.
        retry_after: The field as sent; it counts with every failure, not only with 429 and 503.
        now: The Unix time of the answer.
    """
    match status // 100:
        case 2:
            return Delivered()
        case 3:
            hint = ": redirects are not followed, set url to where this one leads"
        case _:
            hint = ""
    is_gone = status == HTTPStatus.GONE
    wait_seconds = None if retry_after is None else read_retry_after(retry_after, now=now)
    error = f"HTTP {status} {responses.get(status, '')}".rstrip() + hint
    return Failed(error, wait_seconds, is_final=is_gone, is_gone=is_gone)


def read_retry_after(text: str, *, now: float) -> float | None:
    """Read a Retry-After field (RFC 9110 section 10.2.3) as seconds, at most a day; None is unreadable."""
    if text.isascii() and text.isdigit():
        seconds = float(text)
    else:
        try:
            date = parsedate_to_datetime(text)
            seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER_SECONDS)
