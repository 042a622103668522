"""Read suppression lists in the forms in which people have them.

A bare address per line; JSON lines; CSV with or without a header, as our own
export and those of SES, SendGrid, Mailgun and Postmark. The first line says
which. What a line means for a recipient: he complained, where the list says
so, otherwise he is suppressed.
"""

import csv
import json
import re
from collections.abc import AsyncIterable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from bounced.admin.address import is_address
from bounced.admin.exporting import unguard
from bounced.errors import BouncedError
from bounced.escalate import State
from bounced.store import ImportedRecipient, Store

MAX_LINE_BYTES = 65_536

# The others say nothing that would keep anybody from sending.
_STATES = (State.UNDELIVERABLE, State.SUPPRESSED, State.COMPLAINED)

# Names without their case and what is no letter: EmailAddress, email_address, "Email address" are one.
_NAMES = {
    "address": ("address", "email", "emailaddress", "recipient", "recipientemail"),
    "state": ("state",),
    "reason": ("reason", "suppressionreason", "type"),
    "since": ("since", "created", "createdat", "date", "lastupdatetime", "timestamp"),
    "note": ("note", "error", "description", "details"),
}
_MEANINGS = {name: meaning for meaning, names in _NAMES.items() for name in names}
_POSITIONS = ("address", "reason", "since")
_REASON = re.compile(r"[a-z][a-z0-9_]{0,63}")
_COMPLAINT = re.compile(r"complain|spam ?report|abuse", re.IGNORECASE)
_MAX_NOTE = 500
_BATCH = 500
_MAX_REJECTIONS_KEPT = 100


class UnreadableListError(BouncedError):
    """Nothing in the list says which part of a line is the address."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that says nothing we can use; lines count from 1."""

    line: int
    problem: str


Read = ImportedRecipient | Rejected


@dataclass(slots=True)
class Imported:
    """What became of a list.

    Attributes:
        imported: How many recipients were taken over.
        rejected: How many lines were not.
        rejections: The first of these.
    """

    imported: int = 0
    rejected: int = 0
    rejections: list[Rejected] = field(default_factory=list)


async def import_list(chunks: AsyncIterable[bytes], store: Store, *, by: str) -> Imported:
    """Take over a list while it comes in.

    What was taken over stays whatever happens later, and a repeat adds
    nothing: to go on is to begin again.

    Raises:
        UnreadableListError: The header names no address.
        StoreError: The rest could not be written.
    """
    result, reader = Imported(), ListReader()
    batch: list[ImportedRecipient] = []
    async for chunk in chunks:
        _sort(reader.feed(chunk), batch, result)
        while len(batch) >= _BATCH:
            result.imported += await store.recipients.take_over(batch[:_BATCH], by=by)
            del batch[:_BATCH]
    _sort(reader.finish(), batch, result)
    if batch:
        result.imported += await store.recipients.take_over(batch, by=by)
    return result


def _sort(lines: Iterator[Read], batch: list[ImportedRecipient], result: Imported) -> None:
    for line in lines:
        if isinstance(line, ImportedRecipient):
            batch.append(line)
            continue
        result.rejected += 1
        if len(result.rejections) < _MAX_REJECTIONS_KEPT:
            result.rejections.append(line)


class ListReader:
    """Reads one list in pieces of any size, with no more than a record in memory."""

    def __init__(self) -> None:
        self._rest = b""
        self._record = ""
        self._line = self._first_line = 0
        self._columns: list[str] | None = None
        self._is_json = self._is_too_long = False
        self._delimiter = ","

    def feed(self, octets: bytes) -> Iterator[Read]:
        """Yield what the lines that end in `octets` say.

        Raises:
            UnreadableListError: The header names no address.
        """
        *lines, self._rest = (self._rest + octets).split(b"\n")
        for line in lines:
            yield from self._read_line(line)
        if len(self._rest) > MAX_LINE_BYTES:
            self._rest, self._is_too_long = b"", True

    def finish(self) -> Iterator[Read]:
        """Yield what the last line says; to be called once, at the end.

        Raises:
            UnreadableListError: The header names no address.
        """
        if self._rest or self._is_too_long:
            yield from self._read_line(self._rest)
        if self._record:
            yield self._never_closed()

    def _read_line(self, octets: bytes) -> Iterator[Read]:
        self._line += 1
        if self._is_too_long or len(octets) > MAX_LINE_BYTES:
            self._is_too_long, self._record = False, ""
            yield Rejected(self._line, f"longer than {MAX_LINE_BYTES} octets")
            return
        try:
            text = octets.decode("utf-8-sig" if self._line == 1 else "utf-8").removesuffix("\r")
        except UnicodeDecodeError:
            yield Rejected(self._line, "not UTF-8")
            return
        if not self._record:
            self._first_line = self._line
        yield from self._read_record(f"{self._record}\n{text}" if self._record else text)

    def _read_record(self, text: str) -> Iterator[Read]:
        """Read a line, or what has become whole of several: a quoted field of CSV may hold line ends."""
        if not text.strip():
            return
        if self._columns is None and not self._is_json:
            self._is_json = text.startswith("{")
        if self._is_json:
            yield self._read_json(text)
        elif text.count('"') % 2 == 0:
            self._record = ""
            yield from self._read_csv(text)
        elif len(text) > MAX_LINE_BYTES:
            self._record = ""
            yield self._never_closed()
        else:
            self._record = text

    def _never_closed(self) -> Rejected:
        return Rejected(self._first_line, f"a quotation mark is never closed; nothing is read up to line {self._line}")

    def _read_json(self, text: str) -> Read:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return Rejected(self._line, "not JSON")
        if not isinstance(found, dict):
            return Rejected(self._line, "not a JSON object")
        return self._conclude(
            (_meaning(name), str(value)) for name, value in found.items() if isinstance(value, str | int | float)
        )

    def _read_csv(self, text: str) -> Iterator[Read]:
        if self._columns is None:
            self._delimiter = next((each for each in ",;\t" if each in text), ",")
        try:
            cells = next(csv.reader([text], delimiter=self._delimiter))
        except csv.Error:
            yield Rejected(self._first_line, "not CSV")
            return
        if self._columns is None:
            is_header = not any("@" in cell for cell in cells)
            self._columns = [_meaning(cell) for cell in cells] if is_header else list(_POSITIONS)
            if "address" not in self._columns:
                raise UnreadableListError(
                    f"line {self._first_line} holds no address, and as a header it names none:"
                    " write email,reason,created or one address a line"
                )
            if is_header:
                return
        yield self._conclude(zip(self._columns, map(unguard, cells), strict=False))

    def _conclude(self, named: Iterable[tuple[str, str]]) -> Read:
        """Say what the named values of a line mean; of two with one meaning the first that says something."""
        values: dict[str, str] = {}
        for name, value in named:
            if value:
                values.setdefault(name, value)
        address = values.get("address", "").strip().removeprefix("<").removesuffix(">")
        if not is_address(address):
            return Rejected(self._first_line, "no address")
        given, reason = values.get("state", "").strip(), values.get("reason", "").strip()
        if given and given not in _STATES:
            return Rejected(self._first_line, f"the state is none of {', '.join(_STATES)}")
        state = State(given) if given else _state_of(reason)
        is_name = _REASON.fullmatch(reason) is not None
        notes = (values.get("note", ""), "" if is_name else reason)
        # What JSON can escape and no database takes becomes a question mark.
        note = (
            "; ".join(note for note in notes if note)[:_MAX_NOTE].replace("\0", "?").encode(errors="replace").decode()
        )
        return ImportedRecipient(
            address, state, reason if is_name else None, _read_time(values.get("since", "")), note or None
        )


def _meaning(name: str) -> str:
    plain = "".join(letter for letter in name.lower() if letter.isalpha())
    return _MEANINGS.get(plain, plain)


def _state_of(reason: str) -> State:
    return State.COMPLAINED if _COMPLAINT.search(reason) else State.SUPPRESSED


def _read_time(text: str) -> datetime | None:
    """Read ISO 8601, seconds since 1970 or the date of a mail; anything else is None.

    So is the future: what is said to happen then could not be cleared now.
    """
    text = text.strip().removesuffix(" UTC")
    try:
        if text.isdecimal():
            moment = datetime.fromtimestamp(int(text), UTC)
        else:
            moment = parsedate_to_datetime(text) if text[:1].isalpha() else datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment <= datetime.now(UTC) else None
