"""Leave out what gateways, providers and lawyers put around a report: it says nothing of a delivery."""

import re
from collections.abc import Collection

from bounced.parse.codes import read_codes
from bounced.phrases import fold

_BETWEEN_PARAGRAPHS = re.compile(r"(\n(?:[ \t]*(?:[-_=*~]{3,}[ \t]*)?\n)+)")
# RFC 3676 section 4.3; some programs lose the space.
_SIGNATURE = re.compile(r"\n-- ?\n")
# What a filter says of a mail that it did not let through.
_VERDICT = re.compile(
    r"(?: not|n't) (?:be )?(?:deliver|accepted|reach|sent)|undeliver|reject|refus|block|denied|quarantin|infect|detect"
    r"|contains an? |returned|bounced|deleted|failed|removed",
    re.IGNORECASE,
)


def without_boilerplate(text: str, words: Collection[str]) -> str:
    """Return a report without notices that it was scanned or is confidential, and without a signature.

    Args:
        text: What a message says to people, without the mail that it gives back.
        words: The folded words in it by which such notices are known.
    """
    if words:
        pieces = _BETWEEN_PARAGRAPHS.split(text)
        text = "".join([piece for piece in pieces if not _is_notice(piece, words)])
    signature = _SIGNATURE.search(text)
    if signature and text[: signature.start()].strip() and _says_nothing(text[signature.end() :]):
        return text[: signature.start()]
    return text


def _is_notice(paragraph: str, words: Collection[str]) -> bool:
    folded = fold(paragraph)
    return "@" not in folded and any(one in folded for one in words) and _says_nothing(paragraph)


def _says_nothing(text: str) -> bool:
    said = read_codes(text)
    return said.reply is None and said.status is None and not _VERDICT.search(text)
