"""A crowd of clients that want nothing, or everything: others are served, and memory stays within what is stated.

``BOUNCED_LONG=1`` makes the crowd ten times as large, as before a release.
"""

import asyncio
import logging
import os
import re
import socket
import ssl
import statistics
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.certificate import make_certificate
from tests.daemon.mail import Session, dsn

CROWD = 2000 if os.environ.get("BOUNCED_LONG") == "1" else 200
AT_ONCE = 50
MESSAGES = 200
MIB = 1024 * 1024
STATED = 512 * MIB

_log = logging.getLogger(__name__)  # figures for --log-cli-level=info


def memory_of(daemon, field):
    status = Path(f"/proc/{daemon.pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) * 1024


@pytest.fixture
async def gather_crowd(daemon):
    """Return a function that brings clients which have said hello and nothing more."""
    sessions: list[Session] = []

    async def gather() -> list[Session]:
        for _ in range(CROWD // AT_ONCE):
            sessions.extend(await asyncio.gather(*(Session.open(daemon.port) for _ in range(AT_ONCE))))
        return sessions

    yield gather
    for session in sessions:
        session.close()


async def come_and_go(port):
    while True:
        async with await Session.open(port) as session:
            await session.ask("QUIT")


async def seconds_to_deliver(port, recipient):
    begun = time.perf_counter()
    async with await Session.open(port) as session:
        assert (await session.send(dsn(recipient))).startswith("250 ")
    return time.perf_counter() - begun


async def test_a_client_is_served_while_a_crowd_idles_and_others_come_and_go(daemon, receiver, gather_crowd):
    before = memory_of(daemon, "VmRSS")
    sessions = await gather_crowd()
    idle = memory_of(daemon, "VmRSS")
    others = [asyncio.create_task(come_and_go(daemon.port)) for _ in range(10)]
    times = [await seconds_to_deliver(daemon.port, f"user{number}@example.com") for number in range(MESSAGES)]
    for other in others:
        other.cancel()
    assert [other for other in others if other.done() and not other.cancelled()] == []
    await receiver.until_events(MESSAGES)
    for session in sessions:
        assert await session.ask("NOOP") == "250 2.0.0 Ok"
    p95 = statistics.quantiles(times, n=20)[-1]
    _log.info("%d idle: %d MiB before, %d MiB with them; p95 %.3f s", CROWD, before // MIB, idle // MIB, p95)
    assert p95 < 2
    assert idle - before < CROWD * 16_384 + 8 * MIB


async def ask_for_everything(session, number):
    """Fill what one connection can hold: addresses, a message, and much sent ahead of the reply to it."""
    with suppress(ConnectionError):
        await session.ask("MAIL FROM:<>")
        for each in range(100):
            await session.ask(f"RCPT TO:<{each}{'x' * 290}@bounces.example.com>")
        await session.ask("DATA")
        for _ in range(500 if number < 4 else 5):
            session.writer.write(b"x" * 65_536)
            await session.writer.drain()


async def finish(session):
    with suppress(ConnectionError):
        session.writer.write(b"\r\n.\r\n" + b"NOOP\r\n" * 10_000)
        return (await session.reply())[:3]
    return "cut"


async def test_no_crowd_takes_more_memory_than_is_stated(daemon, receiver, gather_crowd):
    crowd = await gather_crowd()
    await asyncio.gather(*(ask_for_everything(session, number) for number, session in enumerate(crowd)))
    assert await seconds_to_deliver(daemon.port, "meanwhile@example.com")
    replies = await asyncio.gather(*map(finish, crowd))
    peak = memory_of(daemon, "VmHWM")
    _log.info(
        "%d at once: at most %d MiB; %s", CROWD, peak // MIB, {each: replies.count(each) for each in set(replies)}
    )
    assert peak < STATED
    assert set(replies) <= {"250", "452", "421", "cut"}
    await receiver.until_recipient("meanwhile@example.com")


async def send_much_by_tls(session, context):
    await session.ask("STARTTLS")
    await session.writer.start_tls(context)
    await session.ask("EHLO c")
    with suppress(ConnectionError):
        await session.begin()
        session.writer.write(b"x" * MIB)
        await session.writer.drain()


async def test_no_crowd_by_tls_takes_more_memory_than_is_stated(site, tmp_path):
    site.sections["receive.tls"] = make_certificate(tmp_path)
    daemon = await site.start()
    before = memory_of(daemon, "VmRSS")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    sessions = []
    for _ in range(CROWD // AT_ONCE):
        some = [await Session.open(daemon.port) for _ in range(AT_ONCE)]
        sessions += some
        await asyncio.gather(*(send_much_by_tls(session, context) for session in some))
    peak = memory_of(daemon, "VmHWM")
    _log.info("%d by TLS: %d MiB before, at most %d MiB", CROWD, before // MIB, peak // MIB)
    for session in sessions:
        session.close()
    assert peak < STATED
    assert peak - before < 64 * MIB + CROWD * 200 * 1024 + 16 * MIB  # the messages, the sessions, the rest


def send_without_end(port, is_over):
    """Send recipients, as fast as they are taken, and read all replies; when that is cut off, begin again."""
    piece = b"RCPT TO:<a@bounces.example.com>\r\n" * 2000
    while not is_over.is_set():
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            reading = threading.Thread(target=read_all, args=(client,))
            reading.start()
            with suppress(OSError):
                client.sendall(b"EHLO c\r\nMAIL FROM:<>\r\n")
                while not is_over.is_set():
                    client.sendall(piece)
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            reading.join()


def read_all(client):
    with suppress(OSError):
        while client.recv(1 << 20):
            pass


async def test_others_are_served_while_some_send_commands_without_end(site, receiver):
    site.sections["receive.limits"] = {"errors": 1_000_000}
    daemon = await site.start()
    is_over = threading.Event()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(asyncio.to_thread(send_without_end, daemon.port, is_over))
        try:
            for number in range(20):
                await seconds_to_deliver(daemon.port, f"user{number}@example.com")
        finally:
            is_over.set()
            assert await daemon.stop() == 0


@pytest.mark.parametrize(("files", "is_enough"), [("-Sn 64", True), ("-n 64", False)])
async def test_as_many_files_are_allowed_as_there_may_be_connections(site, files, is_enough):
    daemon = await site.start(through=("/bin/sh", "-c", f'ulimit {files}; exec "$@"', "sh"))
    if is_enough:
        sessions = [await Session.open(daemon.port) for _ in range(100)]
        for session in sessions:
            session.close()
    assert bool(daemon.logged("few_open_files")) == (not is_enough)
