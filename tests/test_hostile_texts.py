"""No text makes a regular expression, or the reader, search for ever."""

import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# All of it takes a tenth of this; one pattern that is worse than quadratic takes hours.
CPU_SECONDS = 300


def limit_cpu():
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))


def test_every_pattern_and_the_reader_come_to_an_end_whatever_they_are_given():
    finished = subprocess.run(
        [sys.executable, "-m", "tests.hostile_texts"],
        cwd=ROOT,
        preexec_fn=limit_cpu,
        capture_output=True,
        text=True,
        check=False,
    )
    *_, last = finished.stdout.splitlines()
    assert finished.returncode == 0, f"the time was over, or it failed, at {last}\n{finished.stderr}"
    assert int(last) > 50
