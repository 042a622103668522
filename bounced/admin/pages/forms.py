"""Take what people send by the forms of our own pages, and lead them on."""

from http import HTTPStatus

from aiohttp import web

from bounced.admin.access import find_session
from bounced.admin.address import is_text
from bounced.admin.problem import ProblemError, bad_request
from bounced.admin.sessions import Sessions

_MAX_FIELD = 1000


async def read_form(request: web.Request, sessions: Sessions) -> dict[str, str]:
    """Return the fields of a form that one of our own pages sent.

    Raises:
        ProblemError: It comes from elsewhere, or holds what no form of ours holds.
    """
    fields = await read_fields(request)
    session = find_session(request, sessions)
    if session is None or not session.has_sent(fields.pop("form_key", "")):
        raise ProblemError(
            HTTPStatus.FORBIDDEN, "this form is too old, or none of ours; go back and load the page again"
        )
    return fields


async def read_fields(request: web.Request) -> dict[str, str]:
    """Return the fields of any form.

    Raises:
        ProblemError: It holds what no form of ours holds.
    """
    if request.content_type != "application/x-www-form-urlencoded":
        raise bad_request("this is no form")
    try:
        given = await request.post()
    except (LookupError, ValueError):
        raise bad_request("the form is not in the charset that it names, or that is none") from None
    fields = {name: value for name, value in given.items() if isinstance(value, str)}
    if any(len(value) > _MAX_FIELD or not is_text(value) for value in fields.values()):
        raise bad_request("a field is too long, or has control characters")
    return fields


def lead_to(path: str) -> web.Response:
    """Let the browser go on to one of our pages."""
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": path})
