"""Speak with the service manager: readiness, watchdog, and the sockets that it opened for us.

What sd_notify(3), sd_watchdog_enabled(3) and sd_listen_fds(3) do, without
libsystemd. Started by anything else, all of it is silent.
"""

import os
import socket
import time

from bounced import log
from bounced.errors import ConfigurationError

_log = log.get("app")

_FIRST_DESCRIPTOR = 3  # SD_LISTEN_FDS_START
_SEND_SECONDS = 5


def notify(*assignments: str) -> None:
    """Send ``NAME=value`` assignments to the service manager; without one nothing happens.

    A service manager that does not take them is logged: the daemon goes on.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):
        address = "\0" + address[1:]  # an abstract socket, unix(7)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(_SEND_SECONDS)
            sender.connect(address)
            sender.sendall("\n".join(assignments).encode())
    except OSError as error:
        _log.warning("service_manager_not_told", error=str(error), told=list(assignments))


def notify_reloading() -> None:
    """Say that a reload has begun; ``READY=1`` ends it."""
    # The time is what Type=notify-reload tells an old message from a new one by.
    notify("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


def watchdog_seconds() -> float | None:
    """Return how often the service manager wants to hear from this process; None where it does not."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal() or not int(microseconds) or not _concerns_us("WATCHDOG_PID"):
        return None
    return int(microseconds) / 1_000_000


def feed_watchdog() -> None:
    """Tell the service manager that all is well, if it wants to know."""
    if watchdog_seconds():
        notify("WATCHDOG=1")


def take_sockets() -> dict[str, list[socket.socket]]:
    """Return the sockets that were opened for this process, by their FileDescriptorName=.

    To be called once: the caller owns the sockets, and they are not passed on to children.

    Raises:
        ConfigurationError: Something else than a socket was passed.
    """
    count = os.environ.get("LISTEN_FDS", "")
    if not count.isdecimal() or "LISTEN_PID" not in os.environ or not _concerns_us("LISTEN_PID"):
        return {}
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    taken: dict[str, list[socket.socket]] = {}
    for number in range(int(count)):
        name = names[number] if number < len(names) and names[number] else "unknown"  # as sd_listen_fds_with_names(3)
        taken.setdefault(name, []).append(_take(_FIRST_DESCRIPTOR + number, name))
    for variable in ("LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID"):
        os.environ.pop(variable, None)
    return taken


def _take(descriptor: int, name: str) -> socket.socket:
    try:
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - os wants it so
        return socket.socket(fileno=descriptor)
    except OSError as error:
        raise ConfigurationError(
            f"what the service manager passed as {name!r} is no socket: {error.strerror}",
            where="receive.listen",
            remedy="use ListenStream= in the socket unit, and nothing else",
        ) from error


def _concerns_us(variable: str) -> bool:
    return os.environ.get(variable, str(os.getpid())) == str(os.getpid())
