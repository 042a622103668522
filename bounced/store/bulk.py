"""Write many rows with one statement.

SQLAlchemy would turn each value of each row by a call of its own, which takes
longer than to store it. Here a statement is compiled once for each database,
values are turned column by column, and the driver gets the rows as they are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import BindParameter, Connection, Delete, Dialect, Insert, Table, Update

from bounced.store.schema import UNSTORABLE, CleanText, Instant, insert_new


@dataclass(frozen=True, slots=True)
class _Compiled:
    """What the driver gets: the text of a statement, and what stands in each of its places."""

    text: str
    places: tuple[BindParameter[Any], ...]


class Bulk:
    """A statement that is run for many rows.

    Args:
        make: Writes the statement for a database.
    """

    def __init__(self, make: Callable[[Dialect], Insert | Update | Delete]) -> None:
        self._make = make
        self._compiled: dict[str, _Compiled] = {}

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Run the statement for all of `rows`; return how many rows of the table that changed."""
        if not rows:
            return 0
        dialect = connection.dialect
        if (compiled := self._compiled.get(dialect.name)) is None:
            self._compiled[dialect.name] = compiled = _compile(self._make(dialect), dialect)
        columns = [_read_column(rows, place, dialect) for place in compiled.places]
        return connection.exec_driver_sql(compiled.text, list(zip(*columns, strict=True))).rowcount


def insert_all_new(table: Table) -> Bulk:
    """Return an insert into `table` that passes over rows whose key is known already."""
    return Bulk(lambda dialect: insert_new(dialect, table))


def _compile(statement: Insert | Update | Delete, dialect: Dialect) -> _Compiled:
    paramstyle = "qmark" if dialect.name == "sqlite" else "format"
    compiled = statement.compile(dialect=type(dialect)(paramstyle=paramstyle))  # type: ignore[call-arg] # all of ours take it
    return _Compiled(str(compiled), tuple(compiled.binds[name] for name in compiled.positiontup or ()))


def _read_column(rows: Sequence[Mapping[str, Any]], place: BindParameter[Any], dialect: Dialect) -> Sequence[Any]:
    """Return the values for one place as the driver takes them: turned as their type would turn each by itself."""
    if not place.required:
        return [place.value] * len(rows)
    values = list(map(itemgetter(place.key), rows))
    if isinstance(place.type, CleanText):
        return [
            value if value is None or (value.isascii() and "\x00" not in value) else UNSTORABLE.sub("\ufffd", value)
            for value in values
        ]
    if isinstance(place.type, Instant) and dialect.name == "sqlite":
        return [value and _write_instant(value) for value in values]
    return values


@lru_cache(maxsize=256)  # the rows of one group have most of their times in common
def _write_instant(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
