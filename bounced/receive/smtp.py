"""One SMTP session: the dialogue, from the greeting to the last reply.

That of aiosmtpd is replaced, because it reads messages line by line, tells
exceptions to clients and refuses parameters that real mailers send.

Commands are answered as they come in, within the call that brings them; only
those that take time are carried out by the task of the dialogue.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableSet
from contextlib import suppress
from typing import ClassVar

from bounced import log, metrics
from bounced.errors import StoreError, StoreFullError
from bounced.model import Message
from bounced.receive.addresses import check_mail_parameters, read_path, split_command
from bounced.receive.budget import Budget, Share
from bounced.receive.conduct import Conduct
from bounced.receive.connection import MAX_AHEAD_BYTES, Connection
from bounced.receive.data import Body
from bounced.receive.door import Door
from bounced.receive.replies import LOCAL_ERROR, NO_MEMORY, STORE_FULL, TOO_BIG, RefusedError
from bounced.receive.settings import Accept, Settings
from bounced.receive.tls import start_tls
from bounced.receive.transaction import Transaction
from bounced.receive.verbs import refuse_verb

_log = log.get("receive")

# How many commands of one client are answered before others are heard.
_AT_ONCE = 50

Command = Callable[["Smtp", str], None]
LongCommand = Callable[["Smtp", str], Awaitable[None]]


class Smtp(Connection):
    """A session of one client.

    Args:
        settings: How to behave.
        accept: Takes each message; the client hears 250 when it has returned.
        door: Decides whether the client may come in.
        budget: The memory that all messages share.
        sessions: Where the session is to be found while it lives.
    """

    service: ClassVar[str] = "ESMTP"

    def __init__(
        self, settings: Settings, accept: Accept, door: Door, budget: Budget, sessions: MutableSet["Smtp"]
    ) -> None:
        limits = settings.limits
        super().__init__(settings.hostname, limits)
        self._sessions = sessions
        self._settings, self._accept, self._door, self._budget = settings, accept, door, budget
        self._conduct = Conduct(errors=limits.errors, idle_commands=limits.idle_commands)
        self._client: str | None = None
        self._client_name: str | None = None
        self._is_finishing = False
        self._turn: asyncio.Future[tuple[LongCommand, str] | None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the session."""
        super().connection_made(transport)
        self._sessions.add(self)
        metrics.sessions(self.service.lower()).inc()
        self.dialogue.add_done_callback(self._leave)

    def _leave(self, _: object) -> None:
        self._sessions.discard(self)
        metrics.sessions(self.service.lower()).dec()

    def finish(self) -> None:
        """End the session as soon as no transaction is open."""
        self._is_finishing = True
        if not self._is_busy:
            self._end_if_finished()

    def _end_if_finished(self) -> None:
        if self._is_finishing and not self._transaction.is_open:
            self._close_with("421 4.3.2 Shutting down")

    # The dialogue.

    def _set_rset_state(self) -> None:
        self._transaction = Transaction()

    async def _handle_client(self) -> None:
        try:
            if self._address is not None and self._address in self._settings.proxies:
                self._address = await self._wire.proxied() or self._address
            self._client = str(self._address) if self._address else None
            with self._door.visit(self._address, self.loop.time()) as self._visitor:
                await self._converse()
        except RefusedError as refusal:
            _log.info("client_refused", client=self._client, reply=refusal.reply)
            self._close_with(refusal.reply)
        except (EOFError, OSError) as error:
            _log.debug("session_lost", client=self._client, error=repr(error), in_transaction=self._transaction.is_open)
        finally:
            self._close()
            with suppress(OSError):
                await self._writer.wait_closed()

    async def _converse(self) -> None:
        self._write(f"220 {self.hostname} {self.service}")
        self._end_if_finished()
        self.transport.resume_reading()  # a client may have sent much before it was greeted
        while not self.transport.is_closing():
            self._turn = self.loop.create_future()
            self._answer()
            if (turn := await self._turn) and not self.transport.is_closing():
                await self._carry_out(*turn)
                self._end_if_finished()

    def _answer(self) -> None:
        if self._turn is None or self._turn.done():
            return  # the dialogue is at work, and calls again
        for _ in range(_AT_ONCE):
            if self._turn.done() or self._paused or self.transport.is_closing() or not self._answer_line():
                break
            self._end_if_finished()
        else:
            # Whoever sends without end would be read without end: others have their turn first.
            self.transport.pause_reading()
            self.loop.call_soon(self._go_on)
            return
        if self._turn.done():
            return
        if self.transport.is_closing():
            self._turn.set_result(None)
        elif self._wire.lost and not self._paused:
            self._turn.set_exception(self._wire.lost)

    def _go_on(self) -> None:
        if not (self._paused or self.transport.is_closing()):
            self.transport.resume_reading()
        self._answer()

    def _answer_line(self) -> bool:
        """Obey the next command; False where there is none."""
        try:
            line = self._wire.line()
            if line is None:
                return False
            verb, argument = split_command(line)
            if command := self.commands.get(verb):
                command(self, argument)
            elif (long_command := self.long_commands.get(verb)) and self._turn:
                self._turn.set_result((long_command, argument))
            else:
                self._refuse(refuse_verb(verb, argument))
        except RefusedError as refusal:
            self._refuse(refusal)
        except Exception:  # noqa: BLE001 - one of the three places; it logs and goes on
            self._fail()
        return True

    async def _carry_out(self, command: LongCommand, argument: str) -> None:
        self.transport.resume_reading()
        try:
            await command(self, argument)
        except RefusedError as refusal:
            self._refuse(refusal)
        except (EOFError, OSError):
            raise
        except Exception:  # noqa: BLE001 - as above
            self._fail()

    def _refuse(self, refusal: RefusedError) -> None:
        judged = self._conduct.judge(refusal)
        if judged.is_final:
            self._close_with(judged.reply)
        else:
            self._write(judged.reply)

    def _fail(self) -> None:
        """Answer a command on which we have failed."""
        _log.exception("session_failed", client=self._client)
        self._set_rset_state()
        self._write(LOCAL_ERROR)

    # The commands.

    def _helo(self, argument: str) -> None:
        self._greet(argument)
        self._write(f"250 {self.hostname}")

    def _ehlo(self, argument: str) -> None:
        self._greet(argument)
        start_tls = "250-STARTTLS\r\n" if self._settings.tls and not self._is_encrypted else ""
        self._write(
            f"250-{self.hostname}\r\n250-PIPELINING\r\n250-SIZE {self._settings.max_message_bytes}\r\n"
            f"250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n{start_tls}250 DSN"
        )

    def _greet(self, argument: str) -> None:
        self._conduct.idle()
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
        self._write("220 2.0.0 Ready to start TLS")
        await self._writer.drain()
        if self._wire.lost:
            raise self._wire.lost
        self._wire.forget()
        self._is_busy = True
        try:
            context, seconds = self._settings.tls.context, self._settings.limits.handshake_seconds
            self.transport = await start_tls(self._writer, self, context, handshake_seconds=seconds)
        except (OSError, asyncio.CancelledError):
            metrics.sessions_cut_off("tls_handshake").inc()
            self.connection_lost(None)  # asyncio tells only protocols whose handshake has succeeded
            raise
        finally:
            self._is_busy = False
        self._set_rset_state()
        self._client_name = None

    def _mail(self, argument: str) -> None:
        if self._client_name is None:
            raise RefusedError("503 5.5.1 Say hello first")
        if self._transaction.is_open:
            raise RefusedError("503 5.5.1 Sender already given")
        path = read_path(argument, "FROM:")
        check_mail_parameters(path.parameters, self._settings.max_message_bytes)
        self._door.begin_message(self._visitor, self.loop.time())
        self._transaction.sender, self._transaction.mail_parameters = path
        self._write("250 2.1.0 Ok")

    def _rcpt(self, argument: str) -> None:
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
        if not transaction.add(path, max_recipients=self._settings.limits.recipients_per_message):
            raise RefusedError("452 4.5.3 Too many recipients")
        self._write("250 2.1.5 Ok")

    async def _data(self, argument: str) -> None:
        # What was sent ahead may be a message, and a message says nothing that we obey.
        is_final = self._wire.ahead > 0
        _take_no_argument(argument, is_final=is_final)
        transaction = self._transaction
        if not transaction.recipients:
            raise RefusedError(self._reply_without_recipients(), is_final=is_final)
        self._write("354 End data with <CR><LF>.<CR><LF>")
        with Share(self._budget) as share:
            body = await self._read_message(share)
            reply = await self._take_message(transaction, body)
        self._set_rset_state()
        self._answer_message(transaction, reply)

    async def _read_message(self, share: Share) -> Body:
        settings = self._settings
        self._patience.begin_message(self.loop.time())
        try:
            return await self._wire.message(
                max_bytes=settings.max_message_bytes, share=share, keep_bytes=settings.keep_bytes
            )
        except MemoryError as error:
            # We are somewhere within the message: to go on would be to obey what it says.
            raise RefusedError(LOCAL_ERROR, is_final=True) from error
        finally:
            self._patience.end_message(self.loop.time())

    async def _take_message(self, transaction: Transaction, body: Body) -> str:
        """Return the reply to a message."""
        if body.size > self._settings.max_message_bytes:
            return TOO_BIG
        if body.is_lost:
            return NO_MEMORY
        if self._wire.ahead > MAX_AHEAD_BYTES:
            raise RefusedError("421 4.7.0 Too much sent ahead", is_final=True)
        self._is_busy = True
        try:
            reply = await self._commit(transaction, body)
        finally:
            self._is_busy = False
            self._patience.end_message(self.loop.time())
        return reply

    def _reply_without_recipients(self) -> str:
        return "554 5.5.1 No valid recipients" if self._transaction.is_open else "503 5.5.1 MAIL comes first"

    def _answer_message(self, _transaction: Transaction, reply: str) -> None:
        self._write(reply)

    async def _commit(self, transaction: Transaction, body: Body) -> str:
        """Have the message accepted and return the reply to it: 250 only when it is on stable storage."""
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
        self._conduct.forgive()
        metrics.messages_accepted.inc()
        metrics.accepted_bytes.inc(message.size)
        _log.info("message_accepted", message=message.id, client=self._client, size=message.size)
        return f"250 2.0.0 Ok: {message.id}"

    def _rset(self, argument: str) -> None:
        _take_no_argument(argument)
        self._conduct.idle()
        self._set_rset_state()
        self._write("250 2.0.0 Ok")

    def _noop(self, _argument: str) -> None:
        self._conduct.idle()
        self._write("250 2.0.0 Ok")

    def _vrfy(self, _argument: str) -> None:
        self._conduct.idle()
        # RFC 5321 section 7.3: 252 where a site does not want to tell.
        self._write("252 2.0.0 Send mail and see")

    def _help(self, _argument: str) -> None:
        self._conduct.idle()
        self._write("214 2.0.0 See RFC 5321")

    def _quit(self, argument: str) -> None:
        _take_no_argument(argument)
        self._close_with("221 2.0.0 Bye")

    commands: ClassVar[Mapping[str, Command]] = {
        "HELO": _helo,
        "EHLO": _ehlo,
        "MAIL": _mail,
        "RCPT": _rcpt,
        "RSET": _rset,
        "NOOP": _noop,
        "VRFY": _vrfy,
        "HELP": _help,
        "QUIT": _quit,
    }
    long_commands: ClassVar[Mapping[str, LongCommand]] = {"DATA": _data, "STARTTLS": _starttls}


def _take_no_argument(argument: str, *, is_final: bool = False) -> None:
    if argument:
        raise RefusedError("501 5.5.4 No argument is allowed", is_final=is_final)
