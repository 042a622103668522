"""Tell what a report says from the mail that it gives back in the same text."""

import html
import re
from collections.abc import Collection

from bounced.parse.header import Headers, read_headers
from bounced.phrases import fold

# A line that is mostly text is no divider, whatever words it holds.
_DIVIDER_LENGTH = 120
_HEADER_LINE = re.compile(
    r"\n(?:Received|Return-Path|Message-ID|DKIM-Signature|Delivered-To|X-[A-Za-z-]+): ?\S", re.IGNORECASE
)
_FIELD = re.compile(r"^( *+)[^\S\n]*+[A-Za-z][A-Za-z0-9-]*: ?\S", re.MULTILINE)
_FORWARDED = re.compile(r"^(?:Begin forwarded message:|-+ ?Forwarded message ?-+)[ ]*$", re.MULTILINE | re.IGNORECASE)
EMPTY_LINE = re.compile(r"\n[ \t]*\n")
_QUOTE = re.compile(r"^>+ ?", re.MULTILINE)
# Sendmail marks with ">>>" what it said to a server.
_QUOTED_LINE = re.compile(r" {0,3}[>|](?!>>)")
_TAG = re.compile(r"<(?:br|/p|/div|/tr|/li|/h[1-6]|/td|p|hr)\b[^<>]{0,500}>[ \t]*\n?", re.IGNORECASE)
_ANY_TAG = re.compile(r"<(?![^<>@\s]{1,200}@)[!/a-zA-Z][^<>]{0,2000}>")
_HIDDEN = re.compile(r"<(style|script|head)\b", re.IGNORECASE)
_HIDDEN_ENDS = {name: re.compile(rf"</{name}\s*>", re.IGNORECASE) for name in ("style", "script", "head")}
_HEADER_BYTES = 1 << 16
_PAGE_LENGTH = 32768  # of what is left of a page without its hidden elements


def split_returned(text: str, dividers: Collection[str]) -> tuple[str, str]:
    """Cut a text where the returned mail begins: at a header line, or below a line that says so.

    Args:
        text: What a message says to people.
        dividers: The folded words in it that announce the returned mail.

    Returns:
        The report, and the returned mail or its header; the latter is empty where there is none.
    """
    begins = len(text) - len(text.lstrip())
    found = _HEADER_LINE.search(text, begins)
    header = found.start() + 1 if found else len(text)
    first_words = {words.partition(" ")[0] for words in dividers}
    position = 0
    for line in text[:header].splitlines(keepends=True) if dividers else ():
        if len(line) < _DIVIDER_LENGTH and any(word in line.lower() for word in first_words):
            folded = fold(line)
            # What begins so tells when "the original message" came.
            if any(words in folded for words in dividers) and text[:position].strip():
                return text[:position], text[position + len(line) :]
        position += len(line)
    return text[:header], text[header:]


def split_forwarded(text: str) -> tuple[str, str] | None:
    """Tell what a person wrote from the mail that he forwards below it as text.

    Returns:
        What he wrote, and that mail without its ``>`` marks and its quoted header; None where none is forwarded.
    """
    forwarded = _FORWARDED.search(text)
    if not forwarded:
        return None
    _, *body = EMPTY_LINE.split(_QUOTE.sub("", text[forwarded.end() :]).lstrip(), maxsplit=1)
    return text[: forwarded.start()], "".join(body)


def without_quote(text: str, introductions: Collection[str]) -> str:
    """Return what somebody writes himself above and between the lines that he quotes.

    Args:
        text: What a message says to people.
        introductions: The folded words in a line that ends with a colon, below which all is quoted.
    """
    own = []
    for line in text.splitlines():
        if line.rstrip().endswith((":", "\uff1a")) and any(words in fold(line) for words in introductions):
            break
        if not _QUOTED_LINE.match(line):
            own.append(line)
    return "\n".join(own)


def read_returned_header(text: str) -> Headers | None:
    """Read the header of the mail given back in a text, after any lines that only divide."""
    found = _FIELD.search(text)
    if found is None:
        return None
    indent = found[1]
    header = text[found.end(1) :].replace(f"\n{indent}", "\n") if indent else text[found.start() :]
    headers, _ = read_headers(header.encode(errors="replace"), max_bytes=_HEADER_BYTES)
    return headers


def text_of_html(source: str) -> str:
    """Return what a reader of an HTML part sees, line by line; addresses in angle brackets stay."""
    source = _ANY_TAG.sub(" ", _TAG.sub("\n", _without_hidden(source)[:_PAGE_LENGTH]))
    return html.unescape(source).replace("\xa0", " ")


def _without_hidden(source: str) -> str:
    """Leave out elements that no reader sees; one that does not end is shown."""
    shown, position = [], 0
    ends = dict(_HIDDEN_ENDS)
    for begin in _HIDDEN.finditer(source):
        name = begin[1].lower()
        if begin.start() < position or name not in ends:
            continue
        end = ends[name].search(source, begin.end())
        if end is None:
            del ends[name]  # nor does another one behind it
        else:
            shown.append(source[position : begin.start()])
            position = end.end()
    return " ".join([*shown, source[position:]])
