"""Messages accepted on stable storage, against stock aiosmtpd with a handler that drops them."""

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from functools import partial
from pathlib import Path

from tests.benchmarks.scale import Scale
from tests.benchmarks.servers import Load, Server, bring, daemon, daemons_on_one_port, stock, warm, write_report
from tests.benchmarks.tables import Figures, Table, compared, take_turns

SHAPES = {
    "6 KB, one message for each connection": Load(3000),
    "6 KB, many messages over each connection": Load(3000, keeps_connections=True),
    "64 KB, many messages over each connection": Load(1500, size=64_000, keeps_connections=True),
}
SHORT = tuple(SHAPES)[:2]
CONNECTIONS = (1, 10, 50, 200)
Start = Callable[[], AbstractContextManager[Server]]


def measure(scale: Scale) -> Iterator[Table]:
    """Yield a table for each kind of load."""
    for title, load in SHAPES.items():
        medians = take_turns(
            {
                "stock aiosmtpd, dropping": partial(take, stock, scale.of(load)),
                "`bounced`, durable": partial(take, daemon, scale.of(load)),
            },
            scale.runs,
        )
        columns = ("", "messages/s", "x stock", "events told/s", "CPU µs per message")
        yield Table(f"Accept: {title}", columns, compared(medians))


def measure_connections(scale: Scale) -> Iterator[Table]:
    """Yield how the rates change with the number of connections."""
    rows = []
    for connections in CONNECTIONS:
        load = Load(scale(200 if connections == 1 else 2000), connections=connections, keeps_connections=True)
        peer, ours = take(stock, load)[0], take(daemon, load)[0]
        rows.append((f"{connections}", peer, ours, ours / peer))
    yield Table("Accept, by connections", ("connections", "stock: messages/s", "`bounced`: messages/s", "x"), rows)


def measure_daemons(scale: Scale) -> Iterator[Table]:
    """Yield the rates of one daemon and of two that share its port."""
    for title in SHORT:
        load = scale.of(SHAPES[title])
        medians = take_turns(
            {
                "stock aiosmtpd, dropping": lambda load=load: take(stock, load)[:1],
                "one daemon": partial(share, 1, load),
                "two daemons": partial(share, 2, load),
            },
            scale.runs,
        )
        yield Table(f"Accept, by daemons on one port: {title}", ("", "messages/s", "x stock"), compared(medians))


def share(daemons: int, load: Load) -> Figures:
    """Return messages per second that so many daemons take together."""
    with daemons_on_one_port(daemons) as port:
        Load(load.connections * daemons).send(port)  # the kernel has given some to each of them, which thus has started
        begin = time.perf_counter()
        load.send(port)
        return (load.messages / (time.perf_counter() - begin),)


def take(start: Start, load: Load) -> Figures:
    """Return messages per second, events told per second, and the processor time of each message in µs."""
    with start() as server:
        warm(server)
        spent, begin = server.cpu_seconds(), time.perf_counter()
        load.send(server.port)
        accepted = time.perf_counter() - begin
        server.until_told()
        told = time.perf_counter() - begin
        spent = server.cpu_seconds() - spent
    count = load.messages
    return count / accepted, count / told, spent / count * 1e6


def measure_latency(scale: Scale) -> Iterator[Table]:
    """Yield how long one message takes over one connection, against a commit for each message."""
    count = scale(300)
    medians = take_turns(
        {
            "one commit alone, without SMTP": partial(commit_each, count),
            "stock aiosmtpd, a commit for each message": partial(send_each, partial(stock, keep=True), count),
            "`bounced`": partial(send_each, daemon, count),
        },
        scale.runs,
    )
    peer = medians["stock aiosmtpd, a commit for each message"][0]
    rows = [(name, figure, figure / peer) for name, (figure,) in medians.items()]
    yield Table("Latency of one message of 6 KB over one connection", ("", "ms", "x a commit for each message"), rows)


def send_each(start: Start, count: int) -> Figures:
    """Return the median of the milliseconds from MAIL to the last reply."""
    with start() as server, tempfile.TemporaryDirectory() as directory:
        mail = write_report(Path(directory), 6000).read_bytes().replace(b"\n", b"\r\n")
        return (statistics.median(bring(server.port, [mail] * count)) * 1000,)


def commit_each(count: int) -> Figures:
    """Return the median of the milliseconds of a transaction in SQLite that holds one message."""
    took = []
    with tempfile.TemporaryDirectory() as directory, closing(sqlite3.connect(f"{directory}/mail.db")) as database:
        mail = write_report(Path(directory), 6000).read_bytes()
        database.isolation_level = None
        for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "CREATE TABLE message (raw BLOB)"):
            database.execute(statement)
        for _ in range(count):
            begin = time.perf_counter()
            database.execute("INSERT INTO message VALUES (?)", [mail])
            took.append(time.perf_counter() - begin)
    return (statistics.median(took) * 1000,)
