"""Where a broker is, and how it and we know each other.

Knows URLs, passwords and certificates; knows no protocol. No error repeats a
URL, because it may hold a password.
"""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from bounced.errors import ConfigurationError

_MAX_QUOTED = 200


@dataclass(frozen=True, slots=True)
class Scheme:
    """How URLs of one kind of broker begin, without TLS and with it, and which ports they mean."""

    plain: str
    secure: str
    plain_port: int
    secure_port: int

    @property
    def example(self) -> str:
        """What to write."""
        return f'write "{self.plain}://user@host:{self.plain_port}" or "{self.secure}://user@host:{self.secure_port}"'


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The files that TLS goes by.

    Attributes:
        ca_file: Who may have signed the broker's certificate; None is whom the system trusts.
        certificate: What we show to the broker; None is nothing.
        key: The key of our certificate, where that file does not hold it.
    """

    ca_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def make_context(self, *, sink: str) -> ssl.SSLContext:
        """Read the files.

        Raises:
            ConfigurationError: One of them cannot be used.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.certificate:
                context.load_cert_chain(self.certificate, self.key)
        except OSError as error:  # an SSLError is one, too
            raise ConfigurationError(
                f"cannot use the certificates: {error.strerror or 'they are not readable PEM'}",
                where=f'sink "{sink}", ca_file, certificate, key',
                remedy="name PEM files that the daemon's user may read, and the key that belongs to the certificate",
            ) from error
        return context


NO_FILES = TlsFiles()


@dataclass(frozen=True, slots=True)
class Broker:
    """What a URL says of a broker.

    Attributes:
        hosts: Hosts and ports, at least one.
        path: What follows the first slash after the hosts.
        user: As whom we log in; None is nobody.
        password: The password, or where there is no user a token.
        tls: What TLS goes by; None is no TLS.
        tls_files: What `tls` was read from, for libraries that read it themselves.
    """

    hosts: tuple[tuple[str, int], ...]
    path: str
    user: str | None
    password: str | None = field(repr=False)
    tls: ssl.SSLContext | None
    tls_files: TlsFiles

    @staticmethod
    def parse(
        url: str, scheme: Scheme, *, sink: str, password: str | None = None, files: TlsFiles = NO_FILES
    ) -> "Broker":
        """Read ``scheme://user:password@host:port,host:port/path``; `password` goes before that of the URL.

        Raises:
            ConfigurationError: The URL or a certificate cannot be used.
        """
        try:
            parts = _split(url)
            is_secure = {scheme.plain: False, scheme.secure: True}[parts.scheme]
            login, _, hosts = parts.netloc.rpartition("@")
            port = scheme.secure_port if is_secure else scheme.plain_port
            addresses = tuple(_read_host(urlsplit(f"//{text}"), port) for text in hosts.split(","))
        except (KeyError, ValueError):
            raise ConfigurationError(
                "not the URL of such a broker", where=f'sink "{sink}", url', remedy=scheme.example
            ) from None
        if files != NO_FILES and not is_secure:
            raise ConfigurationError(
                "certificates are given, but the URL says no TLS", where=f'sink "{sink}", url', remedy=scheme.example
            )
        user, _, given = map(unquote, login.partition(":"))
        return Broker(
            hosts=addresses,
            path=unquote(parts.path.removeprefix("/")),
            user=user or None,
            password=password or given or None,
            tls=files.make_context(sink=sink) if is_secure else None,
            tls_files=files,
        )

    def explain(self, error: BaseException) -> str:
        """Say in one line what went wrong; what others wrote is cut, made printable and free of the password."""
        match error:
            case ssl.SSLCertVerificationError():
                text = f"the broker's certificate is not trusted: {error.verify_message}"
            case OSError(strerror=str() as reason):
                text = f"cannot connect: {reason}"
            case TimeoutError():
                text = "no answer in time"
            case _:
                text = f"{type(error).__name__}: {error}"
        if self.password:
            text = text.replace(self.password, "***")
        return "".join(each if each.isprintable() else "?" for each in text[:_MAX_QUOTED])


def _split(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.query or parts.fragment:  # would be options, and be overlooked
        raise ValueError
    return parts


def _read_host(parts: SplitResult, port: int) -> tuple[str, int]:
    if not parts.hostname or parts.port == 0 or parts.path:
        raise ValueError
    return parts.hostname, parts.port or port
