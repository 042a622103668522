"""The life of one client's connection: it is never cancelled, and it always ends.

aiosmtpd brings the asyncio protocol, its flow control and the task of the
dialogue. It hands each line to that task through a stream, and cancels it, and
with it a commit, as soon as the client closes its side; here what was said is
answered as it comes in, and a session ends when its input ends, when patience
does, or when the client takes nothing.
"""

import asyncio
from abc import abstractmethod
from typing import ClassVar, cast

import aiosmtpd.smtp

from bounced import metrics
from bounced.receive.limits import Limits
from bounced.receive.networks import Address, read_address
from bounced.receive.patience import Patience
from bounced.receive.wire import Wire

# Nobody needs to send so much before the reply to a message.
MAX_AHEAD_BYTES = 65_536
_LINGER_SECONDS = 10  # how long a client may take to read our last words
_BUSY_SECONDS = 1  # when to look again where a deadline passed while we worked


class Connection(aiosmtpd.smtp.SMTP):
    """A connection, whose dialogue is `_handle_client`.

    Args:
        hostname: What we call ourselves.
        limits: How long to wait for the client.
    """

    service: ClassVar[str]
    transport: asyncio.Transport
    _paused: bool  # asyncio's flow control: the client does not read

    def __init__(self, hostname: str, limits: Limits) -> None:
        loop = asyncio.get_running_loop()
        self._patience = Patience(limits, began=loop.time(), heard=loop.time())
        super().__init__(self, hostname=hostname, loop=loop)
        self._wire = Wire()
        self._address: Address | None = None
        self._is_busy = False

    def __dir__(self) -> tuple[str, ...]:
        """Hide our members from aiosmtpd, which would look through all of them for each connection."""
        return ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the session."""
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._address = read_address(peer[0]) if isinstance(peer, tuple) else None
        metrics.connections(self.service.lower()).inc()

    @property
    def dialogue(self) -> asyncio.Task[None]:
        """The task that ends with the session."""
        return cast("asyncio.Task[None]", self._handler_coroutine)  # None only before connection_made

    @property
    def _is_encrypted(self) -> bool:
        return self.transport.get_extra_info("sslcontext") is not None

    @abstractmethod
    def _answer(self) -> None:
        """Answer what has come, as far as the client is listened to and takes the replies."""

    def data_received(self, data: bytes) -> None:
        """Take octets from the client, who is thus not idle."""
        self._patience.hear(len(data), self.loop.time())
        self._wire.receive(data)
        self._answer()
        if self._wire.ahead <= MAX_AHEAD_BYTES:
            return
        if self._is_busy:
            self._cut_off("too_far_ahead")
        else:
            self.transport.pause_reading()  # the dialogue is about to go on with what is there

    def eof_received(self) -> bool | None:
        """Answer what is there and let the dialogue end, where aiosmtpd would cancel it.

        QUIRK: Exim: sends the final dot together with QUIT and closes its side.
        """
        self._wire.end()
        self._answer()
        return asyncio.StreamReaderProtocol.eof_received(self)

    def connection_lost(self, error: Exception | None) -> None:
        """Let the dialogue come to its end, where aiosmtpd would cancel it: a commit under way must not be lost."""
        if self._timeout_handle:
            self._timeout_handle.cancel()
        asyncio.StreamReaderProtocol.connection_lost(self, error)
        self._wire.end(error)
        self._answer()

    def pause_writing(self) -> None:
        """Listen no more to a client that does not take our replies."""
        super().pause_writing()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on with a client that takes our replies again."""
        super().resume_writing()
        self.transport.resume_reading()
        self._answer()

    def _reset_timeout(self, duration: float | None = None) -> None:
        """Look after the client in so many seconds, or at its next deadline."""
        when = self._patience.deadline.at if duration is None else self.loop.time() + duration
        self._timeout_handle = self.loop.call_at(when, self._timeout_cb)

    def _timeout_cb(self) -> None:
        """End the session if a deadline has passed; one timer serves all of them."""
        deadline = self._patience.deadline
        if self.transport.is_closing():
            self._cut_off("never_reads")  # a mere close would wait for ever
        elif self.loop.time() < deadline.at:
            self._reset_timeout()
        elif self._is_busy:
            self._reset_timeout(_BUSY_SECONDS)
        elif self.transport.get_write_buffer_size():
            self._cut_off("never_reads")
        else:
            self._close_with(deadline.reply)

    def _cut_off(self, cause: str) -> None:
        metrics.sessions_cut_off(cause).inc()
        self.transport.abort()

    def abort(self) -> None:
        """End the session now; a message that was not acknowledged will be sent again."""
        self._cut_off("shutdown")
        self.dialogue.cancel()

    def _write(self, reply: str) -> None:
        if reply.startswith(("4", "5")):
            metrics.refusals(reply.partition("\r\n")[0]).inc()
        if not self.transport.is_closing():
            self.transport.write(f"{reply}\r\n".encode())

    def _close_with(self, reply: str) -> None:
        self._write(reply)
        self._close()

    def _close(self) -> None:
        """Send what is written, and wait for that no longer than a moment."""
        if self.transport.is_closing():
            return
        is_all_sent = not (self.transport.get_write_buffer_size() or self._is_encrypted)
        self.transport.close()
        if self._timeout_handle:
            self._timeout_handle.cancel()
        if not is_all_sent:
            self._reset_timeout(_LINGER_SECONDS)
