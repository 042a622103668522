"""What a client that asks for too much hears, and that others do not suffer for it."""

import asyncio
import contextlib

import pytest

from bounced import metrics
from bounced.app.admission import Admission
from bounced.app.parts import make_receive_settings
from bounced.config import Config
from bounced.receive import Limits, Networks
from bounced.receive.networks import NOWHERE

NOBODY = Networks([], where="here")
BUSY = b"421 4.7.0 Too many connections, try again later\r\n"
TOO_MANY = b"421 4.7.0 Too many connections from you\r\n"
TOO_OFTEN = b"421 4.7.0 You connect too often, try again later\r\n"
NO_MEMORY = "452 4.3.1 Too much mail at once, try again later"


def counted(name, **labels):
    return metrics.REGISTRY.get_sample_value(f"bounced_{name}_total", labels) or 0


def test_the_defaults_are_those_of_the_configuration():
    config = Config()
    limits = make_receive_settings(config, Admission(config)).limits
    assert {name: getattr(limits, name) for name in Limits.__slots__ if name != "trusted"} == {
        name: getattr(Limits(), name) for name in Limits.__slots__ if name != "trusted"
    }


async def test_connections_of_all_clients_are_limited_and_places_become_free(start):
    server = await start(connections=2)
    first, second = await server.connect(), await server.connect()
    before = counted("refusals", reply=BUSY.decode().strip())
    assert await (await server.connect_silently()).rest() == BUSY
    assert counted("refusals", reply=BUSY.decode().strip()) == before + 1
    assert await first.ask("QUIT") == "221 2.0.0 Bye"
    assert await first.rest() == b""
    await server.connect()
    assert await second.ask("NOOP") == "250 2.0.0 Ok"


async def test_connections_of_one_client_are_limited(start):
    server = await start(connections_per_client=2, trusted=NOBODY)
    clients = [await server.connect(), await server.connect()]
    assert await (await server.connect_silently()).rest() == TOO_MANY
    await clients[0].ask("QUIT")
    await clients[0].rest()
    await server.connect()


async def test_new_connections_of_one_client_are_limited(start):
    server = await start(connections_per_minute=3, trusted=NOBODY)
    for _ in range(3):
        client = await server.connect()
        await client.ask("QUIT")
    assert await (await server.connect_silently()).rest() == TOO_OFTEN


async def test_messages_of_one_client_are_limited(start):
    server = await start(messages_per_minute=2, trusted=NOBODY)
    client = await server.connect()
    for _ in range(2):
        await client.begin()
        assert (await client.ask(".")).startswith("250 ")
    assert await client.ask("MAIL FROM:<>") == "450 4.7.0 Too many messages from you, try again later"


async def test_a_trusted_client_has_no_limits_of_its_own(start):
    server = await start(connections_per_client=1, connections_per_minute=1, messages_per_minute=1)
    for _ in range(3):
        client = await server.connect()
        await client.begin()
        assert (await client.ask(".")).startswith("250 ")


async def test_a_local_socket_has_no_limits_of_its_own(start, tmp_path):
    url = f"lmtp+unix://{tmp_path}/lmtp.sock"
    server = await start(url, connections_per_client=1, connections_per_minute=1, trusted=NOBODY)
    for _ in range(3):
        await server.connect()


async def test_those_who_hold_much_memory_do_not_keep_out_those_who_need_little(start):
    server = await start(bytes_in_flight=1_000_000)
    hogs = [await server.connect() for _ in range(3)]
    for hog in hogs:
        await hog.begin()
        hog.send(b"x" * 330_000)
    small = await server.connect()
    for _ in range(5):
        await small.begin()
        assert (await small.ask(b"y" * 90_000 + b"\r\n.")).startswith("250 ")
    replies = [await hog.ask(b"\r\n.") for hog in hogs]
    assert all(reply.startswith("250 ") or reply == NO_MEMORY for reply in replies)
    assert len(server.messages) == 5 + sum(reply.startswith("250 ") for reply in replies)


async def test_memory_comes_back_after_a_message_and_after_a_client_that_is_gone(start):
    server = await start(bytes_in_flight=100_000)
    gone, client = await server.connect(), await server.connect()
    await gone.begin()
    gone.send(b"x" * 90_000)
    gone.writer.write_eof()
    assert await gone.rest() == b""
    for _ in range(3):
        await client.begin()
        assert (await client.ask(b"x" * 90_000 + b"\r\n.")).startswith("250 ")


async def test_a_message_without_memory_can_be_sent_again(start):
    gate, entered = asyncio.Event(), asyncio.Event()

    async def accept(message):
        if message.size > 50_000:
            entered.set()
            await gate.wait()

    server = await start(bytes_in_flight=100_000, accept=accept)
    first, second = await server.connect(), await server.connect()
    await first.begin()
    first.send(b"x" * 90_000 + b"\r\n.\r\n")
    await entered.wait()
    await second.begin()
    assert await second.ask(b"y" * 20_000 + b"\r\n.") == NO_MEMORY
    gate.set()
    assert (await first.reply()).startswith("250 ")
    await second.begin()
    assert (await second.ask(b"y" * 20_000 + b"\r\n.")).startswith("250 ")


async def test_the_addresses_of_one_message_have_a_size(start):
    server = await start()
    client = await server.connect()
    await client.ask("EHLO c")
    await client.ask("MAIL FROM:<>")
    replies = [await client.ask(f"RCPT TO:<bounces+{'x' * 1900}{number}@example.com>") for number in range(20)]
    assert replies == ["250 2.1.5 Ok"] * 17 + ["452 4.5.3 Too many recipients"] * 3


async def test_who_sends_many_recipients_too_many_may_still_send_the_message(start):
    server = await start(recipients_per_message=2)
    client = await server.connect()
    client.send(b"EHLO c\r\nMAIL FROM:<>\r\n" + b"RCPT TO:<bounce@example.com>\r\n" * 1002 + b"DATA\r\n")
    replies = [await client.reply() for _ in range(1005)]
    assert replies[2:] == ["250 2.1.5 Ok"] * 2 + ["452 4.5.3 Too many recipients"] * 1000 + [replies[-1]]
    assert replies[-1].startswith("354 ")
    assert (await client.ask(".")).startswith("250 ")


@pytest.mark.parametrize(("deferred", "messages"), [("MAIL FROM:<>", 0), ("RCPT TO:<bounce@example.com>", 1)])
async def test_who_is_put_off_a_thousand_times_makes_mistakes(start, deferred, messages):
    server = await start(recipients_per_message=0, messages_per_minute=messages, trusted=NOWHERE)
    client = await server.connect()
    await client.ask("EHLO c")
    await client.ask("MAIL FROM:<>")
    client.send(f"{deferred}\r\n".encode() * 2000)
    replies = [reply[:3] for reply in (await client.rest()).splitlines()]
    put_off = b"452" if messages else b"450"
    assert replies == [put_off] * (1019 + messages) + [b"421"]  # without a message MAIL was put off before


async def test_a_hundred_recipients_of_the_longest_addresses_are_taken(start):
    server = await start()
    client = await server.connect()
    await client.ask("EHLO c")
    await client.ask("MAIL FROM:<>")
    domain = "bounces.example.com"
    for number in range(100):
        assert await client.ask(f"RCPT TO:<{number:0>{320 - len(domain) - 1}}@{domain}>") == "250 2.1.5 Ok"


@pytest.mark.parametrize("mistake", ["RCPT TO:<x@example.org>", "XYZZY", "MAIL FROM:<", "DATA"])
async def test_the_twenty_first_error_ends_the_session(client, mistake):
    await client.ask("EHLO c")
    await client.ask("MAIL FROM:<>")
    replies = [await client.ask(mistake) for _ in range(21)]
    assert {reply[0] for reply in replies[:20]} == {"5"}
    assert replies[20] == "421 4.7.0 Too many errors"
    assert await client.rest() == b""


@pytest.mark.parametrize("command", ["NOOP", "RSET", "VRFY root", "HELP", "EHLO c", "HELO c"])
async def test_the_hundred_and_first_command_that_does_nothing_ends_the_session(client, command):
    replies = [await client.ask(command) for _ in range(101)]
    assert {reply[0] for reply in replies[:100]} == {"2"}
    assert replies[100] == "421 4.7.0 Too many commands that do nothing"
    assert await client.rest() == b""


async def test_a_client_that_delivers_is_forgiven(start):
    server = await start(errors=2, idle_commands=6)
    client = await server.connect()
    for _ in range(5):
        assert await client.ask("XYZZY") == await client.ask("XYZZY") == "500 5.5.1 Command not recognized"
        assert await client.ask("NOOP") == await client.ask("RSET") == "250 2.0.0 Ok"
        await client.begin()
        assert (await client.ask(".")).startswith("250 ")


async def test_a_session_ends_whatever_the_client_says(start):
    server = await start(session_seconds=0.2, idle_commands=10**9)
    client = await server.connect()
    reply = ""
    while not reply.startswith("421"):
        reply = await client.ask("NOOP")
    assert reply == "421 4.4.2 Session too long, closing connection"
    with contextlib.suppress(ConnectionResetError):  # what crossed our last words
        assert await client.rest() == b""


async def test_a_message_drop_by_drop_ends_the_session(start):
    server = await start(idle_seconds=1)
    client = await server.connect()
    await client.begin()

    async def drip():
        with contextlib.suppress(ConnectionError):
            while True:
                client.send(b"x\r\n")
                await client.writer.drain()
                await asyncio.sleep(0.01)  # the attack is to be slow

    dripping = asyncio.create_task(drip())
    reply = await client.reply()
    dripping.cancel()
    assert reply == "421 4.4.2 Message too slow, closing connection"
    assert not server.messages


async def test_a_session_does_not_end_while_its_message_is_being_stored(start):
    async def accept(message):
        await asyncio.sleep(3)  # longer than the session may last

    server = await start(session_seconds=1, accept=accept)
    client = await server.connect()
    await client.begin()
    assert (await client.ask(".")).startswith("250 ")
    assert await client.reply() == "421 4.4.2 Session too long, closing connection"


async def test_a_handshake_that_does_not_come_ends_the_session(start, make_certificate):
    server = await start(tls=make_certificate("mx.example.com"), handshake_seconds=0.05)
    client = await server.connect()
    before = counted("sessions_cut_off", cause="tls_handshake")
    assert await client.ask("STARTTLS") == "220 2.0.0 Ready to start TLS"
    assert await client.rest() == b""
    await server.servers.drain(5)
    assert counted("sessions_cut_off", cause="tls_handshake") == before + 1


async def test_nobody_may_send_much_ahead_of_the_reply_to_a_message(start):
    gate = asyncio.Event()

    async def accept(message):
        await gate.wait()

    server = await start(accept=accept)
    client = await server.connect()
    before = counted("sessions_cut_off", cause="too_far_ahead")
    await client.begin()
    client.send(b"hello\r\n.\r\n" + b"NOOP\r\n" * 1_000_000)
    with contextlib.suppress(ConnectionError):
        replies = await client.rest()
        assert replies in {b"", b"421 4.7.0 Too much sent ahead\r\n"}
    gate.set()
    await server.servers.drain(5)
    refused = counted("refusals", reply="421 4.7.0 Too much sent ahead")
    assert counted("sessions_cut_off", cause="too_far_ahead") + refused == before + 1


async def test_a_line_of_64_kib_in_a_message_is_taken(start):
    server = await start()
    client = await server.connect()
    await client.begin()
    assert (await client.ask(b"x" * 65_536 + b"\r\n.")).startswith("250 ")
