"""Bring the database to the schema that this version of the program needs."""

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Engine, func, select, text

from bounced.errors import ConfigurationError

_LOCK_KEY = 0x626F756E636564  # "bounced": every daemon asks PostgreSQL for the same lock
_one_at_a_time = threading.Lock()  # Alembic's `context` and `op` belong to the whole process


def migrate(engine: Engine) -> tuple[str | None, str | None]:
    """Run all outstanding migrations in one transaction.

    Any number of daemons may start at once: the first migrates, the others
    wait for it (SQLite in BEGIN IMMEDIATE, PostgreSQL at an advisory lock) and
    find nothing left to do.

    Returns:
        The version of the schema before, None where there was none, and after.

    Raises:
        ConfigurationError: A newer version of the program has migrated it already.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with _one_at_a_time, engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL lock_timeout = '5min'"))
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK_KEY)))
        config.attributes["connection"] = connection
        context = MigrationContext.configure(connection)
        before = context.get_current_revision()
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise ConfigurationError(
                f"this version cannot use the database: {error}", remedy="run the newest version that ever ran on it"
            ) from error
        # CRASH HERE: none or all of the schema is there; the next start migrates again.
        return before, context.get_current_revision()
