"""Tell apart whose fault a failed write is, and say it in the project's words."""

import sqlite3

from sqlalchemy.exc import DatabaseError, DBAPIError, InternalError, OperationalError

from bounced.errors import StoreError, StoreFullError

NOT_WRITABLE = "let the user that runs bounced write the file and its directory"
_DAMAGED = "restore a backup, or move the file away to begin anew"
_REMEDIES = {
    sqlite3.SQLITE_BUSY: "let the process that holds it come to an end",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_CANTOPEN: NOT_WRITABLE,
    sqlite3.SQLITE_READONLY: NOT_WRITABLE,
}
_DISK_FULL = "53100"  # SQLSTATE, PostgreSQL manual appendix A
_PROGRAM_LIMIT_EXCEEDED = "54"  # its class: this row is too large for an index, the next may not be


def is_storage_trouble(error: Exception) -> bool:
    """Whether `error` would have met any write, not only the one that raised it.

    Locks, full disks, lost connections and damaged files are trouble of the
    storage. All else (a constraint, a value that cannot be stored, a mistake of
    ours) may be the fault of one operation among many.
    """
    if not isinstance(error, DBAPIError) or _sqlstate(error).startswith(_PROGRAM_LIMIT_EXCEEDED):
        return False
    # QUIRK: sqlite3 reports a damaged file as a bare DatabaseError.
    is_damaged = type(error) is DatabaseError
    return error.connection_invalidated or is_damaged or isinstance(error, OperationalError | InternalError)


def store_error(error: Exception) -> StoreError:
    """Return what the caller is told of `error`, and what to do if we know it: one line, no rows and no addresses."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    # PostgreSQL's further lines quote the row (DETAIL: Failing row contains ...).
    lines = str(cause).splitlines() or [type(cause).__name__]
    if _is_disk_full(error):
        return StoreFullError(lines[0])
    remedy = _REMEDIES.get(_sqlite_code(error))
    return StoreError(f"{lines[0]}: {remedy}" if remedy else lines[0])


def file_error(problem: str, error: OSError) -> StoreError:
    """Return what the operator is told of a file of the store that cannot be opened."""
    remedy = f": {NOT_WRITABLE}" if isinstance(error, PermissionError) else ""
    return StoreError(f"store.url: {problem}: {error.strerror}{remedy}")


def _is_disk_full(error: Exception) -> bool:
    return isinstance(error, DBAPIError) and (
        _sqlite_code(error) == sqlite3.SQLITE_FULL or _sqlstate(error) == _DISK_FULL
    )


def _sqlite_code(error: Exception) -> int:
    """Return the primary code that SQLite gave, or 0."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlite_errorcode", 0) & 0xFF


def _sqlstate(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""
