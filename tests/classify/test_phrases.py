"""The index finds what a plain search for each phrase finds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounced.phrases import PhraseIndex, fold

alphabet = st.sampled_from("ab1 '.é")
phrases = st.lists(
    st.lists(st.text(alphabet, min_size=1, max_size=4), min_size=1, max_size=3)
    .map("...".join)
    .filter(lambda phrase: fold(phrase.replace(".", " "))),
    max_size=8,
)


def begins_word(text, position):
    return not text[position].isalnum() or position == 0 or not text[position - 1].isalnum()


def ends_word(piece, text, end):
    """Whether a piece that is as short as a syllable is a word of its own."""
    return len(piece) > 2 or not piece[0].isalnum() or not text[end : end + 1].isalnum()


def occurs(pieces, text, earliest=0, latest=None, *, is_whole=False):
    """Whether the pieces stand in `text` in order, with gaps of at most 120 characters."""
    if not pieces:
        return True
    latest = len(text) if latest is None else latest
    return any(
        text.startswith(pieces[0], start)
        and begins_word(text, start)
        and (is_whole or ends_word(pieces[0], text, start + len(pieces[0])))
        and occurs(pieces[1:], text, start + len(pieces[0]), start + len(pieces[0]) + 120)
        for start in range(earliest, min(latest, len(text) - 1) + 1)
    )


def naive(all_phrases, text):
    split = [[piece for piece in map(fold, phrase.split("...")) if piece] for phrase in all_phrases]
    return {number for number, pieces in enumerate(split) if occurs(pieces, text, is_whole=len(pieces) == 1)}


@given(phrases, st.text(alphabet, max_size=40) | st.text(alphabet, min_size=120, max_size=140))
def test_the_index_finds_what_a_plain_search_finds(some, text):
    folded = fold(text)
    assert PhraseIndex(some).find(folded).keys() == naive(some, folded)


@given(phrases)
def test_every_phrase_finds_itself(some):
    index = PhraseIndex(some)
    for number, phrase in enumerate(some):
        assert number in index.find(fold(phrase.replace("...", " ")))


@pytest.mark.parametrize(
    ("phrase", "text", "words"),
    [
        ("user unknown", "550 User  Unknown here", "user unknown"),
        ("user unknown", "superuser unknown", None),
        ("user unknown", "the user is unknown", None),
        ("user ... unknown", "the user ann is unknown", "user ann is unknown"),
        ("user ... unknown", f"user {'x' * 118} unknown", f"user {'x' * 118} unknown"),
        ("user ... unknown", f"user {'x' * 121} unknown", None),
        ("isn't here", "it isn\u2019t here", "isn't here"),
        ("(#5", "x(#5.1", "(#5"),
        ("ip ... blocked", "your IP 192.0.2.1 is blocked", "ip 192.0.2.1 is blocked"),
        ("ip ... blocked", "mx.iphmx.example said: blocked", None),
        ("rbl", "by the rbls", "rbl"),
        ("退信", "これは退信です", "退信"),
        ("throttl", "Throttled", "throttl"),
    ],
)
def test_how_a_phrase_matches(phrase, text, words):
    assert PhraseIndex([phrase]).find(fold(text)).get(0) == words


def test_a_phrase_that_begins_another_is_found_with_it():
    assert PhraseIndex(["black", "blacklist", "list"]).find("blacklisted") == {0: "black", 1: "blacklist"}


def test_phrases_that_share_a_piece_are_told_apart():
    found = PhraseIndex(["mailbox ... full", "inbox ... full now", "mailbox"]).find("the mailbox is full")
    assert found == {0: "mailbox is full", 2: "mailbox"}
