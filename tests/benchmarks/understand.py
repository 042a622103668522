"""Messages parsed and classified per second, against the standard library's ``email`` with flufl.bounce.

Run by hand over a directory of mail, or over the samples of the package::

    python tests/benchmarks/understand.py [DIRECTORY]

Both work on the same messages in turn, in one process; the ratio is of CPU time, the median of several rounds.
"""

import argparse
import logging
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from email import message_from_bytes
from pathlib import Path

from flufl.bounce import all_failures

from bounced.cli.mailbox import find_files
from bounced.pipeline import understand

SAMPLES = Path(__file__).parents[2] / "bounced" / "samples"


def with_flufl(raw: bytes) -> None:
    # Its detectors raise on some mail; the time is spent all the same.
    with suppress(AttributeError, LookupError, TypeError, ValueError):
        all_failures(message_from_bytes(raw))


def spent(work: Callable[[bytes], object], mails: list[bytes]) -> list[float]:
    """Return the CPU seconds that each message takes."""
    times = []
    for mail in mails:
        begin = time.process_time_ns()
        work(mail)
        times.append((time.process_time_ns() - begin) / 1e9)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", nargs="?", type=Path, default=SAMPLES)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    paths = [path for path in find_files([str(options.directory)]) if path and path.suffix != ".py"]
    mails = [path.read_bytes() for path in paths]
    rounds: dict[str, list[list[float]]] = {"email + flufl.bounce": [], "bounced": []}
    for _ in range(options.rounds + 1):
        rounds["email + flufl.bounce"].append(spent(with_flufl, mails))
        rounds["bounced"].append(spent(understand, mails))
    peer = 0.0
    for name, measured in rounds.items():
        kept = measured[1:]  # the first round warms up
        mean = statistics.median(statistics.fmean(times) for times in kept)
        p99 = statistics.median(sorted(times)[int(len(times) * 0.99)] for times in kept)
        peer = peer or mean
        print(f"{name:<22} mean {mean * 1e6:7.0f} us   p99 {p99 * 1e6:7.0f} us   {peer / mean:5.1f} x as fast")


if __name__ == "__main__":
    main()
