"""docs/migrate.md: the reasons are ours, and the programs say what the page says."""

import csv
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bounced.shipped import read_text
from tests.guides.host import ROOT, read_blocks

BLOCKS = read_blocks("migrate")
SAMPLES = ROOT / "bounced" / "samples"
STOPPED = "stop ann@example.com user_unknown\n"


def run(*command, path=os.environ["PATH"]):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PATH": path}
    return subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment, cwd=ROOT, timeout=60
    ).stdout


def test_the_table_of_reasons_is_the_one_in_force():
    rows = csv.DictReader(io.StringIO(read_text("bounced.classify.data", "reasons.csv")))
    text = (ROOT / "docs" / "migrate.md").read_text(encoding="utf-8").partition("## Reasons side by side")[2]
    written = [line.strip("| ").rsplit(" | ", 1)[0] for line in text.splitlines() if line.startswith("| `")]
    assert written == [f"`{row['reason']}` | {row['label']} | {row['fault']} | {row['bounce_type']}" for row in rows]


def test_the_script_with_flufl_bounce_stops_four_addresses():
    said = run(sys.executable, "-W", "ignore", "-c", BLOCKS["flufl"], str(SAMPLES)).splitlines()
    assert len(said) == 4
    assert "stop ann@example.com" in said


def test_the_library_stops_the_one_that_does_not_exist():
    assert run(sys.executable, "-c", BLOCKS["bounced"], str(SAMPLES)) == STOPPED


def test_the_command_line_says_the_same(tmp_path):
    if not shutil.which("jq"):
        pytest.skip("jq is missing (Debian: jq)")
    program = tmp_path / "bounced"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m bounced "$@"\n')
    Path(program).chmod(0o755)
    assert run("bash", "-ec", BLOCKS["jq"], path=f"{tmp_path}:{os.environ['PATH']}") == STOPPED
