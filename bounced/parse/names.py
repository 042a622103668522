"""Find recipients by the header of the mail that came back, where a report does not give their addresses.

GroupWise and Exchange call a recipient by his local part or his name ("Smith,
Ann on Tue, 3 Nov 2026"); the To and Cc of the mail that came back know the
address. Who stands in neither is not guessed.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from bounced.parse.address import ADDRESS, clean_address
from bounced.parse.header import Headers
from bounced.parse.portions import Mention
from bounced.phrases import fold

# A name ends with its line, or before a cause in brackets, or before the time.
_ENDS = re.compile(r"\s*(?:\(|\Z| (?:on|am|le|el|em|il|op) (?=[\w, ]{0,12}[0-9]))")
# "Ann Smith <ann@example.com>", and Outlook's "Smith, Ann<mailto:ann@example.com>".
_NAMED = re.compile(rf"[\s*\u2022-]*[\"']?[^\W\d_][^<>@:]{{0,60}}<(?:mailto:)?({ADDRESS.pattern})>[\s>]*(?=\Z|[:(])")
_NAME_LENGTH, _FIELD_LENGTH = 128, 4096
_AROUND = " \t,;<>\"'*-"


def mention_names(lines: Sequence[str], announcements: Collection[str], returned: Headers | None) -> Iterator[Mention]:
    """Yield the lines behind an announcement that begin with the name of somebody to whom the mail was sent.

    The name may be followed by the address after all.

    Args:
        lines: What the report says.
        announcements: The folded words in it that announce recipients.
        returned: The header of the mail that came back.
    """
    names = _read_names(filter(None, map(returned.get, ("to", "cc")))) if returned else {}
    is_announced = False
    above = ""
    for number, line in enumerate(lines):
        found = _find_name(line, names) if is_announced else None
        if found:
            address, tail = found
            yield Mention(address, number, begins_line=True, is_announced=True, is_alone=not tail, head="", tail=tail)
        is_announced = is_announced or any(words in fold(f"{above} {line}") for words in announcements)
        above = line


def _find_name(line: str, names: Mapping[str, str]) -> tuple[str, str] | None:
    """Return whom a line begins with, and what follows."""
    if named := _NAMED.match(line):
        return clean_address(named[1]), line[named.end() :].strip()
    head = _ENDS.split(line.strip(_AROUND), maxsplit=1)[0]
    address = names.get(fold(head)) if 0 < len(head) <= _NAME_LENGTH else None
    return (address, line[line.find(head) + len(head) :].strip()) if address else None


def sole_recipient(returned: Headers) -> list[str]:
    """Return the address in To if there is one, and it is a person's and not a mailing list's (RFC 2369)."""
    to = ADDRESS.findall(returned.get("to") or "")
    if len(to) != 1:
        return []
    local, _, domain = to[0].lower().rpartition("@")
    about_list = f"{returned.get('list-post')} {returned.get('list-id')} {returned.get('sender')}".lower()
    is_list = to[0].lower() in about_list or f"{local}.{domain}" in about_list
    return [] if is_list else [clean_address(to[0])]


def _read_names(fields: Iterable[str]) -> dict[str, str]:
    """Return the addresses in fields of a header by what people call them; a name that two have is nobody's."""
    names: dict[str, str] = {}
    for field in fields:
        end = 0
        for match in ADDRESS.finditer(field[:_FIELD_LENGTH]):
            address = clean_address(match[0])
            for name in {fold(address.rpartition("@")[0]), fold(field[end : match.start()].strip(_AROUND))}:
                known = names.setdefault(name, address)
                names[name] = address if known.lower() == address.lower() else ""
            end = match.end()
    return names
