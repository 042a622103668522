"""Whatever arrives, the reader returns a report within its limits."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bounced.event import describe_understanding
from bounced.model import Kind
from bounced.parse import DEFAULT_LIMITS, Limits, parse
from bounced.pipeline import understand

SAMPLES = [path.read_bytes() for path in sorted((Path(__file__).parent.parent / "corpus").glob("*/*.eml"))]
CHARSETS = [
    "hex",
    "zip",
    "idna",
    "rot13",
    "punycode",
    "unicode_escape",
    "utf-7",
    "uu",
    "bz2",
    "mbcs",
    "utf-16\x00",
    "\u212a",
    "x" * 60,
]


@st.composite
def spoiled_samples(draw):
    """A message that broke on its way: octets changed, left out, cut off, or mixed with another's."""
    first, second = draw(st.sampled_from(SAMPLES)), draw(st.sampled_from(SAMPLES))
    chance = random.Random(draw(st.integers()))  # noqa: S311 - reproducible damage
    data = bytearray(first[: chance.randrange(1, len(first))] + second[chance.randrange(len(second)) :])
    for _ in range(draw(st.integers(0, 30))):
        place = chance.randrange(len(data) + 1)
        data[place : place + chance.choice([0, 1, 1, 1, 40])] = chance.choice(
            [b"", b"\n", b"\r", b"\n\n", b"\x00", b"\xff", b"=?", b"?=", b"--", b":", b";", b"@", b"<", b'"', b"\x1b$B"]
        )
    return bytes(data)


def check(raw, limits=DEFAULT_LIMITS):
    understanding = understand(raw, limits=limits)
    assert len(understanding.outcomes) <= len(understanding.report.findings) <= limits.recipients
    for finding in understanding.report.findings:
        assert "@" in finding.recipient
        assert finding.recipient.isprintable() or not finding.recipient.isascii()
    # What is understood can be told: half of a surrogate pair could not.
    assert json.dumps(describe_understanding(understanding), ensure_ascii=False).encode()


@given(st.binary(max_size=2000))
@example(b"")
@example(b"\r")
@example(b"\n\n")
@example(b"From ")
def test_any_octets_are_read(raw):
    check(raw)


@given(st.lists(st.sampled_from(SAMPLES).flatmap(lambda raw: st.sampled_from(raw.splitlines(keepends=True)))))
def test_any_mixture_of_lines_is_read(lines):
    check(b"".join(lines))


@given(spoiled_samples())
def test_spoiled_messages_are_read(raw):
    check(raw)


@given(spoiled_samples(), st.builds(Limits, *[st.integers(0, 400)] * 2, *[st.integers(0, 4)] * 3))
def test_any_limits_are_kept(raw, limits):
    check(raw, limits)


@given(
    st.sampled_from(CHARSETS) | st.text("abcdefghijklmnopqrstuvwxyz0123456789_.-", max_size=50), st.binary(max_size=80)
)
def test_any_charset_is_read(charset, octets):
    check(
        b"From: MAILER-DAEMON@mx.example.net\nContent-Type: multipart/report; boundary=b\n\n"
        + f"--b\nContent-Type: text/plain; charset={charset}\n\n".encode()
        + octets
        + b"\n--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; ann@example.com\n"
        + f"Diagnostic-Code: smtp; =?{charset}?q?".encode()
        + b"".join(b"=%02X" % octet for octet in octets)
        + b"?=\n--b--\n"
    )


def test_a_message_that_is_nothing_says_nothing():
    report = parse(b"")
    assert (report.kind, report.findings, report.reader, report.notes) == (Kind.NOT_BOUNCE, (), None, ())


@pytest.mark.parametrize("raw", SAMPLES)
def test_the_same_octets_give_the_same_report(raw):
    assert parse(raw) == parse(raw)
