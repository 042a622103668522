"""Where we listen: the URLs of ``[receive] listen``."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn, Self
from urllib.parse import urlsplit

from bounced.errors import ConfigurationError


class Protocol(StrEnum):
    """What is spoken at an endpoint."""

    SMTP = "smtp"
    LMTP = "lmtp"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host and port, the path of a unix socket, or the name of a socket that the service manager has opened.

    Attributes:
        protocol: What is spoken there.
        host: An address or name; empty for a unix socket.
        port: A TCP port; 0 takes a free one.
        path: The path of a unix socket; empty for TCP.
        name: The FileDescriptorName= of a socket unit; empty for what is opened here.
    """

    protocol: Protocol
    host: str = ""
    port: int = 0
    path: str = ""
    name: str = ""

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a URL such as ``smtp://[::]:25``, ``lmtp+unix:///run/bounced/lmtp.sock`` or ``smtp+fd://smtp``.

        Raises:
            ConfigurationError: It is not such a URL.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            _refuse(url, str(error))
        scheme, _, kind = parts.scheme.partition("+")
        if scheme not in {"smtp", "lmtp"} or kind not in {"", "unix", "fd"}:
            _refuse(url, "the scheme is none of smtp, lmtp, smtp+unix, lmtp+unix, smtp+fd, lmtp+fd")
        if parts.query or parts.fragment or "@" in parts.netloc:
            _refuse(url, "it has parts that mean nothing here")
        if kind == "unix":
            if parts.netloc or len(parts.path) < len("/x"):
                _refuse(url, "it needs an absolute path after three slashes")
            return cls(Protocol(scheme), path=parts.path)
        if kind == "fd":
            if not parts.netloc or parts.path or ":" in parts.netloc:
                _refuse(url, "it needs the name of a socket, as FileDescriptorName= gives it, and nothing else")
            return cls(Protocol(scheme), name=parts.netloc)
        if not host or port is None or parts.path:
            _refuse(url, "it needs a host, a port and nothing else")
        return cls(Protocol(scheme), host, port)

    def __str__(self) -> str:
        if self.name:
            return f"{self.protocol}+fd://{self.name}"
        if self.path:
            return f"{self.protocol}+unix://{self.path}"
        return f"{self.protocol}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def _refuse(url: str, problem: str) -> NoReturn:
    raise ConfigurationError(
        f"cannot listen on {url!r}: {problem}",
        where="receive.listen",
        remedy='write "smtp://0.0.0.0:25", "smtp://[::]:25", "lmtp+unix:///run/bounced/lmtp.sock" or "smtp+fd://smtp"',
    )
