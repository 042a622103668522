"""Find which of many phrases a text contains, at a cost that hardly grows with their number.

A phrase is plain text; ``...`` in it stands for up to 120 characters of
anything. Case and the amount of white space do not matter. A phrase begins
where a word begins and may end within one; in scripts that are written
without spaces it may begin anywhere.

Each phrase is kept under something that every text with the phrase must hold:
its rarest word, the beginning of its only word, or two signs of such a
script. One pass over the words of a text tells which of these it holds, and
only the phrases kept there are looked for.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

_GAP = 120
_WORD = re.compile(r"[^\W_]+")
_ASCII_SPACES = str.maketrans({chr(code): " " for code in range(128) if not chr(code).isalnum()})
# Scripts without spaces between words: the CJK blocks and those after them up to the compatibility forms.
_SIGNS = re.compile("[\u2e80-\u312f\u3190-\uabff\uf900-\ufaff\uff66-\uff9f]{2,}")
_TELLING = 4
# The last word of a phrase may be the beginning of a longer one, so this much of it counts.
_BEGINNING = 3


def fold(text: str) -> str:
    """Bring a text into the form in which phrases are compared."""
    return " ".join(text.replace("\u2019", "'").lower().split())


class PhraseIndex:
    """An index over phrases, numbered in the order given."""

    def __init__(self, phrases: Sequence[str]) -> None:
        self._pieces = [[piece for piece in map(fold, phrase.split("...")) if piece] for phrase in phrases]
        self._longest = [max(pieces, key=len) for pieces in self._pieces]
        self._of_word: dict[str, list[int]] = {}
        self._of_beginning: dict[str, list[int]] = {}
        self._of_signs: dict[str, list[int]] = {}
        self._always: list[int] = []
        whole_words = [_whole_words(pieces) for pieces in self._pieces]
        frequency = Counter(word for words in whole_words for word in words)
        for number, (pieces, words) in enumerate(zip(self._pieces, whole_words, strict=True)):
            # Short words stand in every text, however few phrases hold them.
            rarest = min(words, key=lambda word: (len(word) < _TELLING, frequency[word], word), default=None)
            self._place(pieces, rarest).append(number)

    def find(self, folded: str) -> dict[int, str]:
        """Return the numbers of all phrases in `folded`, in order, each with the words that matched."""
        likely = sorted(number for number in self._candidates(folded) if self._longest[number] in folded)
        return {number: words for number in likely if (words := _confirm(self._pieces[number], folded))}

    def _candidates(self, folded: str) -> set[int]:
        words = set(_words(folded))
        found = set(self._always)
        for word in words & self._of_word.keys():
            found.update(self._of_word[word])
        for beginning in {word[:_BEGINNING] for word in words} & self._of_beginning.keys():
            found.update(self._of_beginning[beginning])
        if self._of_signs and not folded.isascii():
            for run in _SIGNS.findall(folded):
                for start in range(len(run) - 1):
                    found.update(self._of_signs.get(run[start : start + 2], ()))
        return found

    def _place(self, pieces: Sequence[str], rarest: str | None) -> list[int]:
        """Choose where a phrase is kept: under what fewest texts hold."""
        if runs := [run for piece in pieces for run in _SIGNS.findall(piece)]:
            return self._of_signs.setdefault(max(runs, key=len)[:2], [])
        if rarest is not None:
            return self._of_word.setdefault(rarest, [])
        beginnings = [word[:_BEGINNING] for piece in pieces for word in _words(piece) if len(word) >= _BEGINNING]
        return self._of_beginning.setdefault(max(beginnings), []) if beginnings else self._always


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


def _whole_words(pieces: Sequence[str]) -> list[str]:
    """Return the words that a text with these pieces holds as they are.

    The last word of a piece may go on in the text, unless the piece itself
    ends it. The first one may have begun earlier only if it is no word's
    beginning that the piece asks for.
    """
    whole = []
    for piece in pieces:
        words = _words(piece)
        whole += words[:-1] if piece[-1].isalnum() else words
    return whole


def _confirm(pieces: Sequence[str], folded: str) -> str | None:
    """Return what `folded` holds of a phrase, from its first piece to its last, or None."""
    for start in _starts(pieces[0], folded, 0, len(folded)):
        end = _follow(pieces[1:], folded, start + len(pieces[0]))
        if end is not None:
            return folded[start:end]
    return None


def _follow(pieces: Sequence[str], folded: str, end: int) -> int | None:
    """Return where the last of `pieces` ends, each standing at most a gap behind the one before, or None."""
    if not pieces:
        return end
    for start in _starts(pieces[0], folded, end, end + _GAP + len(pieces[0])):
        last = _follow(pieces[1:], folded, start + len(pieces[0]))
        if last is not None:
            return last
    return None


def _starts(piece: str, folded: str, start: int, end: int) -> Iterator[int]:
    """Yield where `piece` stands between `start` and `end`; a word has to begin there if it begins with one."""
    begins_word = piece[0].isalnum() and not _SIGNS.match(piece[0] * 2)
    position = folded.find(piece, start, end)
    while position >= 0:
        if not begins_word or position == 0 or not folded[position - 1].isalnum():
            yield position
        position = folded.find(piece, position + 1, end)


def _words(folded: str) -> list[str]:
    return folded.translate(_ASCII_SPACES).split() if folded.isascii() else _WORD.findall(folded)
