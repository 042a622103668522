"""Returned mail as Postfix writes it, invented for the tests, and a client that brings it."""

import asyncio
from dataclasses import dataclass
from typing import Self

DEADLINE_SECONDS = 20
TO = "bounce@bounces.example.com"

_DSN = """\
Return-Path: <>
Date: Mon, 23 Nov 2026 09:33:53 +0000 (UTC)
From: MAILER-DAEMON@relay.test.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {to}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4F2A1.1795426433/relay.test.example"
Message-Id: <20261123093353.4F2A1@relay.test.example>{header}

This is a MIME-encapsulated message.

--4F2A1.1795426433/relay.test.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host relay.test.example.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients.

<{recipient}>: host mx.example.com[192.0.2.25] said: {said} (in reply to RCPT TO command)

--4F2A1.1795426433/relay.test.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.test.example
X-Postfix-Queue-ID: 4F2A1
X-Postfix-Sender: rfc822; news@test.example
Arrival-Date: Mon, 23 Nov 2026 09:33:51 +0000 (UTC)

Final-Recipient: rfc822; {recipient}
Original-Recipient: rfc822;{recipient}
Action: failed
Status: {status}
Remote-MTA: dns; mx.example.com
Diagnostic-Code: smtp; {said}

--4F2A1.1795426433/relay.test.example
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

Return-Path: <news@test.example>
From: Test News <news@test.example>
To: {recipient}
Subject: The November issue
Date: Mon, 23 Nov 2026 09:33:50 +0000
Message-ID: <november.1@test.example>

--4F2A1.1795426433/relay.test.example--
"""

_COMPLAINT = """\
From: Feedback <fbl@provider.example>
To: {to}
Subject: FW: The November issue
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="arf-1"
Message-Id: <complaint.1@provider.example>

--arf-1
Content-Type: text/plain; charset=us-ascii

This is an abuse report.

--arf-1
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Provider-FBL/1.0
Version: 1
Original-Rcpt-To: <{recipient}>

--arf-1
Content-Type: message/rfc822

From: Test News <news@test.example>
To: {recipient}
Message-ID: <november.6@test.example>

Dear subscriber, this is the November issue.

--arf-1--
"""


def dsn(
    recipient: str = "ann@example.com",
    *,
    status: str = "5.1.1",
    said: str = "550 5.1.1 User unknown in virtual mailbox table",
    header: str = "",
) -> bytes:
    """Return a report that mail to `recipient` has failed; `header` is one more field of it."""
    extra = f"\n{header}" if header else ""
    return _wire(_DSN.format(to=TO, recipient=recipient, status=status, said=said, header=extra))


def complaint(recipient: str) -> bytes:
    return _wire(_COMPLAINT.format(to=TO, recipient=recipient))


def _wire(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


@dataclass
class Session:
    """A client in dialogue with the daemon; every wait has a deadline."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def open(cls, port: int) -> Self:
        return await cls._greeted(*await asyncio.open_connection("127.0.0.1", port), hello="EHLO")

    @classmethod
    async def open_lmtp(cls, path: str) -> Self:
        return await cls._greeted(*await asyncio.open_unix_connection(path), hello="LHLO")

    @classmethod
    async def _greeted(cls, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, hello: str) -> Self:
        session = cls(reader, writer)
        try:
            assert (await session.reply()).startswith("220 ")
            assert (await session.ask(f"{hello} client.example")).startswith("250 ")
        except BaseException:
            session.close()
            raise
        return session

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    async def reply(self) -> str:
        """Return the last line of the next reply.

        Raises:
            ConnectionError: The daemon has gone.
        """
        async with asyncio.timeout(DEADLINE_SECONDS):
            while line := (await self.reader.readline()).decode():
                if line[3:4] == " ":
                    return line.rstrip()
        raise ConnectionResetError("the connection ended without a reply")

    async def ask(self, line: str) -> str:
        self.writer.write(f"{line}\r\n".encode())
        return await self.reply()

    async def begin(self, *, to: tuple[str, ...] = (TO,)) -> None:
        """Go as far as the octets after DATA."""
        assert (await self.ask("MAIL FROM:<>")).startswith("250 ")
        for recipient in to:
            assert (await self.ask(f"RCPT TO:<{recipient}>")).startswith("250 ")
        assert (await self.ask("DATA")).startswith("354 ")

    async def finish(self, raw: bytes) -> str:
        """Send what follows DATA, and return the reply to the whole message."""
        self.writer.write(raw.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        return await self.reply()

    async def send(self, raw: bytes, *, to: tuple[str, ...] = (TO,)) -> str:
        await self.begin(to=to)
        return await self.finish(raw)

    def close(self) -> None:
        self.writer.transport.abort()


async def send(port: int, *mails: bytes) -> list[str]:
    """Send `mails` over one connection, and return the ids under which the daemon took them."""
    async with await Session.open(port) as session:
        replies = [await session.send(raw) for raw in mails]
    assert all(reply.startswith("250 2.0.0 Ok: msg_") for reply in replies), replies
    return [reply.split()[-1] for reply in replies]
