"""Wait until a mail server listens on a port of this host: ``until_listening.py PORT``."""

import socket
import sys
import time

DEADLINE_SECONDS = 30

if __name__ == "__main__":
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5) as connection:
                assert connection.recv(3)
            break
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
