"""Say how long a regular expression may search in the worst case, by its structure alone.

Python's `re` tries every way to divide a text among the parts of a pattern. What multiplies the
ways is a repetition that does not know where to end, an option, an alternative; what is repeated
within a repetition makes them grow without bound. An address comes from a stranger, so a pattern
has to stay below a number of ways that no address can exceed.
"""

# The only description of a pattern that is the engine's own; its shape has been the same since Python 3.11.
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_Item = tuple[Any, Any]
_Sequence = list[_Item | None]

_BEYOND_HOPE = 10**9
_OTHER = 128  # stands for all that is not ASCII
_ANYTHING = frozenset(range(_OTHER + 1))
_DIGITS, _WORDS, _SPACES = (
    frozenset(point for point in range(_OTHER) if is_one(chr(point))) | {_OTHER}
    for is_one in (str.isdigit, lambda character: character.isalnum() or character == "_", str.isspace)
)
_CATEGORIES = {
    op.CATEGORY_DIGIT: _DIGITS,
    op.CATEGORY_NOT_DIGIT: _ANYTHING - _DIGITS | {_OTHER},
    op.CATEGORY_WORD: _WORDS,
    op.CATEGORY_NOT_WORD: _ANYTHING - _WORDS | {_OTHER},
    op.CATEGORY_SPACE: _SPACES,
    op.CATEGORY_NOT_SPACE: _ANYTHING - _SPACES | {_OTHER},
}
_VARIABLE = frozenset({op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT})
_SINGLE = frozenset({op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN})
_HARMLESS = _SINGLE | {op.AT, op.GROUPREF}


def count_ways(pattern: str, flags: int, *, text_length: int) -> int:
    """Return at most how many ways there are to divide a text of `text_length` characters among the parts of a pattern.

    Args:
        pattern: A regular expression that `re` can compile; it has to match the whole text.
        flags: Those it is compiled with.
        text_length: The longest text that it sees.

    Raises:
        ValueError: There is no useful bound; the text says which part is the cause.
    """
    return _ways(_flatten(list(parser.parse(pattern, flags))), text_length)


def _flatten(items: list[_Item]) -> _Sequence:
    """Put the content of groups in their place, so that neighbours are neighbours."""
    flat: _Sequence = []
    for opcode, argument in items:
        if opcode is op.SUBPATTERN:
            flat += _flatten(list(argument[-1]))
        else:
            flat.append((opcode, argument))
    return flat


def _ways(sequence: _Sequence, length: int) -> int:
    ways = 1
    for position, item in enumerate(sequence):
        if item is not None:
            ways = min(ways * _ways_of(*item, sequence[position + 1 :], length), _BEYOND_HOPE)
    return ways


def _ways_of(opcode: Any, argument: Any, rest: _Sequence, length: int) -> int:
    if opcode in _HARMLESS:
        return 1
    if opcode in _VARIABLE:
        least, most, repeated = argument
        return _ways_of_repetition(opcode, least, most, _flatten(list(repeated)), rest, length)
    if opcode is op.BRANCH:
        return sum(_ways([*_flatten(list(branch)), None], length) for branch in argument[1])
    if opcode in (op.ASSERT, op.ASSERT_NOT):
        return _ways([*_flatten(list(argument[1])), None], length)
    if opcode is op.ATOMIC_GROUP:
        return _ways([*_flatten(list(argument)), None], length)
    raise ValueError(f"{str(opcode).lower()} is not understood here")


def _ways_of_repetition(opcode: Any, least: int, most: int, content: _Sequence, rest: _Sequence, length: int) -> int:
    inner = _ways([*content, None], length)
    if least > length:
        raise ValueError(f"something has to stand there {least} times, and no address is that long")
    if least == most:
        return int(inner**most)
    if inner > 1 and most > 1:
        raise ValueError("a repetition, option or alternative within a repetition may search for ever")
    knows_its_end = opcode is op.POSSESSIVE_REPEAT or _is_told_apart(content, rest)
    return inner if knows_its_end else int(inner * (min(most, length) - least + 1))


def _is_told_apart(content: _Sequence, rest: _Sequence) -> bool:
    """Whether the first character behind a repetition of single characters cannot be one more of them."""
    if len(content) != 1 or content[0] is None or content[0][0] not in _SINGLE:
        return False
    if not rest:
        return True  # the end of the text
    return rest[0] is not None and not (_characters(content[0]) & _first_characters(rest[0]))


def _first_characters(item: _Item) -> frozenset[int]:
    """Return with what `item` may begin; anything where that is not plain to see."""
    opcode, argument = item
    if opcode in _VARIABLE and argument[0] > 0:
        content = _flatten(list(argument[2]))
        return _first_characters(content[0]) if content and content[0] else _ANYTHING
    return _characters(item) if opcode in _SINGLE else _ANYTHING


def _characters(item: _Item) -> frozenset[int]:
    """Return which characters an item of one character matches, without regard to their case."""
    opcode, argument = item
    if opcode is op.LITERAL:
        return _both_cases(argument, argument)
    if opcode is op.NOT_LITERAL:
        return _ANYTHING - (_both_cases(argument, argument) - {_OTHER})
    if opcode is op.IN:
        return _set_characters(argument)
    return _ANYTHING


def _set_characters(members: list[_Item]) -> frozenset[int]:
    found: frozenset[int] = frozenset()
    is_negated = False
    for opcode, argument in members:
        if opcode is op.NEGATE:
            is_negated = True
        elif opcode is op.LITERAL:
            found |= _both_cases(argument, argument)
        elif opcode is op.RANGE:
            found |= _both_cases(*argument)
        else:
            found |= _CATEGORIES[argument]
    return _ANYTHING - (found - {_OTHER}) if is_negated else found


def _both_cases(first: int, last: int) -> frozenset[int]:
    plain = range(first, min(last, _OTHER - 1) + 1)
    beyond = {_OTHER} if last >= _OTHER else set()
    return frozenset({ord(each) for point in plain for each in (chr(point).lower(), chr(point).upper())} | beyond)
