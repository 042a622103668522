"""The PROXY protocol: believed from our proxies alone, and required there."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounced.receive import Networks
from bounced.receive.proxy import read_header
from bounced.receive.replies import RefusedError

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
TCP4 = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 25\r\n"


def version_2(command=0x21, family=0x11, *, block=None, length=None):
    if block is None:
        block = socket.inet_aton("192.0.2.7") + socket.inet_aton("198.51.100.1") + struct.pack("!HH", 56324, 25)
    return SIGNATURE + struct.pack("!BBH", command, family, len(block) if length is None else length) + block


def version_2_of_ipv6(address):
    block = socket.inet_pton(socket.AF_INET6, address) * 2 + struct.pack("!HH", 56324, 25)
    return version_2(family=0x21, block=block)


@pytest.mark.parametrize(
    ("octets", "client"),
    [
        (TCP4, "192.0.2.7"),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 25\r\n", "2001:db8::7"),
        (b"PROXY TCP6 ::ffff:192.0.2.7 ::ffff:192.0.2.1 56324 25\r\n", "192.0.2.7"),
        (b"PROXY UNKNOWN\r\n", None),
        (b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", None),
        (version_2(), "192.0.2.7"),
        (version_2_of_ipv6("2001:db8::7"), "2001:db8::7"),
        (version_2_of_ipv6("::ffff:192.0.2.7"), "192.0.2.7"),
        (version_2(block=version_2()[16:] + b"\x04\x00\x01x"), "192.0.2.7"),
        (version_2(0x20, 0, block=b""), None),
        (version_2(family=0x31, block=b"x" * 216), None),
    ],
)
def test_the_client_is_read_however_it_is_cut(octets, client):
    for cut in range(len(octets)):
        assert read_header(octets[:cut]) is None
    header = read_header(octets + b"EHLO c\r\n")
    assert (header.client and str(header.client), header.length) == (client, len(octets))


@pytest.mark.parametrize(
    "octets",
    [
        b"EHLO client.example\r\n",
        b"PROXY TCP4 192.0.2.7\r\n",
        b"PROXY TCP4 example.com 198.51.100.1 1 25\r\n",
        b"PROXY UDP4 192.0.2.7 198.51.100.1 1 25\r\n",
        b"PROXY TCP4 \xff\xfe 198.51.100.1 1 25\r\n",
        b"PROXY " + b"x" * 200,
        version_2(0x11),
        version_2(0x22),
        version_2(block=b"short"),
        version_2(length=65_535),
    ],
)
def test_what_is_no_header_is_refused(octets):
    with pytest.raises(RefusedError) as caught:
        read_header(octets)
    assert caught.value.is_final


@given(st.sampled_from([b"", b"PROXY ", SIGNATURE, SIGNATURE + b"\x21\x11"]), st.binary(max_size=300))
def test_any_octets_are_a_header_or_none(start, rest):
    try:
        header = read_header(start + rest)
    except RefusedError:
        return
    assert header is None or header.length <= len(start + rest)


@pytest.fixture
async def behind_proxy(start):
    """A server to which this host is a proxy."""
    return await start(proxies=Networks(["127.0.0.1"], where="here"), trusted=Networks([], where="here"))


@pytest.mark.parametrize("header", [TCP4, version_2()])
async def test_a_message_comes_from_the_client_of_the_proxy(behind_proxy, header):
    client = await behind_proxy.connect_silently()
    client.send(header)
    assert (await client.reply()).startswith("220 ")
    await client.begin()
    await client.ask(".")
    assert behind_proxy.messages[0].envelope.client == "192.0.2.7"


async def test_a_check_by_the_proxy_itself_is_answered(behind_proxy):
    client = await behind_proxy.connect_silently()
    client.send(version_2(0x20, 0, block=b""))
    assert (await client.reply()).startswith("220 ")


async def test_our_proxy_has_to_say_for_whom_it_speaks(behind_proxy):
    client = await behind_proxy.connect_silently()
    client.send(b"EHLO client.example\r\n")
    assert await client.rest() == b"421 4.7.0 No valid PROXY header\r\n"


async def test_a_proxy_that_says_nothing_is_sent_away(start):
    server = await start(proxies=Networks(["127.0.0.1"], where="here"), idle_seconds=0.05)
    client = await server.connect_silently()
    assert await client.rest() == b"421 4.4.2 Timeout, closing connection\r\n"


async def test_limits_concern_the_client_of_the_proxy(start):
    nobody = Networks([], where="here")
    server = await start(proxies=Networks(["127.0.0.1"], where="here"), trusted=nobody, connections_per_client=1)
    first, second, other = [await server.connect_silently() for _ in range(3)]
    first.send(TCP4)
    assert (await first.reply()).startswith("220 ")
    second.send(TCP4)
    assert await second.rest() == b"421 4.7.0 Too many connections from you\r\n"
    other.send(TCP4.replace(b"192.0.2.7", b"192.0.2.8"))
    assert (await other.reply()).startswith("220 ")


@pytest.mark.parametrize("header", [TCP4, version_2()])
async def test_a_stranger_cannot_say_that_it_is_somebody_else(start, header):
    server = await start(proxies=Networks(["192.0.2.0/24"], where="here"))
    client = await server.connect()
    client.send(header + b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<bounce@example.com>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n")
    assert b"250" not in await client.rest()
    assert not server.messages
