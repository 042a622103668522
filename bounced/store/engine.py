"""Connect to either database so that a commit is durable when it returns."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from bounced.errors import ConfigurationError
from bounced.store.trouble import file_error

READERS = 4
_BUSY_SECONDS = 5
_KEY, _FILE, _SERVER = "store.url", '"sqlite:////path/to/file"', '"postgresql://user@host/database"'
_READ_ONLY = "25006"  # SQLSTATE, PostgreSQL manual appendix A
_POSTGRESQL = {
    # A server that vanished without a word must not hold the writer for the 15 minutes of TCP.
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


def parse_url(text: str) -> URL:
    """Read the URL of a database and name the driver.

    Raises:
        ConfigurationError: It is not the URL of a file or server that keeps what it is given.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:  # the latter where a port is no number
        raise ConfigurationError("this URL cannot be read", where=_KEY, remedy=f"write {_FILE} or {_SERVER}") from error
    match url.drivername:
        case "sqlite" | "sqlite+pysqlite":
            if url.database in {None, "", ":memory:"} or str(url.database).startswith("file:"):
                raise ConfigurationError("the store needs a file", where=_KEY, remedy=f"write {_FILE}")
            return url.set(drivername="sqlite+pysqlite")
        case "postgresql" | "postgres" | "postgresql+psycopg":
            return url.set(drivername="postgresql+psycopg").update_query_dict({**_POSTGRESQL, **url.query})
        case other:
            raise ConfigurationError(
                f"the store cannot be in {other}", where=_KEY, remedy=f"write {_FILE} or {_SERVER}"
            )


def database_path(url: URL) -> Path | None:
    """Return the file of an SQLite database, None for PostgreSQL."""
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


def create_file(path: Path) -> None:
    """Create an empty database that only its owner can read, and make its name durable.

    Raises:
        StoreError: The directory or file cannot be created.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            with _directory(path) as directory:
                os.fsync(directory)
    except OSError as error:
        raise file_error(f"cannot create {path}", error) from error


@contextmanager
def starting_alone(path: Path | None) -> Iterator[None]:
    """Let one process at a time prepare the SQLite database at `path`.

    QUIRK: SQLite turns to WAL without waiting for locks, so two first starts
    could fail each other. The directory is locked, because closing a second
    descriptor of the database file would drop SQLite's own locks.
    """
    if path is None:
        yield
        return
    with _directory(path) as directory:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield


@contextmanager
def _directory(path: Path) -> Iterator[int]:
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def writing_engine(url: URL) -> Engine:
    """Return the engine of the writer thread: one connection, each commit on the disk."""
    engine = _create_engine(url, connections=1)
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite_writer)
        event.listen(engine, "begin", _begin_immediate)
    else:
        event.listen(engine, "connect", _prepare_postgresql)
        event.listen(engine, "handle_error", _leave_standby)
    return engine


def reading_engine(url: URL) -> Engine:
    """Return the engine of the readers, which never hold up the writer."""
    engine = _create_engine(url, connections=READERS)
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite_reader)
    else:
        event.listen(engine, "connect", _prepare_postgresql)
        event.listen(engine, "connect", _prepare_postgresql_reader)
    return engine


def _create_engine(url: URL, *, connections: int) -> Engine:
    arguments = {"timeout": _BUSY_SECONDS} if url.get_backend_name() == "sqlite" and "timeout" not in url.query else {}
    try:
        return create_engine(url, connect_args=arguments, pool_size=connections, max_overflow=0, hide_parameters=True)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "PostgreSQL needs the package psycopg", where=_KEY, remedy="pip install 'bounced[postgres]'"
        ) from error


def _prepare_sqlite_writer(connection: Any, _record: object) -> None:
    # QUIRK: sqlite3 would begin deferred transactions when it thinks fit; we begin our own.
    connection.isolation_level = None
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # heeded where the file is still empty
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # NORMAL may forget a commit after power loss
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_immediate(connection: Connection) -> None:
    # A deferred transaction that reads first cannot wait for its turn to write: it fails at once.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    _require_own_files(connection)


def _require_own_files(connection: Connection) -> None:
    """Write to no file that has lost its name: SQLite would go on, and the next start would find nothing of it."""
    path = str(connection.engine.url.database)
    files = {name: _inode(name) for name in (path, f"{path}-wal")}
    for name, inode in connection.info.setdefault("files", files).items():
        if files[name] != inode:
            problem = f"{name} was removed or replaced under the running program: stop it before you restore a backup"
            raise OperationalError("BEGIN", None, sqlite3.OperationalError(problem))


def _inode(path: str) -> int | None:
    try:
        return os.stat(path).st_ino  # noqa: PTH116 - before every commit, and half the price
    except FileNotFoundError:
        return None


def _prepare_sqlite_reader(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA query_only = ON")


def _prepare_postgresql_reader(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        # A plan that was made while a table was empty would scan it when it is full.
        cursor.execute("SET plan_cache_mode = force_custom_plan")
    connection.commit()


def _leave_standby(context: ExceptionContext) -> None:
    # A primary that was turned into a standby keeps its connections; its successor answers at the same address.
    if getattr(context.original_exception, "sqlstate", None) == _READ_ONLY:
        context.is_disconnect = True


def _prepare_postgresql(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
        cursor.execute(f"SET lock_timeout = '{_BUSY_SECONDS}s'")
    connection.commit()  # or the pool's rollback would undo both
