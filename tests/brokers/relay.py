"""A TCP relay before a server that others use, too: what is cut here is not cut for them."""

import asyncio
import socket
import ssl
from contextlib import suppress


class Relay:
    """Listens on a port of its own that stays the same when the line is cut and restored, with TLS where asked for."""

    def __init__(self, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> None:
        self._target, self._tls = (host, port), tls
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def restore(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self._server = await asyncio.start_server(self._carry, sock=listener, ssl=self._tls)

    async def cut(self) -> None:
        """Refuse connections, and break those that are open."""
        assert self._server
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        # Aborted connections end in a later turn; the address is free at once.
        await asyncio.sleep(0)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with suppress(OSError):
            there, back = await asyncio.open_connection(*self._target)
            self._writers.add(back)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._copy(reader, back))
                tasks.create_task(self._copy(there, writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.transport.abort()
        self._writers.discard(writer)
