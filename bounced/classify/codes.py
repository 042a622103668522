"""Look codes up in the tables: ours, the SMTP reply codes, the IANA registry, the reasons.

Inputs are typed. ``552`` the reply and ``552`` the row of our table are
different things, so nothing here takes digits and guesses which they are.
"""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from bounced.errors import KnowledgeError
from bounced.model import BounceType, Fault, Reply, Status

_Key = TypeVar("_Key")
_Row = TypeVar("_Row")
NO_CODE = "911"
# Where a code has no row of its own its class still tells how long it will last (RFC 5321 section 4.2.1).
_ANY_TRANSIENT, _ANY_PERMANENT = "451", "550"
_SUBJECTS = range(8)


@dataclass(frozen=True, slots=True)
class Code:
    """A row of our code table."""

    code: str
    bounce_type: BounceType
    text: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a message failed: whose fault it is, and its type, or None where the code decides that."""

    name: str
    fault: Fault
    bounce_type: BounceType | None
    label: str


@dataclass(frozen=True, slots=True)
class ReplyMeaning:
    """What a bare SMTP reply code stands for."""

    meaning: str
    table_code: str
    bounce_type: BounceType
    reason: str


@dataclass(frozen=True, slots=True)
class StatusMeaning:
    """An entry of the IANA registry of enhanced status codes; `status` is written ``X.y.z``."""

    status: str
    name: str
    meaning: str
    reason: str


@dataclass(frozen=True, slots=True)
class CodeTables:
    """All tables, each keyed by what it is looked up with."""

    codes: Mapping[str, Code]
    replies: Mapping[int, ReplyMeaning]
    statuses: Mapping[tuple[int, int], StatusMeaning]
    reasons: Mapping[str, Reason]

    def by_status(self, status: Status) -> Code:
        """Return the row for an enhanced status code: 5.2.2 is row 522, and 4.2.2 the same but soft.

        A detail without a row is looked up as its subject's ``.0`` (5.7.26 as
        570), an unknown subject as its class.
        """
        if status.is_transient and status.is_undefined:
            return self.codes[_ANY_TRANSIENT]
        subject = status.subject if status.subject in _SUBJECTS else 0
        row = self.codes.get(f"5{subject}{status.detail}") or self.codes[f"5{subject}0"]
        return Code(row.code, BounceType.SOFT, row.text) if status.is_transient else row

    def by_reply(self, reply: Reply) -> Code:
        """Return the row for a bare SMTP reply code, or that of its class where it is not known."""
        known = self.replies.get(reply.code)
        if known is None:
            return self.codes[_ANY_TRANSIENT if reply.is_transient else _ANY_PERMANENT]
        # 454 and 455 are replies without a row: their own meaning stands in for its text.
        return self.codes.get(known.table_code) or Code(known.table_code, known.bounce_type, known.meaning)

    def reason_of_status(self, status: Status) -> tuple[Reason, str]:
        """Return the reason an enhanced status code suggests, and the registry entry that says so."""
        for key in ((status.subject, status.detail), (status.subject, 0)):
            if key in self.statuses:
                entry = self.statuses[key]
                return self.reasons[entry.reason], entry.status
        return self.reasons["undefined"], "X.0.0"

    def reason_of_reply(self, reply: Reply) -> Reason:
        """Return the reason a bare reply code suggests; most say too little for one."""
        known = self.replies.get(reply.code)
        return self.reasons[known.reason if known else "undefined"]


def read_tables(*, codes: str, replies: str, statuses: str, reasons: str) -> CodeTables:
    """Build the tables from the text of their CSV files.

    Raises:
        KnowledgeError: A row lacks a column, or names something that does not exist.
    """
    known = _read("reasons", reasons, "reason", lambda row: (row["reason"], _reason(row)))
    tables = CodeTables(
        codes=_read("bounce-codes", codes, "code", lambda row: (row["code"], _code(row))),
        replies=_read("reply-codes", replies, "reply_code", lambda row: (int(row["reply_code"]), _reply(row))),
        statuses=_read("enhanced-status-codes", statuses, "status", lambda row: (_key(row["status"]), _status(row))),
        reasons=known,
    )
    named = {entry.reason for entry in tables.replies.values()} | {entry.reason for entry in tables.statuses.values()}
    if unknown := named - known.keys():
        raise KnowledgeError(f"unknown reasons in the code tables: {', '.join(sorted(unknown))}")
    return tables


def _read(name: str, text: str, key: str, build: Callable[[dict[str, str]], tuple[_Key, _Row]]) -> dict[_Key, _Row]:
    rows: dict[_Key, _Row] = {}
    for row in csv.DictReader(io.StringIO(text)):
        try:
            if None in row.values():
                raise ValueError("a column is missing")  # noqa: TRY301 - told like any other fault of the row
            row_key, value = build(row)
        except (KeyError, TypeError, ValueError) as error:
            raise KnowledgeError(f"{name}.csv, row {row.get(key)!r}: {error}") from error
        rows[row_key] = value
    return rows


def _key(status: str) -> tuple[int, int]:
    _, subject, detail = status.split(".")
    return int(subject), int(detail)


def _code(row: Mapping[str, str]) -> Code:
    return Code(row["code"], BounceType(row["type"]), row["description"])


def _reason(row: Mapping[str, str]) -> Reason:
    bounce_type = None if row["bounce_type"] == "code" else BounceType(row["bounce_type"])
    return Reason(row["reason"], Fault(row["fault"]), bounce_type, row["label"])


def _reply(row: Mapping[str, str]) -> ReplyMeaning:
    return ReplyMeaning(row["meaning"], row["table_code"], BounceType(row["bounce_type"]), row["reason"])


def _status(row: Mapping[str, str]) -> StatusMeaning:
    return StatusMeaning(row["status"], row["name"], row["meaning"], row["reason"])
