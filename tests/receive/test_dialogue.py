"""What a client hears, command by command."""

import asyncio
import smtplib
import socket

import pytest
from structlog.testing import capture_logs

from bounced.errors import StoreError, StoreFullError
from bounced.receive import Recipients, connection
from tests.receive.conftest import count_cut_off


async def test_banner_names_the_host_and_no_version(start):
    server = await start()
    client = await server.connect_silently()
    assert await client.reply() == "220 mx.example.com ESMTP"


async def test_ehlo_offers_exactly_what_is_kept(client):
    assert (await client.ask("EHLO client.example")).splitlines() == [
        "250-mx.example.com",
        "250-PIPELINING",
        "250-SIZE 33554432",
        "250-ENHANCEDSTATUSCODES",
        "250-8BITMIME",
        "250-SMTPUTF8",
        "250 DSN",
    ]


async def test_helo_is_enough_to_send_mail(client):
    assert await client.ask("HELO client.example") == "250 mx.example.com"
    assert await client.ask("MAIL FROM:<>") == "250 2.1.0 Ok"


@pytest.mark.parametrize(
    ("commands", "reply"),
    [
        (["EHLO"], "501 5.5.4 Say your name"),
        (["HELO  "], "501 5.5.4 Say your name"),
        (["MAIL FROM:<>"], "503 5.5.1 Say hello first"),
        (["EHLO c", "RCPT TO:<bounce@example.com>"], "503 5.5.1 MAIL comes first"),
        (["EHLO c", "DATA"], "503 5.5.1 MAIL comes first"),
        (["EHLO c", "MAIL FROM:<>", "MAIL FROM:<>"], "503 5.5.1 Sender already given"),
        (["EHLO c", "MAIL FROM:<>", "DATA"], "554 5.5.1 No valid recipients"),
        (["EHLO c", "MAIL FROM:<>", "RCPT TO:<x@example.org>", "DATA"], "554 5.5.1 No valid recipients"),
        (["EHLO c", "MAIL FROM:<>", "RCPT TO:<bounce@example.com>", "DATA now"], "501 5.5.4 No argument is allowed"),
        (["EHLO c", "MAIL FROM:<>", "RCPT TO:<>"], "553 5.1.3 Recipient missing"),
        (["EHLO c", "MAIL FROM:<>", "RCPT TO:"], "553 5.1.3 Malformed address"),
        (["EHLO c", "MAIL FROM:<>", "RCPT"], "501 5.5.4 Syntax: TO:<address>"),
        (["EHLO c", "MAIL"], "501 5.5.4 Syntax: FROM:<address>"),
        (["EHLO c", "MAIL TO:<a@example.org>"], "501 5.5.4 Syntax: FROM:<address>"),
        (["EHLO c", "MAIL FROM:<a@b@example.org>"], "553 5.1.3 Malformed address"),
        (["EHLO c", "MAIL FROM:<a@example.org"], "553 5.1.3 Malformed address"),
        (["EHLO c", "MAIL FROM:<> =x"], "501 5.5.4 Malformed parameter"),
        (["EHLO c", "MAIL FROM:<> BODY=BINARYMIME"], "501 5.5.4 BODY is 7BIT or 8BITMIME"),
        (["EHLO c", "MAIL FROM:<> SIZE=many"], "501 5.5.4 SIZE is a number"),
        (["EHLO c", "MAIL FROM:<> SIZE"], "501 5.5.4 SIZE is a number"),
        (["EHLO c", "MAIL FROM:<> SIZE=33554433"], "552 5.3.4 Message too big"),
        (["EHLO c", "MAIL FROM:<> SIZE=33554432"], "250 2.1.0 Ok"),
        (["EHLO c", "STARTTLS"], "502 5.5.1 TLS is not available"),
        (["EHLO c", "AUTH PLAIN AGEAYg=="], "502 5.5.1 Command not implemented"),
        (["VRFY root"], "252 2.0.0 Send mail and see"),
        (["EXPN list"], "502 5.5.1 Command not implemented"),
        (["HELP"], "214 2.0.0 See RFC 5321"),
        (["NOOP anything"], "250 2.0.0 Ok"),
        (["RSET now"], "501 5.5.4 No argument is allowed"),
        (["QUIT now"], "501 5.5.4 No argument is allowed"),
        (["LHLO c"], "500 5.5.1 Command not recognized"),
        ([""], "500 5.5.1 Command not recognized"),
        ([" "], "500 5.5.1 Command not recognized"),
        (["XYZZY"], "500 5.5.1 Command not recognized"),
        (["\x1b[2J"], "500 5.5.2 Control characters are not allowed"),
        (["NOOP \x00"], "500 5.5.2 Control characters are not allowed"),
        (["NOOP\rQUIT"], "500 5.5.2 Control characters are not allowed"),
        ([b"EHLO \xff\xfe"], "500 5.5.2 Commands must be UTF-8"),
        ([b"\xff\xfe"], "500 5.5.2 Commands must be UTF-8"),
        (["MAIL FROM:<" + "a" * 2048 + "@example.org>"], "500 5.5.2 Line too long"),
        (["NOOP " + "a" * 2041], "250 2.0.0 Ok"),
        (["NOOP " + "a" * 2042], "500 5.5.2 Line too long"),
        (["a" * 300_000], "500 5.5.2 Line too long"),
    ],
)
async def test_reply_and_the_session_goes_on(client, commands, reply):
    replies = [await client.ask(command) for command in commands]
    assert replies[-1] == reply
    assert await client.ask("NOOP") == "250 2.0.0 Ok"


async def test_rset_forgets_the_transaction_but_not_the_greeting(client):
    await client.ask("EHLO client.example")
    await client.ask("MAIL FROM:<a@example.org>")
    assert await client.ask("RSET") == "250 2.0.0 Ok"
    assert await client.ask("RCPT TO:<bounce@example.com>") == "503 5.5.1 MAIL comes first"
    assert await client.ask("MAIL FROM:<b@example.org>") == "250 2.1.0 Ok"


async def test_quit_ends_the_session(client):
    client.send(b"QUIT\r\nNOOP\r\n")
    assert await client.rest() == b"221 2.0.0 Bye\r\n"


async def test_commands_may_end_in_lf_alone(client):
    client.send(b"NOOP\nQUIT\n")
    assert await client.rest() == b"250 2.0.0 Ok\r\n221 2.0.0 Bye\r\n"


@pytest.mark.parametrize(
    "line",
    [
        b"GET / HTTP/1.1",
        b"POST /mail HTTP/1.1",
        b"PRI * HTTP/2.0",
        b"GET /",
        b"PROPFIND / HTTP/1.1",
        b"brew /pot http/1.0",
        b"M-SEARCH * HTTP/1.1 ",
    ],
)
async def test_http_ends_the_session(client, line):
    client.send(line + b"\r\n")
    assert await client.rest() == b"554 5.5.1 This is not a web server\r\n"


async def test_http_body_is_not_executed(start):
    server = await start()
    client = await server.connect()
    client.send(
        b"POST / HTTP/1.1\r\nHost: x\r\n\r\nEHLO x\r\nMAIL FROM:<>\r\n"
        b"RCPT TO:<bounce@example.com>\r\nDATA\r\nhi\r\n.\r\n"
    )
    assert b"250" not in await client.rest()
    assert not server.messages


async def test_endless_nonsense_ends_the_session(client):
    client.send(b"NONSENSE\r\n" * 21)
    replies = (await client.rest()).splitlines()
    assert replies == [b"500 5.5.1 Command not recognized"] * 20 + [b"421 4.7.0 Too many errors"]


async def test_silence_ends_the_session(start):
    server = await start(idle_seconds=0.05)
    client = await server.connect()
    assert await client.reply() == "421 4.4.2 Timeout, closing connection"
    assert await client.rest() == b""


async def greet_without_end(endpoint):
    """Greet until the connection breaks, and read no reply."""
    with socket.socket() as client:
        # Otherwise the kernel would take in megabytes for a client that reads nothing.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(0)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, (endpoint.host, endpoint.port))
        for _ in range(20_000):  # more than all buffers take
            await loop.sock_sendall(client, b"EHLO c\r\n" * 100)
            await asyncio.sleep(0)


async def test_client_that_never_reads_is_cut_off(start, monkeypatch):
    monkeypatch.setattr(connection, "_LINGER_SECONDS", 3600)  # nothing waits for it to take a last reply
    # It is silent only for us, and only once its replies fill all buffers: then we read no more of it.
    server = await start(idle_seconds=2, idle_commands=10**9)
    before = count_cut_off("never_reads")
    async with asyncio.timeout(60):
        with pytest.raises(ConnectionError):
            await greet_without_end(server.endpoint)
    assert count_cut_off("never_reads") == before + 1


async def test_a_silent_store_is_not_the_clients_fault(start):
    async def accept(message):
        await asyncio.sleep(3)

    server = await start(idle_seconds=1, accept=accept)
    client = await server.connect()
    await client.begin()
    assert (await client.ask(".")).startswith("250 ")


async def test_too_many_recipients_wait_for_the_next_message(start):
    server = await start(recipients_per_message=2)
    client = await server.connect()
    await client.ask("EHLO client.example")
    await client.ask("MAIL FROM:<>")
    replies = [await client.ask(f"RCPT TO:<bounces+{number}@example.com>") for number in range(3)]
    assert replies == ["250 2.1.5 Ok", "250 2.1.5 Ok", "452 4.5.3 Too many recipients"]


async def test_message_and_envelope_are_kept_as_sent(start):
    server = await start()
    client = await server.connect()
    parameters = ["RET=HDRS", "ENVID=QQ314159", "AUTH=<>", "XOORG=example.org", "BODY=8bitmime", "SMTPUTF8", "size=5"]
    await client.ask("EHLO client.example")
    assert await client.ask(f"mail from:<Ann@Example.org> {' '.join(parameters)}") == "250 2.1.0 Ok"
    to = ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;Ann+2Bx@example.com"]
    assert await client.ask(f"RCPT TO:<bounces+1@example.com> {' '.join(to)}") == "250 2.1.5 Ok"
    assert await client.ask("RCPT TO:<Bounce@Example.com>") == "250 2.1.5 Ok"
    await client.ask("DATA")
    reply = await client.ask(b"Subject: hi\r\n\r\n..dots\r\n.")
    (message,) = server.messages
    assert reply == f"250 2.0.0 Ok: {message.id}"
    assert message.raw == b"Subject: hi\r\n\r\n.dots\r\n"
    assert message.size == len(message.raw)
    envelope = message.envelope
    assert envelope.sender == "Ann@Example.org"
    assert envelope.recipients == ("bounces+1@example.com", "Bounce@Example.com")
    assert envelope.mail_parameters == tuple(parameters)
    assert envelope.rcpt_parameters == (tuple(to), ())
    assert (envelope.client, envelope.helo) == ("127.0.0.1", "client.example")
    assert envelope.received_at.tzinfo


async def test_smtplib_delivers_two_messages_in_a_session(start):
    server = await start()

    def send():
        with smtplib.SMTP(server.endpoint.host, server.endpoint.port, local_hostname="c.example", timeout=10) as smtp:
            for _ in range(2):
                smtp.sendmail("", ["bounce@example.com"], b"Subject: x\r\n\r\n" + b"y" * 5000, ["ret=hdrs"])

    await asyncio.to_thread(send)
    assert [message.size for message in server.messages] == [5016, 5016]


@pytest.mark.parametrize(
    ("error", "reply"),
    [
        (StoreFullError("no room on /var"), "452 4.3.1 Storage is full, try again later"),
        (StoreError("disk secrets"), "451 4.3.0 Local error, try again later"),
        (OSError(5, "io secrets"), "451 4.3.0 Local error, try again later"),
        (ValueError("secrets\r\n250 ok"), "451 4.3.0 Local error, try again later"),
    ],
)
async def test_refusal_of_the_store_is_temporary_and_tells_nothing(start, error, reply):
    errors = [error]

    async def accept(message):
        if errors:
            raise errors.pop()

    server = await start(accept=accept)
    client = await server.connect()
    await client.begin()
    with capture_logs() as logs:
        assert await client.ask(".") == reply
    assert [line["event"] for line in logs] == ["accept_failed"]
    assert await client.ask("RCPT TO:<bounce@example.com>") == "503 5.5.1 MAIL comes first"
    await client.begin()
    assert (await client.ask(".")).startswith("250 2.0.0 Ok: msg_")


async def test_any_exception_in_the_dialogue_is_451_and_resets(start):
    class Broken(Recipients):
        def accepts(self, address):
            raise IndexError("secret")

    server = await start(recipients=Broken([]))
    client = await server.connect()
    await client.ask("EHLO client.example")
    await client.ask("MAIL FROM:<>")
    with capture_logs() as logs:
        assert await client.ask("RCPT TO:<a@example.com>") == "451 4.3.0 Local error, try again later"
    assert [line["event"] for line in logs] == ["session_failed"]
    assert await client.ask("MAIL FROM:<>") == "250 2.1.0 Ok"


async def test_whole_pipelined_sessions_are_answered_in_order(start):
    server = await start()
    client = await server.connect()
    transaction = b"MAIL FROM:<>\r\nRCPT TO:<no@example.org>\r\nRCPT TO:<bounce@example.com>\r\nDATA\r\n%d\r\n.\r\n"
    client.send(b"EHLO c\r\n" + transaction % 1 + transaction % 2 + b"QUIT\r\n")
    codes = [line[:3] for line in (await client.rest()).splitlines() if line[3:4] != b"-"]
    assert codes == [b"250", *[b"250", b"550", b"250", b"354", b"250"] * 2, b"221"]
    assert [message.raw for message in server.messages] == [b"1\r\n", b"2\r\n"]
