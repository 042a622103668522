"""Start what is measured and its peers as processes, load them, and see what they use."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.brokers.private import free_port
from tests.daemon import inherit
from tests.daemon.process import environment

SAMPLE = Path(__file__).parents[2] / "bounced" / "samples" / "2-mailbox-full.eml"
DEADLINE_SECONDS = 300

# A handler that drops the message, or keeps it by a commit of its own.
STOCK = """
import asyncio, sqlite3, sys
from aiosmtpd.smtp import SMTP

class Drop:
    async def handle_DATA(self, server, session, envelope):
        return "250 OK"

class Keep:
    def __init__(self, path):
        self.database = sqlite3.connect(path, isolation_level=None)
        self.database.execute("PRAGMA journal_mode = WAL")
        self.database.execute("PRAGMA synchronous = FULL")
        self.database.execute("CREATE TABLE message (raw BLOB)")

    async def handle_DATA(self, server, session, envelope):
        self.database.execute("INSERT INTO message VALUES (?)", [envelope.content])
        return "250 OK"

async def serve():
    loop = asyncio.get_running_loop()
    handler = Keep(sys.argv[2]) if len(sys.argv) > 2 else Drop()
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="stock.example", loop=loop), "127.0.0.1", int(sys.argv[1]), backlog=1024)
    await server.serve_forever()

asyncio.run(serve())
"""
ENDPOINT = """
import asyncio, sys

posts = 0

async def answer(reader, writer):
    global posts
    try:
        while head := (await reader.readuntil(b"\\r\\n\\r\\n")).lower():
            if head.startswith(b"get"):
                body = str(posts).encode()
                writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%b" % (len(body), body))
                continue
            length = next(line for line in head.split(b"\\r\\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.split(b":")[1]))
            posts += 1
            writer.write(b"HTTP/1.1 204 No Content\\r\\n\\r\\n")
    except asyncio.IncompleteReadError:
        writer.close()

async def serve():
    server = await asyncio.start_server(answer, "127.0.0.1", int(sys.argv[1]), backlog=1024)
    await server.serve_forever()

asyncio.run(serve())
"""
# Whether something is left to do: to read, or to tell. What is done is due no more, and an index knows that.
LEFT = """
    SELECT EXISTS (SELECT 1 FROM message WHERE due_at IS NOT NULL)
        OR EXISTS (SELECT 1 FROM delivery WHERE due_at IS NOT NULL)
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A process that takes mail or requests.

    Attributes:
        database: Where it keeps what it has still to do; None where it does nothing later.
        start_seconds: How long it took until it answered.
    """

    pid: int
    port: int
    start_seconds: float
    database: Path | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def pids(self) -> list[int]:
        """It and the processes that it has started."""
        threads = Path(f"/proc/{self.pid}/task").iterdir()
        return [self.pid, *(int(pid) for thread in threads for pid in (thread / "children").read_text().split())]

    def cpu_seconds(self) -> float:
        """Return what it and its children have used of the processors."""
        spent = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.pids)
        return sum(int(fields[11]) + int(fields[12]) for fields in spent) / os.sysconf("SC_CLK_TCK")

    def until_told(self) -> None:
        """Wait until every message is read and every event confirmed."""
        if self.database is None:
            return
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as database:
            until(lambda: not database.execute(LEFT).fetchone()[0])


def warm(server: Server) -> None:
    """Bring one message to its end, so that all processes have started."""
    bring(server.port, [SAMPLE.read_bytes().replace(b"\n", b"\r\n")])
    server.until_told()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.01)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def with_bytecode() -> dict[str, str]:
    """Return an environment in which modules are compiled once, as pip does when it installs."""
    variables = environment(PYTHONPYCACHEPREFIX=str(Path(tempfile.gettempdir()) / "bounced-benchmarks"))
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    return variables


@contextmanager
def started(
    arguments: list[str], port: int, database: Path | None = None, listeners: Sequence[socket.socket] = ()
) -> Iterator[Server]:
    """Run Python with these arguments until the context is left."""
    begin = time.perf_counter()
    inherited = [listener.fileno() for listener in listeners]
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, env=with_bytecode(), pass_fds=inherited
    )
    try:
        until(lambda: answers(port) or process.poll() is not None)
        yield Server(process.pid, port, time.perf_counter() - begin, database)
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def stock(*, keep: bool = False) -> Iterator[Server]:
    """Run aiosmtpd as it is, with a handler that drops each message, or commits it."""
    with tempfile.TemporaryDirectory() as directory:
        port = free_port()
        with started(["-c", STOCK, str(port), *([f"{directory}/mail.db"] if keep else [])], port) as server:
            yield server


@contextmanager
def endpoint() -> Iterator[Server]:
    """Run the application that is told: it answers 204, and how many requests it got to a GET."""
    port = free_port()
    with started(["-c", ENDPOINT, str(port)], port) as server:
        yield server


def count_posts(server: Server) -> int:
    with urllib.request.urlopen(server.url, timeout=10) as answer:  # noqa: S310 - our own
        return int(answer.read())


@contextmanager
def daemon(sinks: str = "") -> Iterator[Server]:
    """Run the daemon in a directory of its own, with a file as its sink where none is given."""
    with tempfile.TemporaryDirectory() as directory:
        port = free_port()
        config, database = configure(Path(directory), f"smtp://127.0.0.1:{port}", sinks)
        with started(["-m", "bounced", "run", "--config", str(config)], port, database) as server:
            yield server


def configure(directory: Path, listen: str, sinks: str = "") -> tuple[Path, Path]:
    """Write the configuration of a daemon that keeps all in `directory`; return its file and that of the database."""
    config, database = directory / "bounced.toml", directory / "bench.db"
    file = f'[[sink]]\nname = "file"\ntype = "jsonl"\npath = "{directory}/events.jsonl"\n'
    config.write_text(
        f'[receive]\nhostname = "bench.example"\nlisten = ["{listen}"]\n'
        f'[store]\nurl = "sqlite:///{database}"\n'
        f'[admin]\nlisten = "127.0.0.1:0"\n[log]\nlevel = "warning"\n{sinks or file}'
    )
    return config, database


@contextmanager
def daemons_on_one_port(count: int) -> Iterator[int]:
    """Run as many daemons, each with a database of its own, on one port that the kernel shares among them; yield it."""
    port = 0
    with ExitStack() as stack:
        for _ in range(count):
            directory = stack.enter_context(tempfile.TemporaryDirectory())
            listener = stack.enter_context(inherit.reusable_socket(port))
            port = listener.getsockname()[1]
            config, database = configure(Path(directory), "smtp+fd://smtp")
            program = [sys.executable, "-m", "bounced", "run", "--config", str(config)]
            arguments = [inherit.__file__, "smtp", str(listener.fileno()), "--", *program]
            stack.enter_context(started(arguments, port, database, [listener]))
        yield port


def webhook(url: str, *, batch_size: int = 1) -> str:
    """Return a sink that is a webhook."""
    return (
        f'[[sink]]\nname = "app"\ntype = "webhook"\nurl = "{url}"\nallow_private_addresses = true\n'
        f"batch_size = {batch_size}\n"
    )


def write_report(directory: Path, size: int) -> Path:
    """Write the sample report, padded to `size` octets in the mail that it returns."""
    report, padding, mark = SAMPLE.read_bytes(), b"X" * 70 + b"\n", b"Dear Ben, this is the November issue.\n"
    missing = max(0, size - len(report)) // len(padding)
    path = directory / f"{size}.eml"
    path.write_bytes(report.replace(mark, mark + padding * missing))
    return path


@dataclass(frozen=True, slots=True)
class Load:
    """Messages from Postfix's smtp-source, each to a recipient of its own."""

    messages: int
    size: int = 6000
    connections: int = 50
    keeps_connections: bool = False

    def send(self, port: int) -> None:
        """Return when each has been answered 250."""
        source = shutil.which("smtp-source", path=f"{os.environ['PATH']}:/usr/sbin")
        if source is None:
            sys.exit("smtp-source is missing (Debian: postfix)")
        with tempfile.TemporaryDirectory() as directory:
            report = write_report(Path(directory), self.size)
            how = ["-s", str(self.connections), "-m", str(self.messages), "-F", str(report)]
            to = ["-N", "-f", "", "-t", "bounce@bench.example", f"inet:127.0.0.1:{port}"]
            kept = ["-d"] if self.keeps_connections else []
            subprocess.run([source, *how, *kept, *to], check=True, timeout=DEADLINE_SECONDS)


def bring(port: int, mails: list[bytes]) -> list[float]:
    """Send messages one after the other over one connection; return the seconds that each took."""
    took = []
    with socket.create_connection(("127.0.0.1", port)) as client, client.makefile("rb") as replies:

        def say(line: bytes, expected: bytes) -> None:
            client.sendall(line)
            while (reply := replies.readline())[3:4] == b"-":
                pass
            assert reply.startswith(expected), reply

        say(b"", b"220")
        say(b"EHLO bench.example\r\n", b"250")
        for number, mail in enumerate(mails):
            begin = time.perf_counter()
            say(b"MAIL FROM:<>\r\n", b"250")
            say(b"RCPT TO:<bounce+%d@bench.example>\r\n" % number, b"250")
            say(b"DATA\r\n", b"354")
            say(mail + b"\r\n.\r\n", b"250")
            took.append(time.perf_counter() - begin)
    return took
