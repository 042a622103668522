"""One SMTP session: the connection is aiosmtpd's, the dialogue is ours.

aiosmtpd brings the asyncio protocol, flow control and timers. Its dialogue is
replaced, because it reads messages line by line, tells exceptions to clients,
refuses parameters that real mailers send, and cancels the session (and with
it a commit) as soon as the client closes its side. Here a session is never
cancelled: it ends when its input ends.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, MutableSet
from contextlib import suppress
from typing import ClassVar, cast

import aiosmtpd.smtp

from bounced import log, metrics
from bounced.errors import StoreError, StoreFullError
from bounced.model import Message
from bounced.receive.addresses import read_path, split_command, value_of
from bounced.receive.data import Body
from bounced.receive.replies import LOCAL_ERROR, STORE_FULL, RefusedError
from bounced.receive.settings import Accept, Settings
from bounced.receive.transaction import Transaction
from bounced.receive.wire import CHUNK_BYTES, Wire

_log = log.get("receive")

_MAX_MISTAKES = 10
_HTTP_METHODS = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PATCH", "TRACE", "PRI"})
_NOT_IMPLEMENTED = frozenset({"EXPN", "AUTH", "BDAT", "ETRN", "TURN", "SEND", "SOML", "SAML"})
_HANDSHAKE_SECONDS = 60

Command = Callable[["Smtp", str], Awaitable[None]]


class Smtp(aiosmtpd.smtp.SMTP):
    """A session of one client.

    Limits on connections and rates belong where sessions begin: `sessions`
    holds all that are alive when `connection_made` is called.

    Args:
        settings: How to behave.
        accept: Takes each message; the client hears 250 when it has returned.
        sessions: Where the session is to be found while it lives.
    """

    service: ClassVar[str] = "ESMTP"
    # The StreamReader lets a client send twice this much ahead of us.
    line_length_limit = CHUNK_BYTES
    _paused: bool  # asyncio's flow control: the client does not read

    def __init__(self, settings: Settings, accept: Accept, sessions: "MutableSet[Smtp]") -> None:
        super().__init__(
            self, hostname=settings.hostname, timeout=settings.timeout_seconds, loop=asyncio.get_running_loop()
        )
        self._settings, self._accept, self._sessions = settings, accept, sessions
        self._client: str | None = None
        self._client_name: str | None = None
        self._mistakes = 0
        self._is_waiting = self._is_busy = self._is_finishing = False

    def __dir__(self) -> tuple[str, ...]:
        """Hide our members from aiosmtpd, which would look through all of them for each connection."""
        return ()

    # The life of the connection.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the session."""
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._client = peer[0] if isinstance(peer, tuple) else None
        self._wire = Wire(self._reader)
        self._sessions.add(self)
        self.dialogue.add_done_callback(self._forget)
        metrics.connections(self.service.lower()).inc()
        metrics.sessions(self.service.lower()).inc()

    def _forget(self, _: asyncio.Task[None]) -> None:
        self._sessions.discard(self)
        metrics.sessions(self.service.lower()).dec()

    @property
    def dialogue(self) -> asyncio.Task[None]:
        """The task that ends with the session."""
        return cast("asyncio.Task[None]", self._handler_coroutine)  # None only before connection_made

    @property
    def _is_encrypted(self) -> bool:
        return self._writer.get_extra_info("sslcontext") is not None

    def data_received(self, data: bytes) -> None:
        """Take octets from the client, who is thus not idle."""
        self._reset_timeout()
        super().data_received(data)

    def eof_received(self) -> bool | None:
        """Let the dialogue read what is there and answer it, where aiosmtpd would cancel it.

        QUIRK: Exim: sends the final dot together with QUIT and closes its side.
        """
        return asyncio.StreamReaderProtocol.eof_received(self)

    def connection_lost(self, error: Exception | None) -> None:
        """Let the dialogue come to its end, where aiosmtpd would cancel it: a commit under way must not be lost."""
        if self._timeout_handle:
            self._timeout_handle.cancel()
        asyncio.StreamReaderProtocol.connection_lost(self, error)

    def _timeout_cb(self) -> None:
        self._reset_timeout()
        transport = self._writer.transport
        if self._is_busy:
            return
        if transport.is_closing() or transport.get_write_buffer_size():
            transport.abort()  # the client does not read; a mere close would wait for ever
        else:
            self._close_with("421 4.4.2 Timeout, closing connection")

    def finish(self) -> None:
        """End the session as soon as no transaction is open."""
        self._is_finishing = True
        if self._is_waiting:
            self._end_if_finished()

    def _end_if_finished(self) -> None:
        if self._is_finishing and not self._transaction.is_open:
            self._close_with("421 4.3.2 Shutting down")

    def abort(self) -> None:
        """End the session now; a message that was not acknowledged will be sent again."""
        self._writer.transport.abort()
        self.dialogue.cancel()

    # The dialogue.

    def _write(self, reply: str) -> None:
        if reply.startswith(("4", "5")):
            metrics.refusals(reply.partition("\r\n")[0]).inc()
        if not self._writer.is_closing():
            self._writer.write(f"{reply}\r\n".encode())

    async def _reply(self, reply: str) -> None:
        """Send `reply`, and wait only where the client does not take it."""
        self._write(reply)
        if self._paused:
            await self._writer.drain()

    def _close_with(self, reply: str) -> None:
        self._write(reply)
        self._writer.close()

    def _set_rset_state(self) -> None:
        self._transaction = Transaction()

    async def _handle_client(self) -> None:
        try:
            await self._reply(f"220 {self.hostname} {self.service}")
            self._end_if_finished()
            while not self._writer.is_closing():
                await self._take_command()
                self._end_if_finished()
        except (EOFError, OSError) as error:
            _log.debug("session_lost", client=self._client, error=repr(error), in_transaction=self._transaction.is_open)
        finally:
            self._writer.close()
            with suppress(OSError):
                await self._writer.wait_closed()

    async def _take_command(self) -> None:
        try:
            verb, argument = split_command(await self._next_line())
            command = self.commands.get(verb)
            if command is None:
                raise _unknown_command(verb)  # noqa: TRY301 - refusals are answered in one place
            await command(self, argument)
        except RefusedError as refusal:
            await self._refuse(refusal)
        except (EOFError, OSError):
            raise
        except Exception:  # noqa: BLE001 - one of the three places; it logs and goes on
            _log.exception("session_failed", client=self._client)
            self._set_rset_state()
            await self._reply(LOCAL_ERROR)

    async def _next_line(self) -> bytes:
        self._is_waiting = True
        try:
            return await self._wire.line()
        finally:
            self._is_waiting = False

    async def _refuse(self, refusal: RefusedError) -> None:
        self._mistakes += refusal.reply.startswith("500")
        if refusal.is_final:
            self._close_with(refusal.reply)
        elif self._mistakes > _MAX_MISTAKES:
            self._close_with("421 4.7.0 Too many errors")
        else:
            await self._reply(refusal.reply)

    # The commands.

    async def _helo(self, argument: str) -> None:
        self._greet(argument)
        await self._reply(f"250 {self.hostname}")

    async def _ehlo(self, argument: str) -> None:
        self._greet(argument)
        lines = [
            self.hostname,
            "PIPELINING",
            f"SIZE {self._settings.max_message_bytes}",
            "ENHANCEDSTATUSCODES",
            "8BITMIME",
            "SMTPUTF8",
            "DSN",
        ]
        if self._settings.tls and not self._is_encrypted:
            lines.append("STARTTLS")
        await self._reply("\r\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"]))

    def _greet(self, argument: str) -> None:
        if not argument:
            raise RefusedError("501 5.5.4 Say your name")
        self._set_rset_state()
        self._client_name = argument

    async def _starttls(self, argument: str) -> None:
        _take_no_argument(argument)
        if not self._settings.tls:
            raise RefusedError("502 5.5.1 TLS is not available")
        if self._is_encrypted:
            raise RefusedError("503 5.5.1 TLS is already in use")
        await self._reply("220 2.0.0 Ready to start TLS")
        self._wire.forget()
        self._is_busy = True
        try:
            await self._writer.start_tls(self._settings.tls.context, ssl_handshake_timeout=_HANDSHAKE_SECONDS)
        except (OSError, asyncio.CancelledError):
            self.connection_lost(None)  # asyncio tells only protocols whose handshake has succeeded
            raise
        finally:
            self._is_busy = False
        self._set_rset_state()
        self._client_name = None

    async def _mail(self, argument: str) -> None:
        if self._client_name is None:
            raise RefusedError("503 5.5.1 Say hello first")
        if self._transaction.is_open:
            raise RefusedError("503 5.5.1 Sender already given")
        path = read_path(argument, "FROM:")
        _check_parameters(path.parameters, self._settings.max_message_bytes)
        self._transaction.sender, self._transaction.mail_parameters = path
        await self._reply("250 2.1.0 Ok")

    async def _rcpt(self, argument: str) -> None:
        transaction = self._transaction
        if not transaction.is_open:
            raise RefusedError("503 5.5.1 MAIL comes first")
        path = read_path(argument, "TO:")
        if not path.address:
            raise RefusedError("553 5.1.3 Recipient missing")
        if not self._settings.recipients.accepts(path.address):
            _log.info("recipient_refused", client=self._client, recipient=path.address, sender=transaction.sender)
            raise RefusedError("550 5.7.1 Not a recipient here")
        if self._settings.admits and not self._settings.admits(path.address):
            _log.info("recipient_not_genuine", client=self._client, recipient=path.address, sender=transaction.sender)
            raise RefusedError("550 5.7.1 This address is not valid, or not any more")
        if len(transaction.recipients) >= self._settings.max_recipients:
            raise RefusedError("452 4.5.3 Too many recipients")
        transaction.recipients.append(path.address)
        transaction.rcpt_parameters.append(path.parameters)
        await self._reply("250 2.1.5 Ok")

    async def _data(self, argument: str) -> None:
        _take_no_argument(argument)
        transaction = self._transaction
        if not transaction.recipients:
            raise RefusedError(self._reply_without_recipients())
        await self._reply("354 End data with <CR><LF>.<CR><LF>")
        body = await self._read_message()
        if body.size > self._settings.max_message_bytes:
            reply = "552 5.3.4 Message too big"
        else:
            reply = await self._commit(transaction, body)
        self._set_rset_state()
        await self._answer_message(transaction, reply)

    async def _read_message(self) -> Body:
        settings = self._settings
        try:
            return await self._wire.message(max_bytes=settings.max_message_bytes, keep_bytes=settings.keep_bytes)
        except MemoryError as error:
            # We are somewhere within the message: to go on would be to obey what it says.
            raise RefusedError(LOCAL_ERROR, is_final=True) from error

    def _reply_without_recipients(self) -> str:
        return "554 5.5.1 No valid recipients" if self._transaction.is_open else "503 5.5.1 MAIL comes first"

    async def _answer_message(self, _transaction: Transaction, reply: str) -> None:
        await self._reply(reply)

    async def _commit(self, transaction: Transaction, body: Body) -> str:
        """Have the message accepted and return the reply to it: 250 only when it is on stable storage."""
        self._is_busy = True
        try:
            envelope = transaction.envelope(client=self._client, helo=self._client_name)
            message = Message.of(envelope, body.kept, size=body.size)
            await self._accept(message)
        except StoreError as error:
            _log.warning("accept_failed", client=self._client, error=str(error))
            return STORE_FULL if isinstance(error, StoreFullError) else LOCAL_ERROR
        except Exception:  # noqa: BLE001 - any storage doubt is 451, never 250
            _log.exception("accept_failed", client=self._client)
            return LOCAL_ERROR
        finally:
            self._is_busy = False
        metrics.messages_accepted.inc()
        metrics.accepted_bytes.inc(message.size)
        _log.info("message_accepted", message=message.id, client=self._client, size=message.size)
        return f"250 2.0.0 Ok: {message.id}"

    async def _rset(self, argument: str) -> None:
        _take_no_argument(argument)
        self._set_rset_state()
        await self._reply("250 2.0.0 Ok")

    async def _noop(self, _argument: str) -> None:
        await self._reply("250 2.0.0 Ok")

    async def _vrfy(self, _argument: str) -> None:
        # RFC 5321 section 7.3: 252 where a site does not want to tell.
        await self._reply("252 2.0.0 Send mail and see")

    async def _help(self, _argument: str) -> None:
        await self._reply("214 2.0.0 See RFC 5321")

    async def _quit(self, argument: str) -> None:
        _take_no_argument(argument)
        self._close_with("221 2.0.0 Bye")

    commands: ClassVar[Mapping[str, Command]] = {
        "HELO": _helo,
        "EHLO": _ehlo,
        "STARTTLS": _starttls,
        "MAIL": _mail,
        "RCPT": _rcpt,
        "DATA": _data,
        "RSET": _rset,
        "NOOP": _noop,
        "VRFY": _vrfy,
        "HELP": _help,
        "QUIT": _quit,
    }


def _take_no_argument(argument: str) -> None:
    if argument:
        raise RefusedError("501 5.5.4 No argument is allowed")


def _unknown_command(verb: str) -> RefusedError:
    if verb in _HTTP_METHODS:
        return RefusedError("554 5.5.1 This is not a web server", is_final=True)
    if verb in _NOT_IMPLEMENTED:
        return RefusedError("502 5.5.1 Command not implemented")
    return RefusedError("500 5.5.1 Command not recognized")


def _check_parameters(parameters: tuple[str, ...], max_message_bytes: int) -> None:
    if value_of("BODY", parameters) not in {None, "7BIT", "8BITMIME"}:
        raise RefusedError("501 5.5.4 BODY is 7BIT or 8BITMIME")
    size = value_of("SIZE", parameters)
    if size is None:
        return
    if not re.fullmatch("[0-9]{1,20}", size):  # RFC 1870 section 4
        raise RefusedError("501 5.5.4 SIZE is a number")
    if int(size) > max_message_bytes:
        raise RefusedError("552 5.3.4 Message too big")
