import io
import os
import subprocess
import sys
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest
import structlog

from bounced.cli import main
from bounced.event import describe_understanding, make_events
from bounced.model import Envelope, Message
from bounced.pipeline import understand
from bounced.store import Conclusion, Settlement, Store
from tests.daemon.mail import dsn
from tests.daemon.process import environment

DEADLINE_SECONDS = 30


@pytest.fixture
def bounced(tmp_path):
    """Return a function that runs the program as a process in an empty directory."""

    def run(
        *arguments: str | Path, stdin: bytes = b"", through: tuple[str, ...] = (), **variables: str
    ) -> subprocess.CompletedProcess[str]:
        finished = subprocess.run(
            [*through, sys.executable, "-m", "bounced", *map(str, arguments)],
            cwd=tmp_path,
            env=environment(**variables),
            input=stdin,
            capture_output=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        out, err = finished.stdout.decode(), finished.stderr.decode()
        return subprocess.CompletedProcess(finished.args, finished.returncode, out, err)

    return run


@pytest.fixture
def powerless():
    """What to run the program through, so that the superuser has no more rights than the owner of a file."""
    return ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """Return a function that runs the program in this process, which is quicker.

    It is not for commands that log: loggers remember the first standard error they wrote to.
    """
    for name in [name for name in os.environ if name.startswith("BOUNCED_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def call_(*arguments: str | Path, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess[str]:
        command = ["bounced", *map(str, arguments)]
        monkeypatch.setattr("sys.argv", command)
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as end:
            main()
        return subprocess.CompletedProcess(command, end.value.code, *capsys.readouterr())

    yield call_
    structlog.reset_defaults()


@pytest.fixture
def write_config(tmp_path):
    """Write a configuration file; the rest of it is a store here and one webhook."""

    def write(text: str = "", *, webhook: str = "") -> Path:
        path = tmp_path / "bounced.toml"
        sink = (
            f'[[sink]]\nname = "app"\ntype = "webhook"\nurl = "https://user:pass@app.example/?token=t0ken"\n{webhook}'
        )
        path.write_text(f'{text}\n[store]\nurl = "sqlite:///{tmp_path}/bounced.db"\n{sink}\n')
        return path

    return write


@pytest.fixture
def samples(tmp_path_factory):
    """A directory with the sample mails of the package and nothing else."""
    directory = tmp_path_factory.mktemp("samples")
    for file in files("bounced.samples").iterdir():
        if file.name.endswith(".eml"):
            (directory / file.name).write_bytes(file.read_bytes())
    return directory


@pytest.fixture
async def store(tmp_path):
    async with await Store.open(f"sqlite:///{tmp_path}/bounced.db", owner="test") as store:
        yield store


@pytest.fixture
def conclude(store):
    """Conclude a bounce of a recipient, and say what became of its delivery to the sink ``app``."""

    async def conclude_(recipient: str, *, error: str | None = None, is_delivered: bool = False) -> str:
        message = Message.of(Envelope("", ("bounce@example.com",), datetime.now(UTC)), dsn(recipient))
        understanding = understand(message.raw)
        [event] = make_events(message, understanding, source="/bounced/test")
        report = str(describe_understanding(understanding))
        key = (event.id, "app")
        await store.accept(message, lease=True)
        await store.conclude(
            Conclusion(message.id, understanding.kind, report, (event,), (key,), leased=frozenset([key]))
        )
        if error:
            await store.settle(Settlement.dead(key, 1, error=error))
        if is_delivered:
            await store.settle(Settlement.delivered(key, 1))
        return event.id

    return conclude_
