"""Bring the database to the schema that this version of the program needs."""

from sqlalchemy import Connection, Engine, func, inspect, select, text

from bounced.errors import ConfigurationError
from bounced.store.creation import create
from bounced.store.schema import metadata

LATEST = "0003"
_LOCK_KEY = 0x626F756E636564  # "bounced": every daemon asks PostgreSQL for the same lock


def migrate(engine: Engine) -> tuple[str | None, str | None]:
    """Create the tables of an empty database, or run all outstanding migrations, in one transaction.

    Any number of daemons may start at once: the first migrates, the others
    wait for it (SQLite in BEGIN IMMEDIATE, PostgreSQL at an advisory lock) and
    find nothing left to do.

    Returns:
        The version of the schema before, None where there was none, and after.

    Raises:
        ConfigurationError: A newer version of the program has migrated it already, or it is another program's.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL lock_timeout = '5min'"))
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK_KEY)))
        before = _read_version(connection)
        if before == LATEST:
            return before, before
        # CRASH HERE: none or all of the schema is there; the next start does it again.
        if before is None:
            _require_room(connection)
            return before, create(connection, LATEST)
        from bounced.store.upgrade import upgrade  # noqa: PLC0415 - Alembic takes a sixth of a start, and is seldom needed

        return before, upgrade(connection)


def _read_version(connection: Connection) -> str | None:
    """Return the version that Alembic has noted, None in a database that it has not seen."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def _require_room(connection: Connection) -> None:
    """Let no tables of another program be mixed with ours: in a file any, in PostgreSQL those that have our names."""
    tables = set(inspect(connection).get_table_names())
    if connection.dialect.name == "postgresql":
        tables &= metadata.tables.keys()
    if tables:
        raise ConfigurationError(
            f"there are tables of another program: {', '.join(sorted(tables)[:5])}",
            where="store.url",
            remedy="give bounced a file or database of its own",
        )
