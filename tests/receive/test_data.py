"""Where a message ends, and what is kept of it."""

import asyncio
import itertools
import time
import tracemalloc

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from bounced.model import Message
from bounced.receive import Endpoint, Recipients, Settings, serve
from bounced.receive.budget import Budget, Share
from bounced.receive.data import Body, DataReader


def read(pieces, *, max_bytes=10**9, keep_bytes=None):
    """Feed all pieces; return the body and what follows it."""
    reader = DataReader(max_bytes=max_bytes, share=Share(Budget(10**9)), keep_bytes=keep_bytes)
    rest = None
    for piece in pieces:
        rest = reader.feed(piece) if rest is None else rest + piece
    return reader.body(), rest


def model(stream):
    """Say the same in three lines: the end, the dots, the line end before the first line."""
    text, end, rest = (b"\r\n" + stream).partition(b"\r\n.\r\n")
    content = (text + b"\r\n").replace(b"\r\n.", b"\r\n")[2:]
    return (Body(content, len(content)), rest) if end else (None, None)


@given(
    st.lists(st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"\r\n.", b"x", b"\0"]), max_size=40),
    st.lists(st.integers(0, 90), max_size=20),
)
def test_pieces_do_not_matter(tokens, cuts):
    stream = b"".join(tokens)
    bounds = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[start:end] for start, end in itertools.pairwise(bounds)]
    body, rest = read(pieces)
    expected, after = model(stream)
    assert rest == after
    assert expected is None or body == expected


@pytest.mark.parametrize("stream", [b"Subject: a\r\n\r\n..b\r\n.c\r\n.\r\nQUIT\r\n", b".\r\nQUIT\r\n", b"\r\n.\r\n"])
def test_end_is_found_wherever_it_is_cut(stream):
    for first in range(len(stream) + 1):
        for second in range(first, len(stream) + 1):
            assert read([stream[:first], stream[first:second], stream[second:]]) == model(stream)


@pytest.mark.parametrize(
    "false_end",
    [
        b"\n.\n",
        b"\r.\r",
        b"\n.\r\n",
        b"\r\n.\n",
        b"\r.\r\n",
        b"\r\n.\r",
        b"\r\n\x00.\r\n",
        b"\n\r.\r\n",
        b"\r\n.\0\r\n",
    ],
)
async def test_only_crlf_dot_crlf_ends_a_message(start, false_end):
    server = await start()
    client = await server.connect()
    await client.begin()
    smuggled = b"a" + false_end + b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<bounce@example.com>\r\nDATA\r\n"
    client.send(smuggled + b"\r\n.\r\nQUIT\r\n")
    assert (await client.rest()).count(b"\r\n") == 2
    (message,) = server.messages
    assert message.raw == smuggled.replace(b"\r\n.", b"\r\n") + b"\r\n"


async def test_every_octet_but_the_dots_is_kept(start):
    server = await start()
    client = await server.connect()
    await client.begin()
    content = bytes(range(256)) + b"\r\r\n\n" + b"long" * 50_000 + b"\r\n"
    await client.ask(content + b".")
    assert server.messages[0].raw == content


async def test_a_message_that_comes_before_it_is_asked_for_is_taken_whole(start):
    server = await start()
    client = await server.connect()
    commands = b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<bounce@example.com>\r\nDATA\r\n"
    content = b"x" * 998 + b"\r\n"
    client.send(commands + content * 3000 + b".\r\nQUIT\r\n")
    assert (await client.rest()).endswith(b"\r\n221 2.0.0 Bye\r\n")
    assert [message.raw for message in server.messages] == [content * 3000]


@pytest.mark.parametrize("command", [b"STARTTLS now\r\n", b"NOOP\r\n"])
async def test_what_is_refused_does_not_stop_a_client_that_sent_much_ahead(start, command):
    server = await start(errors=10**6, idle_commands=10**6)
    client = await server.connect()
    client.send(b"EHLO c\r\n" + command * 50_000 + b"QUIT\r\n")
    assert (await client.rest()).endswith(b"\r\n221 2.0.0 Bye\r\n")


async def test_a_client_that_sent_much_and_closed_its_side_is_answered(start):
    server = await start(idle_commands=10**6)
    client = await server.connect()
    client.send(b"NOOP\r\n" * 5000)
    client.writer.write_eof()
    assert await client.rest() == b"250 2.0.0 Ok\r\n" * 5000


def test_a_client_that_speaks_first_and_at_length_is_answered():
    """On uvloop, where its octets may come before the task of the dialogue has begun."""

    async def speak(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"EHLO c\r\n" + b"x" * 1_000_000 + b"\r\nNOOP\r\nQUIT\r\n")
        async with asyncio.timeout(10):
            replies = await reader.read()
        writer.close()
        return replies

    async def speak_often() -> list[bytes]:
        settings = Settings("mx.example.com", Recipients(["*"]))
        servers = await serve([Endpoint.parse("smtp://127.0.0.1:0")], settings, accept)
        replies = [await speak(servers.addresses[0].port) for _ in range(20)]
        servers.stop_listening()
        await servers.drain(5)
        return replies

    async def accept(message: Message) -> None:
        raise AssertionError(message)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for replies in runner.run(speak_often()):
            assert replies.endswith(b"\r\n500 5.5.2 Line too long\r\n250 2.0.0 Ok\r\n221 2.0.0 Bye\r\n")


async def test_message_at_the_limit_is_taken_and_one_octet_more_is_not(start):
    server = await start(max_message_bytes=1000)
    client = await server.connect()
    await client.begin()
    assert (await client.ask(b"." * 999 + b"\r\n.")).startswith("250 ")
    await client.begin()
    assert await client.ask(b"." * 1000 + b"\r\n.") == "552 5.3.4 Message too big"
    assert await client.ask("NOOP") == "250 2.0.0 Ok"
    assert [message.size for message in server.messages] == [1000]


async def test_only_the_first_part_is_kept_but_all_is_counted(start):
    server = await start(keep_bytes=10)
    client = await server.connect()
    await client.begin()
    await client.ask(b"0123456789abcdef" * 10_000 + b"\r\n.")
    (message,) = server.messages
    assert (message.raw, message.size) == (b"0123456789", 160_002)


@pytest.mark.parametrize(("keep_bytes", "kept"), [(0, b""), (1, b"a"), (3, b"abc"), (5, b"abc\r\n"), (9, b"abc\r\n")])
def test_the_kept_part_does_not_depend_on_pieces(keep_bytes, kept):
    stream = b"abc\r\n.\r\n"
    pieces = [stream[place : place + 1] for place in range(len(stream))]
    assert read(pieces, keep_bytes=keep_bytes) == read([stream], keep_bytes=keep_bytes) == (Body(kept, 5), b"")


async def test_others_are_served_during_a_large_message(start):
    server = await start()
    sender, other = await server.connect(), await server.connect()
    await sender.begin()
    sender.send(b"\r\n" * (16 * 2**20) + b".\r\n")
    sending = asyncio.create_task(sender.reply())
    longest = 0.0
    while not sending.done():
        begun = time.perf_counter()
        assert await other.ask("NOOP") == "250 2.0.0 Ok"
        longest = max(longest, time.perf_counter() - begun)
    assert (await sending).startswith("250 ")
    assert server.messages[0].size == 32 * 2**20
    assert longest < 1


async def test_message_that_could_not_be_read_is_not_taken_for_commands(client, monkeypatch):
    def fail(reader, piece):
        raise MemoryError

    monkeypatch.setattr(DataReader, "feed", fail)
    await client.begin()
    client.send(b"NOOP\r\nNOOP\r\n")
    assert await client.reply() == "451 4.3.0 Local error, try again later"
    assert await client.rest() == b""


def test_memory_is_a_small_multiple_of_the_message():
    chunk, chunks = b"\r\n" * 32_768, 256
    tracemalloc.start()
    body, _ = read([*[chunk] * chunks, b".\r\n"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert body.size == len(chunk) * chunks
    assert peak < 3 * body.size
