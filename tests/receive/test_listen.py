"""Endpoints: how they are written, opened and closed."""

import asyncio
import os
import resource
import socket
import stat
from contextlib import ExitStack

import pytest

from bounced.errors import ConfigurationError
from bounced.receive import Endpoint, Recipients, Settings, serve

SETTINGS = Settings("mx.example.com", Recipients(["*"]))


async def ignore(message):
    pass


@pytest.fixture
def many_files():
    """Let us open as many files as the system allows; the usual 1024 are fewer than a crowd needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    "url",
    [
        "smtp://0.0.0.0:25",
        "smtp://[::]:25",
        "smtp://127.0.0.1:0",
        "smtp://localhost:2525",
        "smtp+unix:///run/bounced/smtp.sock",
        "lmtp://127.0.0.1:24",
        "lmtp+unix:///run/bounced/lmtp.sock",
        "smtp+fd://smtp",
        "lmtp+fd://bounced-lmtp.socket",
    ],
)
def test_url_is_understood_and_written_back(url):
    assert str(Endpoint.parse(url)) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "0.0.0.0:25",
        "http://0.0.0.0:25",
        "smtps://0.0.0.0:465",
        "smtp+tcp://0.0.0.0:25",
        "smtp://0.0.0.0",
        "smtp://:25",
        "smtp://[::]",
        "smtp://[::",
        "smtp://0.0.0.0:port",
        "smtp://0.0.0.0:99999",
        "smtp://0.0.0.0:25/path",
        "smtp://user@0.0.0.0:25",
        "smtp://0.0.0.0:25?tls=1",
        "lmtp+unix://run/lmtp.sock",
        "lmtp+unix:///",
        "smtp+fd://",
        "smtp+fd:///smtp",
        "smtp+fd://smtp/1",
        "smtp+fd://smtp:1",
    ],
)
def test_anything_else_is_a_configuration_error(url):
    with pytest.raises(ConfigurationError) as caught:
        Endpoint.parse(url)
    assert caught.value.where == "receive.listen"
    assert caught.value.remedy


async def test_port_zero_is_told(start):
    server = await start()
    (address,) = server.servers.addresses
    assert address.port > 0
    assert str(address) == f"smtp://127.0.0.1:{address.port}"


async def test_port_in_use_is_a_configuration_error_and_opens_nothing(start, tmp_path):
    server = await start()
    path = tmp_path / "lmtp.sock"
    endpoints = [Endpoint.parse(f"lmtp+unix://{path}"), server.endpoint]
    with pytest.raises(ConfigurationError) as caught:
        await serve(endpoints, SETTINGS, ignore)
    assert str(server.endpoint) in str(caught.value)
    assert caught.value.remedy
    assert not path.exists()


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
async def test_a_thousand_clients_may_wait_until_we_have_time(start, tmp_path, family, many_files):
    path = tmp_path / "smtp.sock"
    server = await start("smtp://127.0.0.1:0" if family == socket.AF_INET else f"smtp+unix://{path}")
    place = (server.endpoint.host, server.endpoint.port) if family == socket.AF_INET else str(path)
    with ExitStack() as stack:
        for _ in range(1024):  # our event loop stands still, so nobody is let in meanwhile
            client = stack.enter_context(socket.socket(family))
            client.settimeout(30)
            client.connect(place)


@pytest.mark.parametrize("umask", [0o000, 0o027, 0o777])
async def test_unix_socket_serves_its_group_whatever_the_umask(start, tmp_path, umask):
    path = tmp_path / "lmtp.sock"
    before = os.umask(umask)
    try:
        await start(f"lmtp+unix://{path}")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


async def test_unix_socket_takes_mail_and_goes_away(start, tmp_path):
    path = tmp_path / "lmtp.sock"
    server = await start(f"lmtp+unix://{path}")
    client = await server.connect()
    await client.begin(hello="LHLO")
    assert (await client.ask(".")).startswith("250 ")
    assert server.messages[0].envelope.client is None
    server.servers.stop_listening()
    assert not path.exists()


async def test_stale_socket_is_replaced(start, tmp_path):
    path = tmp_path / "smtp.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    server = await start(f"smtp+unix://{path}")
    await server.connect()


async def test_living_socket_is_not_replaced(start, tmp_path):
    path = tmp_path / "smtp.sock"
    server = await start(f"smtp+unix://{path}")
    with pytest.raises(ConfigurationError):
        await serve([server.endpoint], SETTINGS, ignore)
    await server.connect()


async def test_other_files_are_not_replaced(tmp_path):
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(ConfigurationError):
        await serve([Endpoint.parse(f"smtp+unix://{path}")], SETTINGS, ignore)
    assert path.read_text() == "data"


async def test_socket_of_a_successor_is_left_alone(start, tmp_path):
    path = tmp_path / "smtp.sock"
    server = await start(f"smtp+unix://{path}")
    path.rename(tmp_path / "old")
    successor = await start(f"smtp+unix://{path}")
    server.servers.stop_listening()
    await successor.connect()


async def test_several_endpoints_share_one_drain(tmp_path):
    urls = ["smtp://127.0.0.1:0", f"lmtp+unix://{tmp_path}/lmtp.sock"]
    servers = await serve([Endpoint.parse(url) for url in urls], SETTINGS, ignore)
    tcp, unix = servers.addresses
    connections = [
        await asyncio.open_connection(tcp.host, tcp.port),
        await asyncio.open_unix_connection(unix.path),
    ]
    banners = [await reader.readline() for reader, _ in connections]
    servers.stop_listening()
    await servers.drain(5)
    assert banners == [b"220 mx.example.com ESMTP\r\n", b"220 mx.example.com LMTP\r\n"]
    for reader, writer in connections:
        assert await reader.read() == b"421 4.3.2 Shutting down\r\n"
        writer.close()
