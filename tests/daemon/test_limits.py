"""What is configured about clients is in force in the running daemon, and what makes no sense is said."""

import asyncio

import pytest

from tests.daemon.mail import TO, Session, dsn

BUSY = b"421 4.7.0 Too many connections from you\r\n"


async def talk(port, octets):
    """Say something before the greeting, and return all that is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(20):
        writer.write(octets)
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_limits_are_those_of_the_file(site):
    site.sections["receive.limits"] = {"connections_per_client": 1, "trusted": ["192.0.2.0/24"]}
    daemon = await site.start()
    async with await Session.open(daemon.port) as session:
        assert await talk(daemon.port, b"") == BUSY
        refused = await daemon.until_logged("client_refused")
        assert (refused["client"], refused["reply"]) == ("127.0.0.1", BUSY.decode().strip())
        assert (await session.send(dsn())).startswith("250 ")


async def test_a_proxy_of_the_file_says_for_whom_it_speaks(site, receiver):
    site.sections["receive"]["proxy_protocol_from"] = ["127.0.0.0/8"]
    daemon = await site.start()
    envelope = f"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<{TO}>\r\nDATA\r\n".encode()
    said = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 25\r\n" + envelope + dsn() + b".\r\nQUIT\r\n"
    assert b"\r\n250 2.0.0 Ok: msg_" in await talk(daemon.port, said)
    assert (await daemon.until_logged("message_accepted"))["client"] == "192.0.2.7"
    assert await talk(daemon.port, envelope) == b"421 4.7.0 No valid PROXY header\r\n"


@pytest.mark.parametrize(
    ("section", "key", "value", "said"),
    [
        ("receive.limits", "trusted", ["example.com"], "receive.limits.trusted"),
        ("receive", "proxy_protocol_from", ["192.0.2.1/24"], "receive.proxy_protocol_from"),
        ("receive.limits", "bytes_in_flight", 1_000_000, "receive.limits.bytes_in_flight"),
        ("receive.limits", "connections", 0, "receive.limits.connections"),
        ("receive.limits", "idle_seconds", -1, "receive.limits.idle_seconds"),
        ("receive.limits", "max_connections", 1, "receive.limits.max_connections"),
    ],
)
async def test_a_limit_that_makes_no_sense_stops_the_start_and_is_named(site, section, key, value, said):
    site.sections.setdefault(section, {})[key] = value
    for command in ("check", "run"):
        finished = await site.run(command)
        assert finished.code == 78
        assert said in finished.err
