"""Group what servers said and no rule knows, so that somebody can write one."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

# What differs between two servers that say the same: addresses, hosts, numbers, ids.
_PARTICULARS = re.compile(
    r"<[^<>\s]{1,320}>|[^\s<>@]{1,64}@[^\s<>]{1,255}|https?://\S{1,500}"
    r"|\b(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}\b|\b[0-9a-f:.]*[0-9][0-9a-f:.-]*\b|\b\w*\d\w*\b",
    re.IGNORECASE,
)
# The words of a group are in the first of them; a longer text would also be searched for long.
_LOOKED_AT = 1024


def group_unknown(reports: Iterable[Mapping[str, Any]]) -> list[tuple[tuple[str | None, str], tuple[int, str]]]:
    """Group what no text decided by its words, the most frequent first.

    Args:
        reports: Reports as ``bounced parse --jsonl`` prints them.

    Returns:
        Code and words of each group, with how often it came and one example.
    """
    times: Counter[tuple[str | None, str]] = Counter()
    examples: dict[tuple[str | None, str], str] = {}
    for recipient in (one for report in reports for one in report.get("recipients", [])):
        diagnostic, why = recipient.get("diagnostic"), recipient.get("why")
        if not diagnostic or not why or not why["rule"].startswith(("codes/", "words/")):
            continue
        key = (recipient["code"], " ".join(_PARTICULARS.sub("*", diagnostic[:_LOOKED_AT]).split())[:200])
        times[key] += 1
        examples.setdefault(key, diagnostic)
    return [(key, (count, examples[key])) for key, count in times.most_common()]
