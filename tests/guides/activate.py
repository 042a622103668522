"""Open the sockets of socket units and turn into the service: ``activate.py UNIT… -- PROGRAM…``, as systemd does."""

import os
import shutil
import socket
import sys
from pathlib import Path

UNITS = Path(__file__).parents[2] / "systemd"


def read(unit):
    lines = (UNITS / unit).read_text().splitlines()
    return [tuple(line.split("=", 1)) for line in lines if "=" in line and not line.startswith("#")]


def listen(address, keys):
    if address.startswith("/"):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(address)
        shutil.chown(address, keys["SocketUser"], keys["SocketGroup"])
        Path(address).chmod(int(keys["SocketMode"], 8))
    else:
        host, _, port = address.rpartition(":")
        listener = socket.socket(socket.AF_INET6 if host.startswith("[") else socket.AF_INET)
        if host.startswith("["):
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host.strip("[]"), int(port)))
    listener.listen()
    return listener.detach()


if __name__ == "__main__":
    end = sys.argv.index("--")
    names, descriptors = [], []
    for unit in sys.argv[1:end]:
        keys = read(unit)
        for address in (value for key, value in keys if key == "ListenStream"):
            names.append(dict(keys)["FileDescriptorName"])
            descriptors.append(listen(address, dict(keys)))
    for place, number in enumerate(descriptors, start=3):
        assert number == place
        os.set_inheritable(number, True)  # noqa: FBT003 - os wants it so
    os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(names)), "LISTEN_FDNAMES": ":".join(names)}
    os.execvp(sys.argv[end + 1], sys.argv[end + 1 :])  # noqa: S606 - it is the daemon
