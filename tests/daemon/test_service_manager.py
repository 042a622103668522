"""What systemd sees of the daemon: when it is ready, whether it moves, and the sockets that it takes over."""

import asyncio
import shutil
import socket
import sys
from contextlib import asynccontextmanager, closing
from pathlib import Path
from signal import SIGABRT, SIGHUP

import pytest

from tests.daemon.fragile import ENDLESS, UNWRITABLE
from tests.daemon.mail import Session, dsn, send
from tests.daemon.process import DEADLINE_SECONDS

INHERIT = Path(__file__).with_name("inherit.py")
FRAGILE = "tests.daemon.fragile"


class ServiceManager:
    """A notification socket, and what came there."""

    def __init__(self, path: Path) -> None:
        self.address = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.setblocking(False)  # noqa: FBT003 - socket wants it so
        self.told: list[str] = []

    async def until_told(self, assignment: str, *, count: int = 1) -> list[str]:
        """Wait for the `count`-th message with this assignment, and return its lines."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(DEADLINE_SECONDS):
            while len(self.with_line(assignment)) < count:
                self.told.append((await loop.sock_recv(self._socket, 4096)).decode())
        return self.with_line(assignment)[count - 1].splitlines()

    def with_line(self, assignment: str) -> list[str]:
        return [message for message in self.told if assignment in message.splitlines()]

    def read_rest(self) -> None:
        """Take what is there already."""
        while True:
            try:
                self.told.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path):
    with closing(ServiceManager(tmp_path / "notify")) as manager:
        yield manager


async def test_it_is_ready_when_mail_is_taken_and_says_that_it_stops(site, manager, receiver):
    daemon = await site.launch(NOTIFY_SOCKET=manager.address)
    ready = await manager.until_told("READY=1")
    assert manager.told[0] == "STATUS=Starting"
    await daemon.until_logged("ready")
    assert f"STATUS=Taking mail on smtp://127.0.0.1:{daemon.port}" in ready
    await send(daemon.port, dsn("ann@example.com"))
    await receiver.until_events(1)
    assert await daemon.stop() == 0
    stopping = await manager.until_told("STOPPING=1")
    assert any(line.startswith("EXTEND_TIMEOUT_USEC=") for line in stopping)


async def test_it_is_never_ready_where_it_cannot_listen(site, manager):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        site.sections["receive"]["listen"] = [f"smtp://127.0.0.1:{taken.getsockname()[1]}"]
        daemon = await site.launch(NOTIFY_SOCKET=manager.address)
        assert await daemon.ended() == 78
    manager.read_rest()
    assert manager.told
    assert not manager.with_line("READY=1")


async def test_it_is_never_ready_without_its_store(make_site, receiver, manager, tmp_path):
    (tmp_path / "file").write_text("no directory")
    daemon = await make_site(receiver.sink(), url=f"sqlite:///{tmp_path}/file/bounced.db").launch(
        NOTIFY_SOCKET=manager.address
    )
    assert await daemon.ended() == 1
    manager.read_rest()
    assert not manager.with_line("READY=1")


async def test_a_reload_begins_with_its_time_and_ends_ready_also_when_it_failed(site, manager):
    daemon = await site.start(NOTIFY_SOCKET=manager.address)
    daemon.signal(SIGHUP)
    reloading = await manager.until_told("RELOADING=1")
    [moment] = [line for line in reloading if line.startswith("MONOTONIC_USEC=")]
    assert moment.removeprefix("MONOTONIC_USEC=").isdecimal()
    assert any(line.startswith("STATUS=Taking mail") for line in await manager.until_told("READY=1", count=2))
    site.sections["receive"]["hostnam"] = "mx"
    assert site.config.exists()
    daemon.signal(SIGHUP)
    told = await manager.until_told("READY=1", count=3)
    assert any(line.startswith("STATUS=Not reloaded") and "hostnam" in line for line in told)


async def test_the_watchdog_is_fed_while_there_is_nothing_to_do(site, manager):
    await site.start(NOTIFY_SOCKET=manager.address, WATCHDOG_USEC="400000")
    await manager.until_told("WATCHDOG=1", count=5)


async def test_the_watchdog_of_another_process_is_not_fed(site, manager):
    daemon = await site.start(NOTIFY_SOCKET=manager.address, WATCHDOG_USEC="400000", WATCHDOG_PID="1")
    assert await daemon.stop() == 0
    await manager.until_told("STOPPING=1")
    assert not manager.with_line("WATCHDOG=1")


@pytest.mark.parametrize(("header", "stage"), [(ENDLESS, "parse"), (UNWRITABLE, "store")])
async def test_a_flow_that_stands_still_stops_feeding_the_watchdog(site, manager, header, stage):
    daemon = await site.start(module=FRAGILE, NOTIFY_SOCKET=manager.address, WATCHDOG_USEC="1000000")
    await manager.until_told("WATCHDOG=1")
    async with await Session.open(daemon.port) as session:
        await session.begin()
        session.writer.write(f"{header}\r\n\r\nHello\r\n.\r\n".encode())
        assert (await daemon.until_logged("flow_stuck"))["at"] == stage
        manager.read_rest()
        fed = len(manager.with_line("WATCHDOG=1"))
        await daemon.until_logged("flow_stuck", count=3)
        manager.read_rest()
        assert len(manager.with_line("WATCHDOG=1")) == fed
    daemon.signal(SIGABRT)  # what systemd does then
    assert await daemon.ended() == -SIGABRT
    assert "Thread 0x" in "".join(daemon.other_lines)


@asynccontextmanager
async def passing(site, names, *listeners):
    """Launch a daemon that inherits `listeners`."""
    numbers = [listener.fileno() for listener in listeners]
    through = (sys.executable, str(INHERIT), names, *map(str, numbers), "--")
    yield await site.launch(through=through, descriptors=numbers)


def listen_on(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    return listener


async def test_sockets_are_inherited_by_name_and_stay_when_it_stops(make_site, receiver, tmp_path):
    path = tmp_path / "lmtp.sock"
    site = make_site(receiver.sink(), listen=["lmtp+fd://local", "smtp+fd://smtp"])
    servers = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.2", 0))
    with servers[0] as four, servers[1] as other, listen_on(path) as local:
        async with passing(site, "smtp:local:smtp", four, local, other) as daemon:
            ready = await daemon.until_logged("ready")
        ports = [listener.getsockname()[1] for listener in (four, other)]
        assert ready["addresses"] == [
            f"lmtp+unix://{path}",
            f"smtp://127.0.0.1:{ports[0]}",
            f"smtp://127.0.0.2:{ports[1]}",
        ]
        await send(ports[0], dsn("ann@example.com"))
        await receiver.until_recipient("ann@example.com")
        reader, writer = await asyncio.open_unix_connection(path)
        assert (await reader.readline()).endswith(b" LMTP\r\n")
        writer.close()
        assert await daemon.stop() == 0
        assert path.is_socket()
        with socket.create_connection(("127.0.0.1", ports[0]), timeout=5):
            pass  # the kernel still takes connections for the next start


@pytest.mark.parametrize(
    ("listen", "names", "problem"),
    [
        (["smtp+fd://smtp"], "lmtp", "no socket of this name"),
        (["smtp://127.0.0.1:0"], "smtp", "no endpoint takes it"),
        (["smtp+fd://unknown", "smtp+fd://unknown"], "", "no socket of this name"),
    ],
)
async def test_sockets_and_endpoints_that_do_not_fit_are_a_configuration_error(
    make_site, receiver, listen, names, problem
):
    site = make_site(receiver.sink(), listen=listen)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with passing(site, names, listener) as daemon:
            assert await daemon.ended() == 78
    words = "".join(daemon.other_lines)
    assert "receive.listen" in words
    assert problem in words
    assert "remedy: " in words


async def test_what_does_not_listen_is_a_configuration_error(make_site, receiver, tmp_path):
    site = make_site(receiver.sink(), listen=["smtp+fd://smtp"])
    with socket.socket() as silent:
        async with passing(site, "smtp", silent) as daemon:
            assert await daemon.ended() == 78
    assert "Accept=no" in "".join(daemon.other_lines)
    with (tmp_path / "file").open("w") as file:
        async with passing(site, "smtp", file) as daemon:
            assert await daemon.ended() == 78
    assert "ListenStream=" in "".join(daemon.other_lines)


async def test_systemds_own_activation_works(make_site, receiver, tmp_path):
    activate = shutil.which("systemd-socket-activate")
    if not activate:
        pytest.skip("systemd-socket-activate is missing (Debian: systemd)")
    path = tmp_path / "smtp.sock"
    site = make_site(receiver.sink(), listen=["smtp+fd://smtp"])
    daemon = await site.launch(through=(activate, "-l", str(path), "--fdname=smtp", "-E", "PYTHONPATH"))
    await daemon.until_said("Listening on")
    async with asyncio.timeout(DEADLINE_SECONDS):
        reader, writer = await asyncio.open_unix_connection(path)  # which starts it
        assert (await reader.readline()).startswith(b"220 ")
    writer.close()
    assert (await daemon.until_logged("ready"))["addresses"] == [f"smtp+unix://{path}"]
    assert await daemon.stop() == 0
