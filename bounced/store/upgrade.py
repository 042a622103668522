"""Change the schema with Alembic, which is imported only where something has to change."""

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection

from bounced.errors import ConfigurationError

_one_at_a_time = threading.Lock()  # Alembic's `context` and `op` belong to the whole process


def upgrade(connection: Connection) -> str | None:
    """Run all outstanding migrations in the transaction of `connection`, and return the version after them.

    Raises:
        ConfigurationError: A newer version of the program has migrated the database already.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    with _one_at_a_time:
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise ConfigurationError(
                f"this version cannot use the database: {error}",
                where="store.url",
                remedy="run the newest version that ever ran on it",
            ) from error
        return MigrationContext.configure(connection).get_current_revision()
