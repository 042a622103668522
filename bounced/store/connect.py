"""Make a database ready to be used."""

from contextlib import ExitStack

from sqlalchemy import URL, Engine
from sqlalchemy.exc import SQLAlchemyError

from bounced.errors import StoreError
from bounced.store import engine, lock
from bounced.store.migrate import migrate
from bounced.store.pseudonym import Names, read_names
from bounced.store.trouble import store_error

Resources = ExitStack[None]


def prove(url: str) -> None:
    """Do all that is done with the URL of a database before it is opened.

    Raises:
        ConfigurationError: It cannot be used, or its driver is not installed.
    """
    engine.writing_engine(engine.parse_url(url)).dispose()


def require_file(url: str) -> None:
    """Make sure that the database is there, if it is a file.

    Raises:
        ConfigurationError: The URL cannot be used.
        StoreError: There is no file, or it is out of reach.
    """
    path = engine.database_path(engine.parse_url(url))
    try:
        if path is not None:
            path.stat()
    except FileNotFoundError as error:
        raise StoreError(f"store.url: there is no {path}: is --config the daemon's?") from error
    except OSError as error:
        raise StoreError(f"store.url: {path}: {error.strerror}") from error


def prepare(url: URL) -> tuple[str | None, str | None]:
    """Bring a database to the schema of this version; return that of before, None where there was none, and of now.

    Raises:
        ConfigurationError: A newer version wrote the database.
        StoreError: The database cannot be reached.
    """
    path = engine.database_path(url)
    if path is not None:
        engine.create_file(path)
    writers = engine.writing_engine(url)
    try:
        with engine.starting_alone(path):
            return migrate(writers)
    except SQLAlchemyError as error:
        raise _not_usable(url, error) from error
    finally:
        writers.dispose()


def connect(url: URL, *, exclusive: bool, pseudonymize: bool) -> tuple[Engine, Engine, Resources, Names]:
    """Return engines to write and read with, on a database that is ready, all that is to be closed, and the names.

    Raises:
        ConfigurationError: A newer version wrote the database.
        StoreError: The database cannot be reached, or another daemon runs on the file.
    """
    path = engine.database_path(url)
    with Resources() as resources:
        if path is not None:
            engine.create_file(path)
            if exclusive:
                resources.callback(lock.release, lock.take(path))
        writers = engine.writing_engine(url)
        resources.callback(writers.dispose)
        readers = engine.reading_engine(url)
        resources.callback(readers.dispose)
        try:
            with engine.starting_alone(path):
                migrate(writers)
            with writers.begin() as connection:
                names = read_names(connection, pseudonymize=pseudonymize)
        except SQLAlchemyError as error:
            raise _not_usable(url, error) from error
        return writers, readers, resources.pop_all(), names


def _not_usable(url: URL, error: SQLAlchemyError) -> StoreError:
    """Say which database it is that cannot be used, and why."""
    place = engine.database_path(url) or f"PostgreSQL on {url.host or 'this host'}"
    return StoreError(f"store.url: {place}: {store_error(error)}")
