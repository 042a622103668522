"""What is different in LMTP (RFC 2033)."""

import pytest

from bounced.errors import StoreFullError

LMTP = "lmtp://127.0.0.1:0"


@pytest.fixture
async def lmtp(start):
    return await start(LMTP)


async def test_banner_says_lmtp(lmtp):
    client = await lmtp.connect_silently()
    assert await client.reply() == "220 mx.example.com LMTP"


@pytest.mark.parametrize("hello", ["HELO", "EHLO"])
async def test_only_lhlo_is_a_greeting(lmtp, hello):
    client = await lmtp.connect()
    assert await client.ask(f"{hello} client.example") == "500 5.5.1 Command not recognized"
    assert "PIPELINING" in await client.ask("LHLO client.example")


async def test_each_accepted_recipient_gets_a_reply_but_the_message_is_committed_once(lmtp):
    client = await lmtp.connect()
    await client.ask("LHLO client.example")
    await client.ask("MAIL FROM:<>")
    codes = [await client.ask(f"RCPT TO:<{name}@example.com>") for name in ("bounce", "nobody", "bounces+1")]
    assert [code[:3] for code in codes] == ["250", "550", "250"]
    await client.ask("DATA")
    client.send(b"hello\r\n.\r\nQUIT\r\n")
    replies = (await client.rest()).decode().splitlines()
    (message,) = lmtp.messages
    assert replies == [f"250 2.0.0 Ok: {message.id}"] * 2 + ["221 2.0.0 Bye"]
    assert message.envelope.recipients == ("bounce@example.com", "bounces+1@example.com")


async def test_refusals_after_the_message_are_per_recipient_too(start):
    async def accept(message):
        raise StoreFullError

    server = await start(LMTP, accept=accept, max_message_bytes=100)
    client = await server.connect()
    two = ("bounce@example.com", "bounces+1@example.com")
    await client.begin(hello="LHLO", recipients=two)
    replies = [await client.ask("."), await client.reply()]
    assert replies == ["452 4.3.1 Storage is full, try again later"] * 2
    await client.begin(hello="LHLO", recipients=two)
    replies = [await client.ask("x" * 100 + "\r\n."), await client.reply()]
    assert replies == ["552 5.3.4 Message too big"] * 2


async def test_data_without_recipients_is_503(lmtp):
    client = await lmtp.connect()
    await client.ask("LHLO client.example")
    await client.ask("MAIL FROM:<>")
    assert await client.ask("DATA") == "503 5.5.1 No valid recipients"
