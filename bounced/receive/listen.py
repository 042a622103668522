"""Open the listening sockets, and close them without losing what is under way."""

import asyncio
import socket
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bounced import log
from bounced.errors import ConfigurationError
from bounced.receive.budget import Budget
from bounced.receive.door import Door
from bounced.receive.endpoint import Endpoint, Protocol
from bounced.receive.lmtp import Lmtp
from bounced.receive.settings import Accept, Settings
from bounced.receive.smtp import Smtp

_log = log.get("receive")

_BACKLOG = 1024
_SOCKET_MODE = 0o660
_PROBE_SECONDS = 1
# Since Python 3.13 a closed server would remove the path, which is the service manager's.
_KEEP_PATH: dict[str, Any] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
_SESSIONS: dict[Protocol, type[Smtp]] = {Protocol.SMTP: Smtp, Protocol.LMTP: Lmtp}


Inherited = Mapping[str, Sequence[socket.socket]]
"""Sockets that the service manager has opened, by the names it gives them."""


async def serve(
    endpoints: Iterable[Endpoint], settings: Settings, accept: Accept, *, inherited: Inherited | None = None
) -> "Servers":
    """Listen on all `endpoints`.

    Args:
        endpoints: Where to listen.
        settings: How the sessions behave.
        accept: Takes each message.
        inherited: What endpoints with a name take; none may be left over, because nobody would answer there.

    Returns:
        The open servers, to be stopped and drained by the caller.

    Raises:
        ConfigurationError: One of them cannot be opened, or an inherited socket is left over; then none is open.
    """
    servers, left = Servers(settings, accept), dict(inherited or {})
    try:
        for endpoint in endpoints:
            if endpoint.name:
                await servers.adopt(endpoint, _find_listeners(left.pop(endpoint.name, ()), endpoint))
            else:
                await _open(servers, endpoint)
        if left:
            raise ConfigurationError(  # noqa: TRY301 - whatever happens, what is open is closed in one place
                f"the service manager listens for us on {', '.join(map(repr, left))}, and no endpoint takes it",
                where="receive.listen",
                remedy=f'add "smtp+fd://{next(iter(left))}", or disable the socket unit',
            )
    except ConfigurationError:
        servers.stop_listening()
        raise
    return servers


async def _open(servers: "Servers", endpoint: Endpoint) -> None:
    try:
        await servers.open(endpoint)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {endpoint}: {error.strerror or error}",
            where="receive.listen",
            remedy="choose an endpoint that is free and that the daemon's user may open",
        ) from error


def _find_listeners(listeners: Sequence[socket.socket], endpoint: Endpoint) -> Sequence[socket.socket]:
    """Return `listeners` if there are any, and connections can be accepted from all of them."""
    if not listeners:
        problem, remedy = "no socket of this name was passed", "enable a socket unit with FileDescriptorName="
    elif not all(listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) for listener in listeners):
        problem, remedy = "it is no listening socket", "use ListenStream= and Accept=no in the socket unit"
    else:
        return listeners
    raise ConfigurationError(f"cannot listen on {endpoint}: {problem}", where="receive.listen", remedy=remedy)


class Servers:
    """The listening sockets and the sessions that came through them.

    Args:
        settings: How the sessions behave.
        accept: Takes each message.
    """

    def __init__(self, settings: Settings, accept: Accept) -> None:
        self._settings, self._accept = settings, accept
        self._door, self._budget = Door(settings.limits), Budget(settings.limits.bytes_in_flight)
        self._sessions: set[Smtp] = set()
        self._servers: list[asyncio.AbstractServer] = []
        self._unix_sockets: dict[Path, int] = {}
        self._addresses: list[Endpoint] = []

    @property
    def addresses(self) -> tuple[Endpoint, ...]:
        """The endpoints as they were opened, with the ports that were found for port 0."""
        return tuple(self._addresses)

    @property
    def is_listening(self) -> bool:
        """Whether all of them take connections."""
        return bool(self._servers) and all(server.is_serving() for server in self._servers)

    async def open(self, endpoint: Endpoint) -> None:
        """Listen on one more endpoint.

        Raises:
            OSError: It cannot be opened.
        """
        loop = asyncio.get_running_loop()
        factory = self._session_factory(endpoint.protocol)
        if endpoint.path:
            path = Path(endpoint.path)
            server = await loop.create_unix_server(factory, sock=_bind(path), backlog=_BACKLOG)
            self._unix_sockets[path] = _inode(path)
            opened = [endpoint]
        else:
            server = await loop.create_server(factory, endpoint.host, endpoint.port, backlog=_BACKLOG)
            names = [listener.getsockname() for listener in server.sockets]
            opened = [Endpoint(endpoint.protocol, name[0], name[1]) for name in names]
        self._servers.append(server)
        self._addresses += opened
        _log.info("listening", endpoints=[str(address) for address in opened])

    async def adopt(self, endpoint: Endpoint, listeners: Sequence[socket.socket]) -> None:
        """Take connections from sockets that somebody else has opened, and goes on owning."""
        loop = asyncio.get_running_loop()
        factory = self._session_factory(endpoint.protocol)
        opened = [_describe(endpoint.protocol, listener) for listener in listeners]
        for listener in listeners:
            if listener.family == socket.AF_UNIX:
                server = await loop.create_unix_server(factory, sock=listener, backlog=_BACKLOG, **_KEEP_PATH)
            else:
                server = await loop.create_server(factory, sock=listener, backlog=_BACKLOG)
            self._servers.append(server)
        self._addresses += opened
        _log.info("listening", endpoints=[str(address) for address in opened], inherited=endpoint.name)

    def _session_factory(self, protocol: Protocol) -> Callable[[], Smtp]:
        session = _SESSIONS[protocol]
        return lambda: session(self._settings, self._accept, self._door, self._budget, self._sessions)

    def stop_listening(self) -> None:
        """Take no new connections; those that exist go on."""
        for server in self._servers:
            server.close()
        for path, inode in self._unix_sockets.items():
            if path.exists() and _inode(path) == inode:  # another process may have taken the path over
                path.unlink()
        self._unix_sockets.clear()

    async def drain(self, deadline_seconds: float) -> None:
        """Wait until all sessions have ended.

        Idle clients are sent away at once and those within a transaction
        after it; after the deadline the rest is cut off.
        """
        for session in tuple(self._sessions):
            session.finish()
        dialogues = {session.dialogue for session in self._sessions}
        if not dialogues:
            return
        _, late = await asyncio.wait(dialogues, timeout=deadline_seconds)
        if late:
            _log.warning("sessions_cut_off", count=len(late))
            for session in tuple(self._sessions):
                session.abort()
            await asyncio.wait(late)


def _describe(protocol: Protocol, listener: socket.socket) -> Endpoint:
    name = listener.getsockname()
    if isinstance(name, bytes):
        return Endpoint(protocol, path=name.decode(errors="replace").replace("\0", "@"))  # an abstract socket
    return Endpoint(protocol, path=name) if isinstance(name, str) else Endpoint(protocol, name[0], name[1])


def _bind(path: Path) -> socket.socket:
    """Return a unix socket bound to `path`, in place of one that a dead process left there."""
    if path.is_socket():
        _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(_SOCKET_MODE)  # before listen, so nobody gets in earlier
    except OSError:
        listener.close()
        raise
    return listener


def _remove_stale(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_SECONDS)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()


def _inode(path: Path) -> int:
    return path.stat().st_ino
