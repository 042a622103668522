"""Whatever is put into a query or a list, it is read or refused, in bounded memory."""

from contextlib import suppress
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bounced.admin.importing import MAX_LINE_BYTES, ListReader, Rejected, UnreadableListError
from bounced.admin.problem import ProblemError
from bounced.admin.query import read_cursor, read_flag, read_limit, read_since, write_cursor
from bounced.escalate import State

PIECES = st.sampled_from(
    [
        b"ann@example.com",
        b"email,reason,created\n",
        b'{"address": "ben@example.com", "since": ',
        b"}",
        b"\n",
        b"\r\n",
        b",",
        b";",
        b"\t",
        b'"',
        b"\xff",
        b"\xef\xbb\xbf",
        b"9" * 5000,
        b"-1",
        b"1e999",
        b"0001-01-01T00:00:00+23:59",
        b"Mon, 23 Nov 2026 09:33:53 +9999",
        b"\\ud800",
        b"\0",
        b"[" * 3000,
        b"x" * (MAX_LINE_BYTES + 1),
    ]
)
LISTS = st.binary(max_size=300) | st.lists(PIECES | st.binary(max_size=20), max_size=25).map(b"".join)


def read_list(pieces):
    reader, found = ListReader(), []
    with suppress(UnreadableListError):
        for piece in pieces:
            found += reader.feed(piece)
        found += reader.finish()
    return found


@given(LISTS, st.integers(1, 400))
def test_any_list_is_read_line_by_line_in_pieces_of_any_size(octets, size):
    whole = read_list([octets])
    assert read_list([octets[start : start + size] for start in range(0, len(octets), size)]) == whole
    lines = octets.count(b"\n") + 1
    assert len(whole) <= lines
    for one in whole:
        if isinstance(one, Rejected):
            assert 1 <= one.line <= lines
        else:
            assert "@" in one.address
            assert one.state in {State.UNDELIVERABLE, State.SUPPRESSED, State.COMPLAINED}
            assert one.since is None or one.since <= datetime.now(UTC)
            assert (one.note or "").encode().decode() == (one.note or "")


@given(st.text(max_size=60) | st.text("0123456789-:T+Z.W ", max_size=40))
def test_any_parameter_is_read_or_refused(text):
    for read in (read_since, read_cursor, read_flag, lambda given: read_limit(given, most=1000)):
        with suppress(ProblemError):
            read(text)


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1))
def test_a_cursor_comes_back_as_it_was(cursor):
    assert read_cursor(write_cursor(cursor)) == cursor
