"""The units that we ship, judged by systemd itself."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bounced.receive import Endpoint

FOLDER = Path(__file__).parents[2] / "systemd"
UNITS = sorted(path.name for path in FOLDER.iterdir() if path.suffix in {".service", ".socket"})
SERVICES = [name for name in UNITS if name.endswith(".service")]
SOCKETS = [name for name in UNITS if name.endswith(".socket")]
MOST_EXPOSURE = 1.5
OF_ONE_INSTANCE = {"ExecStart", "StateDirectory", "RuntimeDirectory", "WorkingDirectory"}


@pytest.fixture
def analyze():
    program = shutil.which("systemd-analyze")
    if not program:
        pytest.skip("systemd-analyze is missing (Debian: systemd)")

    def run(*arguments):
        finished = subprocess.run(
            [program, *map(str, arguments)], check=False, capture_output=True, text=True, timeout=60
        )
        return finished.returncode, finished.stdout + finished.stderr

    return run


@pytest.fixture
def installed(tmp_path):
    """A copy of all units as on a host where the program is installed."""
    program = tmp_path / "bounced"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for name in UNITS:
        text = (FOLDER / name).read_text()
        (tmp_path / name).write_text(text.replace("/opt/bounced/bin/bounced", str(program)))
    return tmp_path


def section(name, title):
    """Return the assignments of a section in their order; a name may come several times."""
    body = re.split(r"^\[(.+)\]$", (FOLDER / name).read_text(), flags=re.MULTILINE)
    text = body[body.index(title) + 1]
    return [tuple(line.split("=", 1)) for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("name", UNITS)
def test_systemd_finds_nothing_wrong(analyze, installed, name):
    assert analyze("verify", "--man=no", installed / name) == (0, "")


@pytest.mark.parametrize("name", SERVICES)
def test_the_exposure_is_low(analyze, name):
    _, told = analyze("security", "--offline=true", "--no-pager", FOLDER / name)
    [exposure] = re.findall(r"Overall exposure level for \S+: ([0-9.]+)", told)
    assert float(exposure) <= MOST_EXPOSURE


def test_both_services_are_confined_alike():
    one, several = (section(name, "Service") for name in ("bounced.service", "bounced@.service"))
    assert [each for each in one if each[0] not in OF_ONE_INSTANCE] == [
        each for each in several if each[0] not in OF_ONE_INSTANCE
    ]


@pytest.mark.parametrize("name", SOCKETS)
def test_the_endpoint_that_a_socket_unit_names_takes_its_socket(name):
    [endpoint] = re.findall(r'listen = \["([^"]+)"\]', (FOLDER / name).read_text())
    assert ("FileDescriptorName", Endpoint.parse(endpoint).name) in section(name, "Socket")


def test_the_user_of_the_services_is_made():
    [line] = [line for line in (FOLDER / "sysusers.conf").read_text().splitlines() if line.startswith("u ")]
    for name in SERVICES:
        assert ("User", line.split()[1]) in section(name, "Service")
