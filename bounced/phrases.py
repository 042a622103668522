"""Find which of many phrases a text contains, at a cost that hardly depends on their number.

A phrase is plain text; ``...`` in it stands for up to 120 characters of
anything. Case and the amount of white space do not matter. A phrase begins
where a word begins and may end within one; beside such a gap a piece of one or
two letters is a whole word. In scripts that are written without spaces a phrase
may begin anywhere.

One pass of an automaton (Aho and Corasick, 1975) over the text tells which
longest pieces of phrases it holds; only of those phrases more is looked for.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from ahocorasick_rs import AhoCorasick

_GAP = 120
# Of several pieces one as short as this is a whole word: "ip ... blocked" speaks of no iphone.
_SHORT = 2
# Scripts without spaces between words: the CJK blocks and those after them up to the compatibility forms.
_SIGNS = (("\u2e80", "\u312f"), ("\u3190", "\uabff"), ("\uf900", "\ufaff"), ("\uff66", "\uff9f"))


def fold(text: str) -> str:
    """Bring a text into the form in which phrases are compared."""
    return " ".join(text.replace("\u2019", "'").lower().split())


class PhraseIndex:
    """An index over phrases, numbered in the order given."""

    def __init__(self, phrases: Sequence[str]) -> None:
        self._pieces = [_pieces_of(phrase) for phrase in phrases]
        of_longest: dict[str, list[int]] = {}
        for number, pieces in enumerate(self._pieces):
            of_longest.setdefault(max(pieces, key=len), []).append(number)
        self._automaton = AhoCorasick(of_longest)
        # Parallel to the automaton's patterns.
        self._phrases = list(map(tuple, of_longest.values()))
        self._may_begin_anywhere = [not _begins_word(piece) for piece in of_longest]

    def find(self, folded: str) -> dict[int, str]:
        """Return the numbers of all phrases in `folded`, in order, each with the words that matched."""
        numbers: set[int] = set()
        for pattern, start, _ in self._automaton.find_matches_as_indexes(folded, overlapping=True):
            if start == 0 or self._may_begin_anywhere[pattern] or not folded[start - 1].isalnum():
                numbers.update(self._phrases[pattern])
        found = {}
        starts: dict[str, list[int]] = {}  # of each piece that phrases have in common
        for number in sorted(numbers):
            pieces = self._pieces[number]
            if len(pieces) == 1:
                found[number] = pieces[0]
            # Most other phrases are ruled out by one of their pieces that stands nowhere.
            elif pieces[0] in folded and pieces[-1] in folded and (words := _confirm(pieces, folded, starts)):
                found[number] = words
        return found


class Lexicon:
    """Named lists of phrases, looked for together in one pass."""

    def __init__(self, lists: Mapping[str, Sequence[str]]) -> None:
        self._index = PhraseIndex([phrase for phrases in lists.values() for phrase in phrases])
        self._names = [name for name, phrases in lists.items() for _ in phrases]

    def find(self, folded: str) -> dict[str, list[str]]:
        """Return the names of the lists with phrases in `folded`, in order, each with the words that matched."""
        found: dict[str, list[str]] = {}
        for number, words in self._index.find(folded).items():
            found.setdefault(self._names[number], []).append(words)
        return found


def _pieces_of(phrase: str) -> tuple[str, ...]:
    """Return what a phrase says before, between and behind its gaps."""
    folded = fold(phrase)
    if "..." in phrase:
        return tuple([piece for piece in map(str.strip, folded.split("...")) if piece])
    return (phrase if folded == phrase else folded,)  # the rule has the same string: thousands are not held twice


def _confirm(pieces: Sequence[str], folded: str, starts: dict[str, list[int]]) -> str | None:
    """Return what `folded` holds of a phrase, from its first piece to its last, or None.

    Of several ends before a piece the nearest one counts: if any is within a gap, it is.

    Args:
        pieces: The pieces of the phrase.
        folded: The text.
        starts: Where pieces stand in it, as far as that is known already; what is looked for is added.
    """
    for piece in pieces:
        if piece not in starts:
            starts[piece] = list(_starts(piece, folded))
    # Where the last piece that was found stands, and where the phrase began that it belongs to.
    positions = begins = starts[pieces[0]]
    for before, piece in pairwise(pieces):
        found = []
        for start in starts[piece]:
            number = bisect_right(positions, start - len(before)) - 1
            if number >= 0 and start - len(before) - positions[number] <= _GAP:
                found.append((start, begins[number]))
        positions, begins = [start for start, _ in found], [begin for _, begin in found]
    return folded[begins[0] : positions[0] + len(pieces[-1])] if begins else None


def _starts(piece: str, folded: str) -> Iterator[int]:
    """Yield where `piece` stands, in order; a word begins there if the piece begins with one."""
    is_word = _begins_word(piece)
    is_short = is_word and len(piece) <= _SHORT
    position = folded.find(piece)
    while position >= 0:
        end = position + len(piece)
        is_within = is_word and position > 0 and folded[position - 1].isalnum()
        if not is_within and not (is_short and folded[end : end + 1].isalnum()):
            yield position
        position = folded.find(piece, position + 1)


def _begins_word(piece: str) -> bool:
    sign = piece[0]
    return sign.isalnum() and (sign.isascii() or not any(first <= sign <= last for first, last in _SIGNS))
