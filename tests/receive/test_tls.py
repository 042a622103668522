"""STARTTLS (RFC 3207)."""

import asyncio
import ssl
import subprocess

import pytest
import uvloop

from bounced.errors import ConfigurationError
from bounced.receive import Certificate, Endpoint, Limits, Recipients, Settings, connection, serve
from bounced.receive.budget import Budget
from bounced.receive.door import Door
from bounced.receive.smtp import Smtp
from tests.receive.conftest import count_cut_off


def subject(client):
    """Return the DER certificate the client was shown."""
    return client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)


async def secure(client, context):
    assert "250-STARTTLS" in (await client.ask("EHLO c")).replace("250 ", "250-").splitlines()
    assert await client.ask("STARTTLS") == "220 2.0.0 Ready to start TLS"
    await client.writer.start_tls(context, server_hostname="mx.example.com")


async def test_message_by_tls(start, make_certificate, trusting):
    server = await start(tls=make_certificate("mx.example.com"))
    client = await server.connect()
    await secure(client, trusting)
    assert await client.ask("MAIL FROM:<>") == "503 5.5.1 Say hello first"
    assert "STARTTLS" not in await client.ask("EHLO client.example")
    assert await client.ask("STARTTLS") == "503 5.5.1 TLS is already in use"
    await client.begin()
    assert (await client.ask(b"x" * 300_000 + b"\r\n.")).startswith("250 ")
    client.send(b"QUIT\r\n")
    assert await client.rest() == b"221 2.0.0 Bye\r\n"
    assert server.messages[0].size == 300_002


@pytest.mark.parametrize(("protocol", "hello"), [("smtp", b"EHLO"), ("lmtp", b"LHLO")])
async def test_commands_sent_before_tls_are_not_obeyed_in_it(start, make_certificate, trusting, protocol, hello):
    server = await start(f"{protocol}://127.0.0.1:0", tls=make_certificate("mx.example.com"))
    client = await server.connect()
    client.send(b"%b c\r\nSTARTTLS\r\n%b evil\r\nMAIL FROM:<evil@example.org>\r\n" % (hello, hello))
    await client.reply()
    assert await client.reply() == "220 2.0.0 Ready to start TLS"
    await client.writer.start_tls(trusting, server_hostname="mx.example.com")
    assert await client.ask("NOOP") == "250 2.0.0 Ok"
    assert await client.ask("RCPT TO:<bounce@example.com>") == "503 5.5.1 MAIL comes first"


async def test_failed_handshake_ends_the_session_and_only_it(start, make_certificate):
    server = await start(tls=make_certificate("mx.example.com"))
    client, other = await server.connect(), await server.connect()
    assert await client.ask("STARTTLS") == "220 2.0.0 Ready to start TLS"
    client.send(b"this is not TLS\r\n")
    assert b"250" not in await client.rest()
    assert await other.ask("NOOP") == "250 2.0.0 Ok"


async def test_client_that_leaves_during_the_handshake_is_forgotten(start, make_certificate):
    server = await start(tls=make_certificate("mx.example.com"))
    client = await server.connect()
    await client.ask("STARTTLS")
    client.writer.close()
    await client.writer.wait_closed()
    await server.servers.drain(5)


async def test_handshake_is_cut_off_at_the_deadline(start, make_certificate):
    server = await start(tls=make_certificate("mx.example.com"))
    client = await server.connect()
    await client.ask("STARTTLS")
    await server.servers.drain(0.05)
    assert await client.rest() == b""


async def test_client_that_does_not_take_our_last_words_is_cut_off(start, make_certificate, trusting, monkeypatch):
    monkeypatch.setattr(connection, "_LINGER_SECONDS", 0.05)
    server = await start(tls=make_certificate("mx.example.com"))
    client = await server.connect()
    await secure(client, trusting)
    before = count_cut_off("never_reads")
    client.writer.transport.pause_reading()  # thus it does not answer that TLS ends
    client.send(b"QUIT\r\n")
    async with asyncio.timeout(20):
        await server.servers.drain(60)
    assert count_cut_off("never_reads") == before + 1


async def test_drained_tls_client_is_told(start, make_certificate, trusting):
    server = await start(tls=make_certificate("mx.example.com"))
    client = await server.connect()
    await secure(client, trusting)
    draining = asyncio.create_task(server.servers.drain(5))
    assert await client.reply() == "421 4.3.2 Shutting down"
    client.writer.close()
    await draining


async def test_new_sessions_get_the_new_certificate(start, make_certificate, trusting, tmp_path):
    used, other = make_certificate("one.example"), make_certificate("two.example")
    server = await start(tls=used)
    old, new = await server.connect(), await server.connect()
    await secure(old, trusting)
    for source, target in ((other.certificate, used.certificate), (other.key, used.key)):
        target.write_bytes(source.read_bytes())
    used.reload()
    await secure(new, trusting)
    assert subject(old) != subject(new)
    assert await old.ask("NOOP") == "250 2.0.0 Ok"


def test_certificate_stays_in_use_when_the_new_one_is_broken(make_certificate):
    certificate = make_certificate("mx.example.com")
    before = certificate.context
    certificate.key.write_text("broken")
    with pytest.raises(ConfigurationError) as caught:
        certificate.reload()
    assert caught.value.where == "receive.tls"
    assert caught.value.remedy
    assert certificate.context is before


def test_missing_and_encrypted_keys_are_configuration_errors(make_certificate, tmp_path):
    good = make_certificate("mx.example.com")
    encrypted = tmp_path / "encrypted.key"
    command = ["openssl", "ec", "-in", good.key, "-aes128", "-passout", "pass:secret", "-out", encrypted]
    subprocess.run(command, check=True, capture_output=True)
    for key in (tmp_path / "missing.key", encrypted):
        with pytest.raises(ConfigurationError):
            Certificate(good.certificate, key)


class Deaf(asyncio.Transport):
    """A transport to a client that reads nothing, and has so much before it that it is bearable by a hair."""

    def __init__(self, protocol):
        super().__init__({"peername": ("192.0.2.1", 25)})
        self._protocol, self._unread, self._is_closing = protocol, 65_500, False

    def write(self, data):
        self._unread += len(data)
        if self._unread > 65_536:
            self._protocol.pause_writing()

    def get_write_buffer_size(self):
        return self._unread

    def is_closing(self):
        return self._is_closing

    def close(self):
        self._is_closing = True

    def abort(self):
        self._is_closing = True
        asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    def pause_reading(self):
        pass

    resume_reading = pause_reading


async def test_who_starts_tls_and_reads_nothing_is_cut_off(make_certificate):
    limits = Limits(idle_seconds=0.1, session_seconds=0.2, handshake_seconds=0.1)
    certificate = make_certificate("mx.example.com")
    settings = Settings("mx.example.com", Recipients(["*"]), limits=limits, tls=certificate)
    session = Smtp(settings, None, Door(limits), Budget(limits.bytes_in_flight), set())
    session.connection_made(Deaf(session))
    await asyncio.sleep(0)
    session.data_received(b"STARTTLS\r\n")
    before = count_cut_off("never_reads")
    async with asyncio.timeout(10):
        await asyncio.wait([session.dialogue])
    assert count_cut_off("never_reads") == before + 1


def test_tls_works_on_uvloop_too(make_certificate, trusting):
    messages = []

    async def accept(message):
        messages.append(message)

    async def talk(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.readline()
        writer.write(b"STARTTLS\r\n")
        await reader.readline()
        await writer.start_tls(trusting, server_hostname="mx.example.com")
        writer.write(b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@example.com>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n")
        text = await reader.read()
        writer.close()
        return text

    async def main():
        settings = Settings("mx.example.com", Recipients(["*"]), tls=make_certificate("mx.example.com"))
        servers = await serve([Endpoint.parse("smtp://127.0.0.1:0")], settings, accept)
        async with asyncio.timeout(10):
            text = await talk(servers.addresses[0].port)
        servers.stop_listening()
        await servers.drain(5)
        return text

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(main()).endswith(b"221 2.0.0 Bye\r\n")
    assert [message.raw for message in messages] == [b"hi\r\n"]


def test_old_protocols_are_off(make_certificate):
    assert make_certificate("mx.example.com").context.minimum_version >= ssl.TLSVersion.TLSv1_2
