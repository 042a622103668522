"""What a client sends: command lines and message data out of one buffer."""

import asyncio

from bounced.receive.budget import Share
from bounced.receive.data import Body, DataReader
from bounced.receive.networks import Address
from bounced.receive.proxy import read_header
from bounced.receive.replies import RefusedError

CHUNK_BYTES = 65_536
# With the line end. RFC 5321 section 4.5.3.1.4 says 512; long VERP addresses and parameters need more.
_MAX_LINE_BYTES = 2048


class Wire:
    """The receiving half of a connection.

    Every method that reads raises EOFError where the client has closed its
    side, and OSError where the connection broke.

    Args:
        reader: Where the octets come from.
    """

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._buffer = bytearray()

    async def line(self) -> bytes:
        """Return the next command line without its end.

        Raises:
            RefusedError: The line was too long; it has been read and forgotten.
        """
        is_too_long = False
        # QUIRK: scripts and netcat: LF alone ends a command. It never ends a message.
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) >= _MAX_LINE_BYTES:
                is_too_long = True
                self._buffer.clear()
            self._buffer += await self._read()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        if is_too_long or len(line) >= _MAX_LINE_BYTES:
            raise RefusedError("500 5.5.2 Line too long")
        return line.removesuffix(b"\r")

    async def proxied(self) -> Address | None:
        """Return for whom a proxy connects; None where it speaks for itself.

        Raises:
            RefusedError: It does not begin with a PROXY header.
        """
        while (header := read_header(bytes(self._buffer))) is None:
            self._buffer += await self._read()
        del self._buffer[: header.length]
        return header.client

    async def message(self, *, max_bytes: int, share: Share, keep_bytes: int | None) -> Body:
        """Read a message to its end; see `DataReader` for the arguments."""
        data = DataReader(max_bytes=max_bytes, share=share, keep_bytes=keep_bytes)
        rest = data.feed(bytes(self._buffer))
        self._buffer.clear()
        while rest is None:
            rest = data.feed(await self._read())
        self._buffer += rest
        return data.body()

    @property
    def ahead(self) -> int:
        """How many octets have come that were not read yet."""
        return len(self._buffer) + len(self._reader._buffer)  # type: ignore[attr-defined]  # noqa: SLF001 - no public way

    def forget(self) -> None:
        """Drop everything received but not yet read.

        What came before TLS must not be obeyed after it (RFC 3207 section 6).
        """
        self._buffer.clear()
        self._reader._buffer.clear()  # type: ignore[attr-defined]  # noqa: SLF001 - aiosmtpd does the same; no public way

    async def _read(self) -> bytes:
        chunk = await self._reader.read(CHUNK_BYTES)
        if not chunk:
            raise EOFError
        return chunk
