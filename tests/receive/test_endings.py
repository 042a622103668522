"""How sessions end: half-closed, broken, drained."""

import asyncio
import socket
import struct
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from tests.receive.conftest import count_cut_off


@pytest.fixture
def gate():
    return asyncio.Event()


@pytest.fixture
async def gated(start, gate):
    """A server whose store waits for the gate; `entered` tells that it does."""
    entered = asyncio.Event()

    async def accept(message):
        entered.set()
        await gate.wait()

    server = await start(accept=accept)
    server.entered = entered
    return server


async def test_half_closed_client_gets_its_reply_and_one_commit(gated, gate):
    client = await gated.connect()
    await client.begin()
    client.send(b"hello\r\n.\r\nQUIT\r\n")
    client.writer.write_eof()
    await gated.entered.wait()
    gate.set()
    replies = (await client.rest()).splitlines()
    assert [reply[:10] for reply in replies] == [b"250 2.0.0 ", b"221 2.0.0 "]
    assert [message.raw for message in gated.messages] == [b"hello\r\n"]


async def test_commit_outlives_a_client_that_is_gone(gated, gate):
    client = await gated.connect()
    await client.begin()
    client.send(b"hello\r\n.\r\n")
    await gated.entered.wait()
    # Without lingering, close sends RST.
    client.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.writer.transport.abort()
    await gated.connect()  # when a later client is greeted, the loss of the first has been noticed
    with capture_logs() as logs:
        gate.set()
        await gated.servers.drain(5)
    assert len(gated.messages) == 1
    assert [line["event"] for line in logs if line["log_level"] != "debug"] == ["message_accepted"]


async def test_message_without_an_end_is_not_accepted(start):
    server = await start()
    client = await server.connect()
    await client.begin()
    client.send(b"hello\r\n.\r")
    client.writer.write_eof()
    assert await client.rest() == b""
    assert not server.messages


async def test_command_without_an_end_is_not_obeyed(client):
    client.send(b"NOOP")
    client.writer.write_eof()
    assert await client.rest() == b""


async def test_idle_clients_are_sent_away(start):
    server = await start()
    fresh, greeted = await server.connect(), await server.connect()
    await greeted.ask("EHLO client.example")
    server.servers.stop_listening()
    await server.servers.drain(5)
    assert await fresh.rest() == await greeted.rest() == b"421 4.3.2 Shutting down\r\n"


async def test_transaction_may_finish_before_the_deadline(start):
    server = await start()
    client = await server.connect()
    await client.begin()
    server.servers.stop_listening()
    draining = asyncio.create_task(server.servers.drain(5))
    assert (await client.ask("hello\r\n.")).startswith("250 ")
    assert await client.rest() == b"421 4.3.2 Shutting down\r\n"
    await draining
    assert len(server.messages) == 1


async def test_transaction_that_is_given_up_ends_the_session_too(start):
    server = await start()
    client = await server.connect()
    await client.ask("EHLO client.example")
    await client.ask("MAIL FROM:<>")
    draining = asyncio.create_task(server.servers.drain(5))
    assert await client.ask("RSET") == "250 2.0.0 Ok"
    assert await client.rest() == b"421 4.3.2 Shutting down\r\n"
    await draining


async def test_rest_is_cut_off_at_the_deadline(gated):
    waiting, committing = await gated.connect(), await gated.connect()
    await waiting.begin()
    await committing.begin()
    committing.send(b".\r\n")
    await gated.entered.wait()
    before = count_cut_off("shutdown")
    await gated.servers.drain(0.05)
    assert count_cut_off("shutdown") == before + 2
    for client in (waiting, committing):
        with suppress(ConnectionResetError):
            assert await client.rest() == b""
    assert not gated.messages


async def test_nobody_is_let_in_after_stop(start):
    server = await start()
    server.servers.stop_listening()
    with pytest.raises(ConnectionRefusedError):
        await server.connect()


async def test_draining_nobody_takes_no_time(start):
    server = await start()
    async with asyncio.timeout(10):
        await server.servers.drain(60)
