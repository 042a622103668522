"""Messages accepted per second, durable, against stock aiosmtpd with a handler that drops the message.

Run by hand, with Debian's postfix for smtp-source::

    python tests/benchmarks/accept.py --messages 5000 --connections 50

Both servers take the same load in turn; the ratio is of the medians of one run.
"""

import argparse
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STOCK = """
import asyncio, sys
from aiosmtpd.smtp import SMTP

class Drop:
    async def handle_DATA(self, server, session, envelope):
        return "250 OK"

async def serve():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Drop(), hostname="stock.example", loop=loop), "127.0.0.1", int(sys.argv[1]), backlog=1024)
    await server.serve_forever()

asyncio.run(serve())
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


@contextmanager
def started(command: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield
    finally:
        process.terminate()
        process.wait(60)


def bounced_command(directory: Path, port: int) -> list[str]:
    config = directory / "bounced.toml"
    config.write_text(
        f'[receive]\nhostname = "bench.example"\nlisten = ["smtp://127.0.0.1:{port}"]\n'
        f'[store]\nurl = "sqlite:///{directory}/bench.db"\n'
        f'[[sink]]\nname = "file"\ntype = "jsonl"\npath = "{directory}/events.jsonl"\n'
        '[admin]\nlisten = ""\n'
        '[log]\nlevel = "warning"\n'
    )
    return [sys.executable, "-m", "bounced", "run", "--config", str(config)]


def write_report(directory: Path, size: int) -> Path:
    """Write the sample report, padded to `size` octets in the mail that it returns."""
    report = SAMPLE.read_bytes()
    padding = b"X" * 70 + b"\n"
    mark = b"Dear Ben, this is the November issue.\n"
    missing = max(0, size - len(report)) // len(padding)
    path = directory / "report.eml"
    path.write_bytes(report.replace(mark, mark + padding * missing))
    return path


def load(port: int, report: Path, options: argparse.Namespace) -> float:
    """Send the messages, each to a recipient of its own; return how many per second were answered 250."""
    command = ["smtp-source", "-s", str(options.connections), "-m", str(options.messages), "-F", str(report)]
    command += ["-N", "-f", "", "-t", "bounce@bench.example", *(["-d"] if options.keep_connections else [])]
    begin = time.perf_counter()
    subprocess.run([*command, f"inet:127.0.0.1:{port}"], check=True, timeout=600)
    return options.messages / (time.perf_counter() - begin)


SAMPLE = Path(__file__).parents[2] / "bounced" / "samples" / "2-mailbox-full.eml"


def measure(report: Path, options: argparse.Namespace) -> dict[str, list[float]]:
    rates: dict[str, list[float]] = {"stock aiosmtpd, dropping": [], "bounced, durable": []}
    for _ in range(options.runs):
        port = free_port()
        with started([sys.executable, "-c", STOCK, str(port)], port):
            rates["stock aiosmtpd, dropping"].append(load(port, report, options))
        with tempfile.TemporaryDirectory() as directory:
            port = free_port()
            with started(bounced_command(Path(directory), port), port):
                rates["bounced, durable"].append(load(port, report, options))
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=3000)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--size", type=int, default=6000, help="octets of a message")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--keep-connections", action="store_true", help="many messages per connection")
    options = parser.parse_args()
    if not shutil.which("smtp-source"):
        sys.exit("smtp-source is missing: apt-get install postfix")
    with tempfile.TemporaryDirectory() as directory:
        rates = measure(write_report(Path(directory), options.size), options)
    medians = {name: statistics.median(found) for name, found in rates.items()}
    stock = medians["stock aiosmtpd, dropping"]
    for name, rate in medians.items():
        print(f"{name:<28} {rate:8.0f} messages/s   {rate / stock:5.2f} x stock")


if __name__ == "__main__":
    main()
