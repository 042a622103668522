"""The words that decided are found where they stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounced.admin.highlight import mark, show_decoded, show_source


def marked(pieces):
    return [text for text, is_marked in pieces if is_marked]


@pytest.mark.parametrize(
    ("text", "words", "found"),
    [
        ("552 5.2.2 mailbox is Over  Quota now", "over quota", ["Over  Quota"]),
        ("mail is over\n    quota", "over quota", ["over\n    quota"]),
        ("550-5.7.1 unusual\n550-5.7.1 rate of mail", "unusual rate", ["unusual\n550-5.7.1 rate"]),
        ("450-unusual\n450 rate", "unusual rate", ["unusual\n450 rate"]),
        ("5.2.2 and 5.2.2", "5.2.2", ["5.2.2", "5.2.2"]),
        ("5x2x2", "5.2.2", []),
        ("anything", None, []),
        ("anything", " ", []),
        ("", "words", []),
    ],
)
def test_words_are_found_in_any_case_and_over_line_ends(text, words, found):
    assert marked(mark(text, words)) == found


@given(st.text(), st.text())
def test_marking_changes_no_text(text, words):
    assert "".join(piece for piece, _ in mark(text, words)) == text


def test_a_long_source_is_cut_and_says_so():
    pieces, is_cut = show_source(b"x" * 70_000, None)
    assert (sum(len(text) for text, _ in pieces), is_cut) == (65_536, True)
    assert show_source(b"a\r\nb", None) == ([("a\nb", False)], False)


def test_what_is_encoded_is_decoded_to_show_the_words():
    raw = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nTWFpbGJveCBmdWxs\r\n"
    assert marked(show_source(raw, "mailbox full")[0]) == []
    assert marked(show_decoded(raw, "mailbox full")) == ["Mailbox full"]
    assert show_decoded(raw, "no such words") == []


@given(st.binary(max_size=2000))
def test_any_octets_can_be_shown(raw):
    show_source(raw, "a b")
    show_decoded(raw, "a b")
