"""Turn into a program that inherits sockets as from systemd: ``python inherit.py NAMES FD… -- PROGRAM…``.

Which process the sockets are for is told by its number, which only the process itself knows before it starts.
"""

import fcntl
import os
import sys

if __name__ == "__main__":
    names, *rest = sys.argv[1:]
    descriptors, program = rest[: rest.index("--")], rest[rest.index("--") + 1 :]
    safe = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 100) for number in descriptors]
    for place, number in enumerate(safe, start=3):
        os.dup2(number, place, inheritable=True)
        os.close(number)
    os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(safe)), "LISTEN_FDNAMES": names}
    os.execv(program[0], program)  # noqa: S606 - it is the daemon
