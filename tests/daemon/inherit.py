"""Turn into a program that inherits sockets as from systemd: ``python inherit.py NAMES FD… -- PROGRAM…``.

Which process the sockets are for is told by its number, which only the process itself knows before it starts.
"""

import fcntl
import os
import socket
import sys


def reusable_socket(port: int) -> socket.socket:
    """Listen on a port that others may listen on too, as systemd does with ReusePort=."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(1024)
    return listener


if __name__ == "__main__":
    names, *rest = sys.argv[1:]
    descriptors, program = rest[: rest.index("--")], rest[rest.index("--") + 1 :]
    safe = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 100) for number in descriptors]
    for place, number in enumerate(safe, start=3):
        os.dup2(number, place, inheritable=True)
        os.close(number)
    os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(safe)), "LISTEN_FDNAMES": names}
    os.execv(program[0], program)  # noqa: S606 - it is the daemon
