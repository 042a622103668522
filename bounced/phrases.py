"""Find which of many phrases a text contains, in one pass.

A phrase is plain text; ``...`` in it stands for up to 120 characters of
anything. Case and the amount of white space do not matter, and a phrase
begins where a word begins. The longest piece of each phrase goes into one
trie, written as a regular expression that cannot backtrack: at each place it
follows a single path. Only phrases whose piece was found are looked at
closer, so a thousand phrases cost little more than ten.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

_Trie: TypeAlias = "dict[str, _Trie]"
_GAP = ".{0,120}?"
_END = ""


def fold(text: str) -> str:
    """Bring a text into the form in which phrases are compared."""
    return " ".join(text.replace("\u2019", "'").lower().split())


class PhraseIndex:
    """An index over phrases, numbered in the order given."""

    def __init__(self, phrases: Sequence[str]) -> None:
        self._exact: list[re.Pattern[str] | str] = []
        self._of_piece: dict[str, list[int]] = {}
        for number, phrase in enumerate(phrases):
            pieces = [piece for piece in (fold(part) for part in phrase.split("...")) if piece]
            self._of_piece.setdefault(max(pieces, key=len), []).append(number)
            self._exact.append(
                re.compile(_GAP.join(_pattern(piece) for piece in pieces)) if len(pieces) > 1 else pieces[0]
            )
        pieces = list(self._of_piece)
        self._anywhere = re.compile(f"(?=({_expression(_trie(pieces))}))") if pieces else None
        # What is found at a place is the longest piece there; shorter ones that it begins with are there too.
        self._with_prefixes = {
            piece: [number for other in _prefixes(piece, self._of_piece) for number in self._of_piece[other]]
            for piece in pieces
        }

    def find(self, folded: str) -> dict[int, str]:
        """Return the numbers of all phrases in `folded`, in order, each with the words that matched."""
        numbers = {number for piece in self._pieces(folded) for number in self._with_prefixes[piece]}
        return {number: words for number in sorted(numbers) if (words := self._confirm(number, folded))}

    def _pieces(self, folded: str) -> set[str]:
        return {match[1] for match in self._anywhere.finditer(folded)} if self._anywhere else set()

    def _confirm(self, number: int, folded: str) -> str | None:
        exact = self._exact[number]
        if isinstance(exact, str):
            return exact
        match = exact.search(folded)
        return match[0] if match else None


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


def _pattern(piece: str) -> str:
    return ("(?<![a-z0-9])" if _begins_word(piece) else "") + re.escape(piece)


def _begins_word(piece: str) -> bool:
    return piece[0].isascii() and piece[0].isalnum()


def _prefixes(piece: str, known: dict[str, list[int]]) -> list[str]:
    return [piece[:end] for end in range(len(piece), 0, -1) if piece[:end] in known]


def _trie(pieces: Sequence[str]) -> _Trie:
    root: _Trie = {}
    for piece in pieces:
        node = root
        for character in piece:
            node = node.setdefault(character, {})
        node[_END] = {}
    return root


def _expression(root: _Trie) -> str:
    """Write the trie so that words of Latin letters and digits begin only where a word begins."""
    words = {first: node for first, node in root.items() if _begins_word(first)}
    others = {first: node for first, node in root.items() if first not in words}
    options = [f"(?<![a-z0-9]){_branch(words)}"] if words else []
    return "|".join([*options, _branch(others)] if others else options)


def _branch(node: _Trie) -> str:
    options = [re.escape(character) + _branch(below) for character, below in node.items() if character != _END]
    if not options:
        return ""
    joined = options[0] if len(options) == 1 and _END not in node else f"(?:{'|'.join(options)})"
    return f"{joined}?" if _END in node else joined
