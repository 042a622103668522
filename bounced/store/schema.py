"""The tables, the same for both databases.

A row that somebody has still to work on has `due_at`: the time from which it
may be claimed. A lease moves `due_at` to its own end, so "waiting", "waiting
for a retry" and "its worker died" are one condition and one small index. A row
with nothing left to do has no `due_at`.
"""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Insert,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    any_,
    bindparam,
    literal_column,
)
from sqlalchemy.event import listens_for
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

_WHERE = "where"
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Instant(TypeDecorator[datetime]):
    """A moment in UTC: `timestamptz` in PostgreSQL, text that sorts by time in SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Turn any aware time into UTC; a naive one is a mistake of the caller."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without time zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Give SQLite's naive times, and PostgreSQL's in the session's zone, as UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class CleanText(TypeDecorator[str]):
    """Text from strangers: what a database cannot hold becomes U+FFFD.

    PostgreSQL refuses NUL in text, and neither database can encode half of a
    surrogate pair. One such character must not make a bounce unstorable.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Replace what cannot be stored."""
        if value is None or (value.isascii() and "\x00" not in value):
            return value
        return UNSTORABLE.sub("\ufffd", value)


metadata = MetaData(naming_convention={"pk": "%(table_name)s_pk", "fk": "%(table_name)s_%(column_0_name)s_fk"})

message = Table(
    "message",
    metadata,
    Column("id", CleanText, primary_key=True),
    Column("received_at", Instant, nullable=False),
    Column("envelope", CleanText, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("state", CleanText, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Instant),
    Column("lease_owner", CleanText),
    Column("kind", CleanText),
    Column("report", CleanText),
    Column("concluded_at", Instant),
)

# Apart from the message, because SQLite writes a whole row again when a part of it changes.
content = Table(
    "content",
    metadata,
    Column("message_id", CleanText, ForeignKey(message.c.id, ondelete="CASCADE"), primary_key=True),
    Column("raw", LargeBinary, nullable=False),
)

event = Table(
    "event",
    metadata,
    Column("id", CleanText, primary_key=True),
    Column("message_id", CleanText, ForeignKey(message.c.id, ondelete="CASCADE"), nullable=False),
    Column("type", CleanText, nullable=False),
    Column("recipient", CleanText),
    Column("routing_key", CleanText, nullable=False),
    Column("created_at", Instant, nullable=False),
    # Text, not JSON: every sink gets these characters, and gets them again at every attempt.
    Column("document", CleanText, nullable=False),
)

delivery = Table(
    "delivery",
    metadata,
    Column("event_id", CleanText, ForeignKey(event.c.id, ondelete="CASCADE"), primary_key=True),
    Column("sink", CleanText, primary_key=True),
    Column("state", CleanText, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Instant),
    Column("lease_owner", CleanText),
    Column("last_error", CleanText),
    Column("updated_at", Instant, nullable=False),
    sqlite_with_rowid=False,
)

recipient = Table(
    "recipient",
    metadata,
    # In lower case; in a pseudonymous store the hash of that.
    Column("address", CleanText, primary_key=True),
    Column("state", CleanText, nullable=False),
    Column("why", CleanText, nullable=False),
    Column("reason", CleanText),
    Column("since", Instant),
    Column("first_bounce_at", Instant),
    Column("last_bounce_at", Instant),
    Column("counts", CleanText, nullable=False),
    Column("days", Integer, nullable=False),
    Column("decays_at", Instant),
    Column("updated_at", Instant, nullable=False),
)

# What the standing of a recipient follows from, and who changed it: the audit trail.
recipient_fact = Table(
    "recipient_fact",
    metadata,
    Column(
        "recipient",
        CleanText,
        ForeignKey(recipient.c.address, onupdate="CASCADE", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("message_id", CleanText, primary_key=True),
    Column("kind", CleanText, primary_key=True),
    Column("occurred_at", Instant, nullable=False),
    Column("reason", CleanText),
    Column("fault", CleanText),
    Column("code", CleanText),
    Column("is_weak", Boolean, nullable=False),
    Column("verified", Boolean, nullable=False),
    Column("state", CleanText),
    Column("by", CleanText),
    Column("note", CleanText),
    sqlite_with_rowid=False,
)

# What the database itself decides, such as the key of its pseudonyms.
setting = Table(
    "setting",
    metadata,
    Column("name", CleanText, primary_key=True),
    Column("value", CleanText, nullable=False),
)

# Events of which no summary is kept yet. A trigger of the database adds every new event, so that
# none is forgotten or taken twice, whoever writes it and whatever the clocks say.
uncounted = Table(
    "uncounted",
    metadata,
    Column("event_id", CleanText, primary_key=True),
    sqlite_with_rowid=False,
)

# How many events there were, for each hour and by what they are counted.
tally = Table(
    "tally",
    metadata,
    Column("dimension", CleanText, primary_key=True),
    Column("hour", Instant, primary_key=True),
    Column("key", CleanText, primary_key=True),
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# By what an event is found: its recipient in lower case, the Message-ID of the original, the id in the return path.
mention = Table(
    "mention",
    metadata,
    Column("value", CleanText, primary_key=True),
    Column("event_id", CleanText, ForeignKey(event.c.id, ondelete="CASCADE"), primary_key=True),
    sqlite_with_rowid=False,
)

# Written out instead of bound: a partial index serves a query only if the planner sees the value.
is_dead = delivery.c.state == literal_column("'dead'")


def _partial_index(name: str, *columns: Column[Any], where: Any) -> None:
    Index(name, *columns, info={_WHERE: where})


@listens_for(metadata, "before_create")
def _make_partial(target: MetaData, connection: Connection, **_: Any) -> None:
    """Tell the dialect in use, and no other, of which rows an index is: to name one imports it."""
    for table in target.tables.values():
        for index in table.indexes:
            if _WHERE in index.info:
                index.dialect_options[connection.dialect.name]["where"] = index.info[_WHERE]


_partial_index("message_due", message.c.due_at, where=message.c.due_at.is_not(None))
_partial_index("message_leased", message.c.lease_owner, where=message.c.lease_owner.is_not(None))
_partial_index("message_concluded", message.c.concluded_at, where=message.c.concluded_at.is_not(None))
Index("event_message", event.c.message_id)
_partial_index("delivery_due", delivery.c.sink, delivery.c.due_at, where=delivery.c.due_at.is_not(None))
_partial_index("delivery_leased", delivery.c.lease_owner, where=delivery.c.lease_owner.is_not(None))
_partial_index("delivery_dead", delivery.c.sink, delivery.c.updated_at, where=is_dead)
Index("delivery_updated", delivery.c.updated_at)
Index("event_created", event.c.created_at)
Index("mention_event", mention.c.event_id)
Index("recipient_state", recipient.c.state, recipient.c.address)
Index("recipient_updated", recipient.c.updated_at)
_partial_index("recipient_decays", recipient.c.decays_at, where=recipient.c.decays_at.is_not(None))


def insert_into(dialect: Dialect, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """Return an insert into `table` that can say what to do about rows whose key is known already."""
    # Of a dialect that is not in use the import alone would cost a twentieth of a start.
    if dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite  # noqa: PLC0415

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415

    return postgresql.insert(table)


def insert_new(dialect: Dialect, table: Table) -> Insert:
    """Return an insert into `table` that passes over rows whose key is known already."""
    return insert_into(dialect, table).on_conflict_do_nothing()


def is_one_of(column: Column[str], database: str) -> ColumnElement[bool]:
    """Return whether `column` holds one of many values, which are bound as the list ``values``.

    PostgreSQL gets them as one array: a statement with a thousand parameters takes longer to
    write and to read than to run, and one with another number of them is another statement.
    """
    if database == "sqlite":
        return column.in_(bindparam("values", expanding=True))
    return column == any_(bindparam("values", type_=ARRAY(CleanText)))
