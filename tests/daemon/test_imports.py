"""What a process loads before it does its work: that is most of the time of a start."""

import subprocess
import sys

import pytest

from tests.daemon.process import ROOT, environment


@pytest.mark.parametrize(
    ("module", "spared"),
    [
        pytest.param(
            "bounced.app",
            {"aiohttp", "alembic", "bounced.parse", "sqlalchemy.dialects.postgresql"},
            id="the daemon, before it takes mail",
        ),
        pytest.param(
            "bounced.admin.application", {"bounced.parse", "jinja2"}, id="the admin's side, until it is asked"
        ),
        pytest.param("bounced.flow.worker", {"asyncio", "prometheus_client", "structlog"}, id="the process that reads"),
        pytest.param("bounced.cli", {"asyncio", "bounced.parse", "sqlalchemy", "structlog"}, id="a command"),
    ],
)
def test_what_is_not_needed_is_not_loaded(module, spared):
    program = f"import sys; import {module}; print(*sys.modules)"
    command = [sys.executable, "-c", program]
    loaded = subprocess.run(command, capture_output=True, check=True, text=True, cwd=ROOT, env=environment()).stdout
    assert module in loaded.split()
    assert spared.isdisjoint(loaded.split())
