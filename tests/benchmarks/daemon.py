"""The whole daemon as a process: how soon it starts, what it needs, how soon the application has heard.

Run by hand from the root of the checkout::

    PYTHONPATH=. python tests/benchmarks/daemon.py

Measured are the time to READY and that of ``bounced parse`` for one message, against importing what they
are built on; the memory with idle connections; and messages per second from SMTP to a webhook that has
confirmed them, against what is common without a daemon: for each message a process that reads it with
flufl.bounce and makes one request. The peers are started in turn with ours.
"""

import argparse
import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.accept import SAMPLE, free_port, wait_for
from tests.benchmarks.sinks import ENDPOINT
from tests.daemon.mail import dsn

PER_MESSAGE = """
import sys, urllib.request
from email import message_from_binary_file
from flufl.bounce import scan_message

found = scan_message(message_from_binary_file(sys.stdin.buffer))
body = b",".join(sorted(found))
urllib.request.urlopen(urllib.request.Request(sys.argv[1], body, method="POST")).read()
"""
SETTLED = "select count(*) from delivery where state = 'delivered'"
IMPORTS = "import aiohttp, aiosmtpd.smtp, pydantic_settings, rich.table, sqlalchemy, structlog, typer, uvloop"


def write_config(directory: Path, port: int, sinks: str) -> Path:
    path = directory / "bounced.toml"
    path.write_text(
        f'[receive]\nhostname = "bench.example"\nlisten = ["smtp://127.0.0.1:{port}"]\n'
        f'[store]\nurl = "sqlite:///{directory}/bench.db"\n[admin]\nlisten = ""\n[log]\nlevel = "warning"\n{sinks}'
    )
    return path


class Daemon(NamedTuple):
    """A process that takes mail, and how long it took until it did."""

    pid: int
    port: int
    database: Path
    start_seconds: float


@contextmanager
def daemon(sinks: str = "") -> Iterator[Daemon]:
    """Run it in a directory of its own."""
    with tempfile.TemporaryDirectory() as name:
        port, directory = free_port(), Path(name)
        command = [sys.executable, "-m", "bounced", "run", "--config", str(write_config(directory, port, sinks))]
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            wait_for(port)
            yield Daemon(process.pid, port, directory / "bench.db", time.perf_counter() - begin)
        finally:
            process.terminate()
            process.wait(60)


def seconds_of(*command: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def measure_start(runs: int) -> None:
    imports, ready, parse = [], [], []
    for _ in range(runs):
        imports.append(seconds_of("-c", IMPORTS))
        parse.append(seconds_of("-m", "bounced", "parse", str(SAMPLE)))
        with daemon() as ours:
            ready.append(ours.start_seconds)
    peer = statistics.median(imports)
    for name, found in (("importing our libraries", imports), ("start to READY", ready), ("bounced parse", parse)):
        print(f"{name:<44} {statistics.median(found):6.2f} s   {statistics.median(found) / peer:5.2f} x importing")


def resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def measure_memory(connections: int) -> None:
    with daemon() as ours, ExitStack() as stack:
        bring_and_wait(ours, [dsn("ann@example.com")])
        children = Path(f"/proc/{ours.pid}/task/{ours.pid}/children").read_text(encoding="ascii").split()
        before = resident_mib(ours.pid)
        for _ in range(connections):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", ours.port)))
            assert client.recv(100).startswith(b"220")
        after = resident_mib(ours.pid)
        print(f"{'memory at rest':<44} {before:6.0f} MiB")
        print(f"{f'memory with {connections} idle connections':<44} {after:6.0f} MiB")
        print(
            f"{'memory of the process that reads':<44} {sum(resident_mib(int(child)) for child in children):6.0f} MiB"
        )


class Endpoint:
    """The application, a process that answers 204."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self._process = subprocess.Popen([sys.executable, "-c", ENDPOINT, str(self.port)], stdout=subprocess.DEVNULL)
        wait_for(self.port)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)


def bring(port: int, mails: list[bytes], connections: int) -> None:
    """Send the messages over some connections, many over each."""

    def send(some: list[bytes]) -> None:
        with socket.create_connection(("127.0.0.1", port)) as client, client.makefile("rb") as replies:

            def say(line: bytes, expected: bytes) -> None:
                client.sendall(line)
                while (reply := replies.readline())[3:4] == b"-":
                    pass
                assert reply.startswith(expected), reply

            say(b"", b"220")
            say(b"EHLO bench.example\r\n", b"250")
            for mail in some:
                say(b"MAIL FROM:<>\r\n", b"250")
                say(b"RCPT TO:<bounce@bench.example>\r\n", b"250")
                say(b"DATA\r\n", b"354")
                say(mail + b"\r\n.\r\n", b"250")

    threads = [threading.Thread(target=send, args=(mails[at::connections],)) for at in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def bring_and_wait(ours: Daemon, mails: list[bytes]) -> None:
    """Send messages, and wait until their events are confirmed."""
    bring(ours.port, mails, 20)
    with closing(sqlite3.connect(f"file:{ours.database}?mode=ro", uri=True)) as database:
        while database.execute(SETTLED).fetchone()[0] < len(mails):
            time.sleep(0.02)


def through_the_daemon(endpoint: Endpoint, mails: list[bytes]) -> float:
    sink = f'[[sink]]\nname = "app"\ntype = "webhook"\nurl = "{endpoint.url}"\nallow_private_addresses = true\n'
    with daemon(sink) as ours:
        begin = time.perf_counter()
        bring_and_wait(ours, mails)
        return len(mails) / (time.perf_counter() - begin)


def through_a_process_each(endpoint: Endpoint, mails: list[bytes]) -> float:
    def handle(mail: bytes) -> None:
        subprocess.run([sys.executable, "-c", PER_MESSAGE, endpoint.url], input=mail, check=True)

    begin = time.perf_counter()
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(handle, mails))
    return len(mails) / (time.perf_counter() - begin)


def measure_webhook(messages: int, runs: int) -> None:
    mails = [dsn(f"user{number}@example.com") for number in range(messages)]
    ways: dict[str, tuple[Callable[[Endpoint, list[bytes]], float], int]] = {
        "a process with flufl.bounce for each message": (through_a_process_each, 25),
        "SMTP to confirmed webhook": (through_the_daemon, 1),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(runs):
        for name, (way, share) in ways.items():
            endpoint = Endpoint()
            try:
                rates[name].append(way(endpoint, mails[: max(1, messages // share)]))
            finally:
                endpoint.close()
    medians = {name: statistics.median(found) for name, found in rates.items()}
    peer = next(iter(medians.values()))
    for name, rate in medians.items():
        print(f"{name:<44} {rate:6.0f} messages/s   {rate / peer:5.1f} x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--messages", type=int, default=3000)
    parser.add_argument("--connections", type=int, default=2000, help="idle connections")
    options = parser.parse_args()
    measure_start(options.runs)
    measure_memory(options.connections)
    measure_webhook(options.messages, options.runs)


if __name__ == "__main__":
    main()
