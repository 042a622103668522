"""Make HTTP requests to one stranger, and say what came of them.

Of an answer the status is read, the rest in bounded time and space; it cannot
lead us elsewhere, and nothing it says gets into an error text.
"""

import time
from collections.abc import Mapping
from contextlib import suppress

import aiohttp

from bounced.deliver.address import open_public_socket
from bounced.deliver.answer import judge
from bounced.model import Failed, SendResult

_MAX_ANSWER_BYTES = 8192


class Poster:
    """A pool of connections to one URL.

    Args:
        url: Where to post.
        timeout_seconds: How long a request may take, from connecting to the end of the answer.
        allow_private_addresses: Whether the host may be one of our own network.
        connections: How many there are at the most.
    """

    def __init__(self, url: str, *, timeout_seconds: float, allow_private_addresses: bool, connections: int) -> None:
        self._url, self._timeout_seconds = url, timeout_seconds
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=connections, socket_factory=None if allow_private_addresses else open_public_socket
            ),
            timeout=aiohttp.ClientTimeout(total=timeout_seconds),
            headers={"User-Agent": "bounced", "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )

    async def post(self, body: bytes, headers: Mapping[str, str]) -> tuple[int | None, SendResult]:
        """Make one request; return its status, None where no answer came, and what it means."""
        try:
            async with self._session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                await _read_to_end(answer)
        except TimeoutError:
            return None, Failed(f"no answer within {self._timeout_seconds:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return None, Failed(_explain(error))
        return answer.status, judge(answer.status, answer.headers.get("Retry-After"), now=time.time())

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()


async def _read_to_end(answer: aiohttp.ClientResponse) -> None:
    """Read the answer, so that its connection can be used again.

    The status is the answer. A body that is long, or breaks, or does not end
    before the timeout, costs the connection only.
    """
    left = _MAX_ANSWER_BYTES
    with suppress(aiohttp.ClientError, OSError):
        async for chunk in answer.content.iter_any():
            left -= len(chunk)
            if left < 0:
                break


def _explain(error: aiohttp.ClientError | OSError) -> str:
    """Say in one line why there was no answer, without the URL and without what the endpoint said."""
    match error:
        case aiohttp.ClientConnectorCertificateError(certificate_error=cause):
            return f"cannot connect: {cause}"
        case aiohttp.ClientConnectorError(os_error=cause):
            return f"cannot connect: {cause.strerror or cause}"
        case _:
            return f"no usable answer: {type(error).__name__}"
