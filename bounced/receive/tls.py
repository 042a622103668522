"""The certificate we show to clients that ask for TLS."""

import asyncio
import ssl
from asyncio.sslproto import SSLProtocol
from pathlib import Path
from typing import Any, cast

from bounced.errors import ConfigurationError


class Certificate:
    """A certificate chain and its key, which can be read again while we run.

    A session takes `context` when it starts TLS and keeps it, so that a new
    certificate concerns new sessions only.

    Args:
        certificate: The PEM file with the certificate and its chain.
        key: The PEM file with the private key, which must not be encrypted.

    Raises:
        ConfigurationError: The files cannot be read or do not belong together.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self.certificate, self.key = certificate, key
        self.context = self._read()

    def reload(self) -> None:
        """Read both files again; when that fails the present certificate stays in use.

        Raises:
            ConfigurationError: The files cannot be read or do not belong together.
        """
        self.context = self._read()

    def _read(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            # An empty password makes an encrypted key an error; without one OpenSSL would ask at the terminal.
            context.load_cert_chain(self.certificate, self.key, password="")
        except OSError as error:  # ssl.SSLError is one too
            raise ConfigurationError(
                f"the certificate {self.certificate} with the key {self.key} cannot be used: {error.strerror}",
                where="receive.tls",
                remedy="give two readable PEM files that belong together, the key without a passphrase",
            ) from error
        return context


class _Tls(SSLProtocol):
    """TLS over a transport, as asyncio and aiosmtpd have it, but in pieces that thousands of sessions can afford."""

    max_size = 16_384  # the largest record of RFC 8446; asyncio and uvloop read, and hold, 256 KiB and more


async def start_tls(
    writer: asyncio.StreamWriter,
    protocol: asyncio.StreamReaderProtocol,
    context: ssl.SSLContext,
    *,
    handshake_seconds: float,
) -> asyncio.Transport:
    """Begin TLS as the server, as `StreamWriter.start_tls` does; return the transport that encrypts.

    Args:
        writer: What writes to the client; it encrypts from now on.
        protocol: Is told what was decrypted. Where there is no agreement, it is not told that the connection is lost.
        context: What we show.
        handshake_seconds: How long the client may take.

    Raises:
        OSError: There is no agreement, or not in time, or the connection broke.
    """
    plain = cast("asyncio.Transport", writer.transport)
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    tls: Any = _Tls(
        loop,
        protocol,
        context,
        ready,
        server_side=True,
        call_connection_made=False,
        ssl_handshake_timeout=handshake_seconds,  # type: ignore[arg-type]  # typeshed wants whole ones
    )
    tls._set_read_buffer_limits(_Tls.max_size)  # noqa: SLF001 - there is no other way
    plain.set_protocol(tls)
    tls.connection_made(plain)
    secured: asyncio.Transport = tls._get_app_transport()  # noqa: SLF001 - this and the rest as the standard library
    try:
        await ready
    except BaseException:
        secured.abort()
        raise
    writer._transport = secured  # type: ignore[attr-defined] # noqa: SLF001
    protocol._replace_writer(writer)  # type: ignore[attr-defined] # noqa: SLF001
    return secured
