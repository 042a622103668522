"""Measure the program beside its peers, and print what was found as tables.

Run from the root of the checkout, best on a machine that does nothing else::

    python -m tests.benchmarks [--only NAME]... [--quick] [--output FILE]

A table is for people on a terminal and Markdown elsewhere; `--json` makes each
row a line of JSON.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TextIO

from rich.console import Console

from bounced import log
from tests.benchmarks import accept, events, memory, rows, sinks, start, understand, webhook
from tests.benchmarks.scale import Scale
from tests.benchmarks.tables import Table

MEASURES: dict[str, Callable[[Scale], Iterator[Table]]] = {
    "accept": accept.measure,
    "connections": accept.measure_connections,
    "daemons": accept.measure_daemons,
    "latency": accept.measure_latency,
    "webhook": webhook.measure,
    "understand": understand.measure,
    "growth": understand.measure_growth,
    "rows": rows.measure,
    "events": events.measure,
    "start": start.measure,
    "memory": memory.measure,
    "sinks": sinks.measure,
}
QUICK = {"runs": 1, "share": 0.05}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", choices=MEASURES, metavar="NAME", help=", ".join(MEASURES))
    parser.add_argument("--quick", action="store_true", help="see that it works: once, and little of everything")
    parser.add_argument("--mail", type=Path, help="the directory of mail to read, instead of the package's samples")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each row")
    parser.add_argument("--output", type=Path, help="the file to write to, instead of standard output")
    options = parser.parse_args()
    scale = Scale(mail=options.mail, **(QUICK if options.quick else {}))
    log.configure(level="error")
    with options.output.open("w", encoding="utf-8") if options.output else nullcontext(sys.stdout) as output:
        for name in options.only or MEASURES:
            begin = time.monotonic()
            for table in MEASURES[name](scale):
                write(table, name, output, as_json=options.json)
            print(f"{name}: {time.monotonic() - begin:.0f} s", file=sys.stderr)


def write(table: Table, name: str, output: TextIO, *, as_json: bool) -> None:
    if as_json:
        output.writelines(f"{line}\n" for line in table.to_json_lines(name))
    elif output.isatty():
        table.show(Console(file=output))
    else:
        output.write(f"{table.to_markdown()}\n")
    output.flush()


if __name__ == "__main__":
    main()
