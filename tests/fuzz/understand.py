"""Look for messages that the reader cannot stand, guided by which lines of it run: ``docs/fuzzing.md`` tells how.

A message is mutated in its structure as often as in its octets: pieces of
our samples and of what was found before are put together anew, because chance
alone seldom writes a multipart report.
"""

import random
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["bounced"]):
    from bounced.classify import Profile
    from bounced.flow.reading import Recipe, read_message
    from bounced.identify import VerpSettings
    from bounced.model import Envelope, Message

ROOT = Path(__file__).parents[2]
SEEDS = [ROOT / "tests" / "corpus", ROOT / "bounced" / "samples"]
SAMPLES = [path.read_bytes() for folder in SEEDS for path in sorted(folder.rglob("*.eml"))]
ENVELOPE = Envelope("", ("bounces+ann=example.com@example.com",), datetime(2026, 11, 23, tzinfo=UTC))
# Twice what a message of 64 KiB may take, because instrumented code takes more than twice as long.
SECONDS = 2.0
MOST_REPEATS = 2000
OF_OCTETS = 0.4  # how often a mutation knows nothing of mail

_understand = Recipe({}, Profile.RULES, (), VerpSettings())()
# Where a message can be cut so that the pieces still mean something: at its delimiters, blocks and fields.
_CUTS = [
    re.compile(rb"(?=\n--)"),
    re.compile(rb"(?<=\n\n)"),
    re.compile(rb"(?<=\n)(?=[A-Za-z])"),
    re.compile(rb"(?<=[ ;<>@=])"),
]


def read_one(raw: bytes) -> None:
    """Read a message as the daemon does; whatever is raised is a finding, and so is taking long."""
    before = time.process_time()
    reading = read_message(Message.of(ENVELOPE, raw), _understand, source="/bounced/fuzz")
    seconds = time.process_time() - before
    reading.report.encode()
    for event in reading.events:
        event.document.encode()
    assert seconds < SECONDS, f"{seconds:.1f} seconds"


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Change a message in its structure or in its octets."""
    chance = random.Random(seed)  # noqa: S311 - reproducible damage
    if chance.random() < OF_OCTETS:
        return atheris.Mutate(data, max_size)
    return chance.choice(_WAYS)(data, chance)[:max_size]


def _splice(data: bytes, chance: random.Random) -> bytes:
    """Put some pieces of another message in the place of some of this one's."""
    cut = chance.choice(_CUTS)
    pieces, others = cut.split(data), cut.split(chance.choice(SAMPLES))
    start = chance.randrange(len(pieces))
    other = chance.randrange(len(others))
    pieces[start : start + chance.randrange(4)] = others[other : other + chance.randrange(4)]
    return b"".join(pieces)


def _repeat(data: bytes, chance: random.Random) -> bytes:
    """Say one piece very often."""
    pieces = chance.choice(_CUTS).split(data)
    pieces[chance.randrange(len(pieces))] *= chance.choice([2, 3, 30, MOST_REPEATS])
    return b"".join(pieces)


def _shuffle(data: bytes, chance: random.Random) -> bytes:
    """Bring the pieces into another order."""
    pieces = chance.choice(_CUTS).split(data)
    chance.shuffle(pieces)
    return b"".join(pieces)


_WAYS = (_splice, _splice, _repeat, _shuffle)


if __name__ == "__main__":
    # A message to see again stands alone; folders of them do not go with it.
    is_one = any(Path(argument).is_file() for argument in sys.argv[1:])
    atheris.Setup(sys.argv if is_one else [*sys.argv, *map(str, SEEDS)], read_one, custom_mutator=mutate)
    atheris.Fuzz()
