"""What a client sends: command lines and message data out of one buffer."""

import asyncio
from collections.abc import Callable

from bounced.receive.budget import Share
from bounced.receive.data import Body, DataReader
from bounced.receive.networks import Address
from bounced.receive.proxy import read_header
from bounced.receive.replies import RefusedError

# With the line end. RFC 5321 section 4.5.3.1.4 says 512; long VERP addresses and parameters need more.
_MAX_LINE_BYTES = 2048

_Feed = Callable[[bytes], bytes | None]
"""Takes octets as they come; returns what is left of them once it has enough, and None before."""


class Wire:
    """The receiving half of a connection.

    Lines wait in the buffer until they are asked for; a message is read
    while it comes in, and never waits.

    Attributes:
        lost: Why nothing more will come; None while something may.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._is_line_too_long = False
        self._feed: _Feed | None = None
        self._is_fed: asyncio.Future[None] | None = None
        self.lost: Exception | None = None

    def receive(self, octets: bytes) -> None:
        """Take what has come."""
        if self._feed is None:
            self._buffer += octets
            return
        try:
            rest = self._feed(octets)
        except Exception as error:  # noqa: BLE001 - it is raised where the octets are waited for
            self._stop(error)
        else:
            if rest is not None:
                self._buffer += rest
                self._stop(None)

    def end(self, error: Exception | None = None) -> None:
        """Note that nothing more will come."""
        self.lost = error or EOFError()
        self._stop(self.lost)

    def _stop(self, error: Exception | None) -> None:
        """Let go on who waits, unless that one was cancelled."""
        self._feed = None
        if self._is_fed is None or self._is_fed.done():
            return
        if error is None:
            self._is_fed.set_result(None)
        else:
            self._is_fed.set_exception(error)

    def line(self) -> bytes | None:
        """Return the next command line without its end; None where there is no whole one yet.

        Raises:
            RefusedError: The line was too long; it has been read and forgotten.
        """
        # QUIRK: scripts and netcat: LF alone ends a command. It never ends a message.
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) >= _MAX_LINE_BYTES:
                self._is_line_too_long = True
                self._buffer.clear()
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        if self._is_line_too_long or len(line) >= _MAX_LINE_BYTES:
            self._is_line_too_long = False
            raise RefusedError("500 5.5.2 Line too long")
        return line.removesuffix(b"\r")

    async def proxied(self) -> Address | None:
        """Return for whom a proxy connects; None where it speaks for itself.

        Raises:
            RefusedError: It does not begin with a PROXY header.
            EOFError: The client has closed its side.
            OSError: The connection broke.
        """
        octets = bytearray()
        client: Address | None = None

        def feed(piece: bytes) -> bytes | None:
            nonlocal client
            octets.extend(piece)
            header = read_header(bytes(octets))
            if header is None:
                return None
            client = header.client
            return bytes(octets[header.length :])

        await self._pour(feed)
        return client

    async def message(self, *, max_bytes: int, share: Share, keep_bytes: int | None) -> Body:
        """Read a message to its end; see `DataReader` for the arguments.

        Raises:
            EOFError: The client has closed its side.
            OSError: The connection broke.
        """
        data = DataReader(max_bytes=max_bytes, share=share, keep_bytes=keep_bytes)
        await self._pour(data.feed)
        return data.body()

    async def _pour(self, feed: _Feed) -> None:
        """Have `feed` take all octets until it has enough."""
        if self._buffer:
            octets = bytes(self._buffer)
            self._buffer.clear()
            rest = feed(octets)
            if rest is not None:
                self._buffer += rest
                return
        if self.lost:
            raise self.lost
        self._feed, self._is_fed = feed, asyncio.get_running_loop().create_future()
        await self._is_fed

    @property
    def ahead(self) -> int:
        """How many octets have come that were not read yet."""
        return len(self._buffer)

    def forget(self) -> None:
        """Drop everything received but not yet read.

        What came before TLS must not be obeyed after it (RFC 3207 section 6).
        """
        self._buffer.clear()
