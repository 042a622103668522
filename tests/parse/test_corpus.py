"""Whole messages, each modelled on what one mail system writes, and all that is to be read in them.

The mail is invented. A ``.json`` says what ``bounced parse`` must print for
the ``.eml`` beside it; keys that it leaves out may be anything.
"""

import json
from pathlib import Path

import pytest

from bounced.event import describe_understanding
from bounced.pipeline import understand

CORPUS = Path(__file__).parent.parent / "corpus"
CASES = sorted(CORPUS.glob("*/*.eml"))


def describe(raw):
    return json.loads(json.dumps(describe_understanding(understand(raw, headers=["X-Campaign"]))))


def narrow(found, expected):
    """Leave in `found` only the keys that `expected` speaks of."""
    if isinstance(found, dict) and isinstance(expected, dict):
        return {key: narrow(value, expected[key]) for key, value in found.items() if key in expected}
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        return [narrow(*pair) for pair in zip(found, expected, strict=True)]
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_message_is_understood(case):
    expected = json.loads(case.with_suffix(".json").read_text(encoding="utf-8"))
    assert narrow(describe(case.read_bytes()), expected) == expected


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r", b"\r\r\n"], ids=["LF", "CRLF", "CR", "CR CRLF"])
@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_line_ends_make_no_difference(case, ends):
    lines = case.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    assert describe(ends.join(lines)) == describe(case.read_bytes())


def test_every_expectation_has_its_message():
    assert sorted(path.with_suffix(".eml") for path in CORPUS.glob("*/*.json")) == CASES
