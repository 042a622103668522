"""How much memory the daemon takes while many are connected: idle ones, and ones that all bring mail at once."""

import asyncio
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.scale import Scale
from tests.benchmarks.servers import Server, daemon, warm
from tests.benchmarks.tables import Table

CONNECTIONS = 2000
MIB = 2**20
PIECE = (b"x" * 62 + b"\r\n") * 1024


def measure(scale: Scale) -> Iterator[Table]:
    """Yield the memory at rest, with idle connections, and the most while as many bring 1 MiB each."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    connections = scale(CONNECTIONS)
    yield Table("Memory", ("", "MiB"), [*measure_idle(connections), *measure_greedy(connections)])


def measure_idle(connections: int) -> Iterator[tuple[str, float]]:
    """Yield what the daemon and its reader hold, before and with idle connections."""
    with daemon() as server, ExitStack() as stack:
        warm(server)
        yield "the daemon at rest", resident(server.pid)
        yield "the process that reads", sum(map(resident, server.pids[1:]))
        for _ in range(connections):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            assert client.recv(100).startswith(b"220")
        yield f"the daemon with {connections} idle connections", resident(server.pid)
        yield "both processes then, what they share counted once", sum(map(proportional, server.pids))


def measure_greedy(connections: int) -> Iterator[tuple[str, float]]:
    """Yield the most that both processes hold while clients bring large messages, all at the same time."""
    with daemon() as server:
        warm(server)
        yield f"both, the most while {connections} bring 1 MiB each", asyncio.run(bring_all(server, connections))


async def bring_all(server: Server, connections: int) -> float:
    """Have every client send its message but the end, then end them all; return the most memory that was seen."""
    barrier = asyncio.Barrier(connections)
    clients = [asyncio.ensure_future(bring(server.port, barrier)) for _ in range(connections)]
    most = 0.0
    while not all(client.done() for client in clients):
        most = max(most, sum(map(proportional, server.pids)))
        await asyncio.sleep(0.1)
    await asyncio.gather(*clients)
    return most


async def bring(port: int, barrier: asyncio.Barrier) -> None:
    """Send a message of 1 MiB, step by step with all others."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readline()
    for command in (b"HELO bench.example", b"MAIL FROM:<>", b"RCPT TO:<bounce@bench.example>", b"DATA"):
        writer.write(command + b"\r\n")
        reply = await reader.readline()
        assert reply[:1] in b"23", reply
    await barrier.wait()
    for _ in range(MIB // len(PIECE)):
        writer.write(PIECE)
        await writer.drain()
    await barrier.wait()
    writer.write(b".\r\n")
    reply = await reader.readline()
    assert reply.startswith((b"250", b"452")), reply
    writer.close()


def resident(pid: int) -> float:
    """Return the MiB that a process holds, with what it shares."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


def proportional(pid: int) -> float:
    """Return the MiB that a process holds, of shared pages only its part (PSS)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
