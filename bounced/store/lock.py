"""Let only one daemon run on one SQLite file."""

import fcntl
import os
from pathlib import Path

from bounced.errors import StoreError
from bounced.store.trouble import file_error


def take(database: Path) -> int:
    """Lock `database` for this process and return the descriptor that holds the lock.

    The lock ends with the process, however that ends. Its file stays: to
    remove it would let a third process lock a name that the second has open.

    Raises:
        StoreError: Another daemon has the lock, or its file cannot be written.
    """
    path = database.with_name(f"{database.name}.lock")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise file_error(f"cannot lock {path}", error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise StoreError(f"another daemon (pid {holder}) runs on {database}") from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def release(descriptor: int) -> None:
    """Give the lock back."""
    os.close(descriptor)
