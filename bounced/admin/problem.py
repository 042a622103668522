"""Say what went wrong in a form that programs read (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web


class ProblemError(Exception):
    """Ends a request; its text is written for the person behind the client and tells nothing of the inside.

    Args:
        status: The HTTP status.
        detail: What is wrong, and where it helps what to do.
        headers: Further fields of the answer.
    """

    def __init__(self, status: HTTPStatus, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        self.status, self.detail, self.headers = status, detail, headers
        super().__init__(detail)

    def to_response(self) -> web.Response:
        """Return the answer that says it."""
        return web.json_response(
            {"type": "about:blank", "title": self.status.phrase, "status": self.status, "detail": self.detail},
            status=self.status,
            headers=self.headers,
            content_type="application/problem+json",
        )


def bad_request(detail: str) -> ProblemError:
    """Return the problem of a question that cannot be understood."""
    return ProblemError(HTTPStatus.BAD_REQUEST, detail)
