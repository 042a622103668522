"""The benchmarks run; what they find is for docs/performance.md, and no test depends on it."""

import json
import subprocess
import sys

from tests.daemon.process import ROOT, environment


def test_a_measure_sets_us_beside_a_peer(tmp_path):
    (tmp_path / "one.eml").write_bytes(b"Subject: Hello\r\n\r\nHello.\r\n")
    page = tmp_path / "page"
    options = ("--quick", "--only", "understand", "--mail", tmp_path, "--json", "--output", page)
    subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", *map(str, options)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        check=True,
        timeout=120,
    )
    lines = [json.loads(line) for line in page.read_text().splitlines()]
    assert [line[""] for line in lines] == ["`email` and flufl.bounce", "`bounced`"]
    assert {line["measure"] for line in lines} == {"understand"}
    assert all(line["mean µs"] > 0 for line in lines)
