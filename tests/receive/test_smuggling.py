"""Clients that want what they send to be taken for something else than it is."""

import asyncio
import itertools
import smtplib

import pytest

from bounced.receive import Recipients

SMUGGLED = b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<bounce@example.com>\r\nDATA\r\nevil\r\n"
# Whatever any server has ever taken for the end of a message, or could: a dot between two ends of lines.
LINE_ENDS = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\n\r",
    b"\r\r\n",
    b"\r\n\x00",
    b"\x00\r\n",
    b"\x0b",
    b"\x0c",
    b"\xc2\x85",
    b"\x1a",
]
ENDS = [before + b"." + after for before, after in itertools.product(LINE_ENDS, LINE_ENDS)]
# A CR before the CR LF is content, and so is a NUL behind it: what is left is the true end.
TRUE_ENDS = {end for end in ENDS if b"\r\n.\r\n" in end}


@pytest.mark.parametrize("end", [end for end in ENDS if end not in TRUE_ENDS], ids=repr)
async def test_no_other_end_than_the_true_one_ends_a_message(start, end):
    server = await start()
    client = await server.connect()
    await client.begin()
    client.send(b"hello" + end + SMUGGLED + b"\r\n.\r\nQUIT\r\n")
    replies = (await client.rest()).splitlines()
    assert [reply[:4] for reply in replies] == [b"250 ", b"221 "]
    (message,) = server.messages
    assert message.envelope.sender == ""
    assert b"evil@example.org" in message.raw


async def test_no_end_is_made_of_the_rest_of_another_message(start):
    server = await start()
    client = await server.connect()
    await client.begin()
    client.send(b"hello\r\n.\r\n")
    assert (await client.reply()).startswith("250 ")
    client.send(b".\r\n")
    assert await client.reply() == "500 5.5.1 Command not recognized"
    assert [message.raw for message in server.messages] == [b"hello\r\n"]


@pytest.mark.parametrize(
    ("recipient", "command", "replies"),
    [
        (b"nobody@example.org", b"DATA", b"550 5.7.1 Not a recipient here\r\n554 5.5.1 No valid recipients\r\n"),
        (b"bounce@example.com", b"DATA now", b"250 2.1.5 Ok\r\n501 5.5.4 No argument is allowed\r\n"),
        (b"bounce@example.com", b"BDAT 99 LAST", b"250 2.1.5 Ok\r\n502 5.5.1 Command not implemented\r\n"),
    ],
)
async def test_a_message_sent_ahead_of_what_is_refused_is_not_obeyed(start, recipient, command, replies):
    server = await start()
    client = await server.connect()
    commands = b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<" + recipient + b">\r\n" + command + b"\r\n"
    client.send(commands + b"RSET\r\n" + SMUGGLED + b".\r\n")
    assert (await client.rest()).endswith(b"\r\n" + replies)
    assert not server.messages


async def test_a_message_sent_ahead_of_354_is_a_message(start):
    server = await start()
    client = await server.connect()
    client.send(b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<bounce@example.com>\r\nDATA\r\n" + SMUGGLED + b".\r\nQUIT\r\n")
    replies = (await client.rest()).splitlines()
    assert [reply[:4] for reply in replies[-3:]] == [b"354 ", b"250 ", b"221 "]
    assert [message.raw for message in server.messages] == [SMUGGLED]


async def test_refused_data_alone_does_not_end_the_session(client):
    await client.ask("EHLO c")
    await client.ask("MAIL FROM:<>")
    assert await client.ask("DATA") == "554 5.5.1 No valid recipients"
    assert await client.ask("NOOP") == "250 2.0.0 Ok"


@pytest.mark.parametrize(
    "line",
    [
        "EHLO \N{LATIN SMALL LETTER U WITH DIAERESIS}".encode("latin-1"),
        b"MAIL FROM:<\xff@example.org>",
        b"MAIL FROM:<a\x00b@example.org>",
        b"MAIL FROM:<a\rb@example.org>",
        b"RCPT TO:<bounce@example.com>\x00",
        b"\xc0\xae\xc0\xae",
        b"\xed\xa0\x80",
        "NOOP \N{NEXT LINE}".encode(),
        b"NOOP \x1b[2J",
        b"NOOP \x7f",
    ],
)
async def test_octets_that_no_command_has_are_refused_and_never_repeated(client, line):
    reply = await client.ask(line)
    assert reply in {"500 5.5.2 Commands must be UTF-8", "500 5.5.2 Control characters are not allowed"}
    assert await client.ask("NOOP") == "250 2.0.0 Ok"


# As the relay tests of the blocklists try it.
RELAYS = [
    "<victim@example.org>",
    "<victim%example.org@example.com>",
    "<victim%example.org>",
    "<victim%example.org@[127.0.0.1]>",
    '<"victim%example.org">',
    '<"victim@example.org">',
    '<"victim@example.org"@example.com>',
    '<"victim@example.org"@[127.0.0.1]>',
    "<@example.com:victim@example.org>",
    "<@bounces.example.com,@example.com:victim@example.org>",
    "<@[127.0.0.1]:victim@example.org>",
    "<example.org!victim>",
    "<example.org!victim@example.com>",
    "<example.org!victim@[127.0.0.1]>",
    "<bounce@example.com@example.org>",
    "<bounces+victim=example.org@example.org>",
    "<bounce@example.com.example.org>",
    "<bounce@xn--example-cua.com>",
    "<bounce@\N{FULLWIDTH LATIN SMALL LETTER E}xample.org>",
    "<b\N{CYRILLIC SMALL LETTER O}unce@example.com>",
    "<bounce@ex\N{CYRILLIC SMALL LETTER A}mple.com>",
    "<bounce@example\N{IDEOGRAPHIC FULL STOP}org>",
]


@pytest.mark.parametrize("path", RELAYS)
async def test_nobody_can_send_mail_through_us(start, path):
    server = await start(recipients=Recipients(["bounce@example.com", "bounces+*@example.com"]))
    client = await server.connect()
    await client.ask("EHLO c")
    await client.ask("MAIL FROM:<spammer@example.com>")
    assert (await client.ask(f"RCPT TO:{path}"))[:4] in {"550 ", "553 "}
    assert (await client.ask("DATA")).startswith("554 ")


async def test_a_client_learns_no_version_path_or_error(start):
    async def accept(message):
        raise OSError(28, "No space left on device", "/var/lib/bounced/bounced.db")

    server = await start(accept=accept)
    client = await server.connect_silently()
    lines = ["EHLO c", "HELP", "VRFY root", "EXPN staff", "XYZZY", "MAIL FROM:<", "MAIL FROM:<>"]
    lines += ["RCPT TO:<x@example.org>", "RCPT TO:<bounce@example.com>", "DATA", "hi\r\n."]
    said = "\n".join([await client.reply(), *[await client.ask(line) for line in lines]]).lower()
    secrets = ("bounced", "python", "aiosmtpd", "/", "error:", "traceback", "no space")
    assert [secret for secret in secrets if secret in said] == []


async def test_a_library_of_the_other_side_finds_vrfy_and_expn_useless(start):
    server = await start()

    def ask():
        with smtplib.SMTP(server.endpoint.host, server.endpoint.port, local_hostname="c.example", timeout=10) as smtp:
            return smtp.verify("bounce@example.com"), smtp.verify("nobody@example.com"), smtp.expn("bounce")

    known, unknown, list_ = await asyncio.to_thread(ask)
    assert known == unknown
    assert list_[0] == 502
