"""Read messages from wherever an operator keeps them."""

import os
import re
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

_MBOX_LINE = re.compile(rb"From \S.{0,200}?(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3} [ 0-3]?[0-9] [0-9]{2}:[0-9]{2}")
_MAILDIR_FOLDERS = ("cur", "new")

Sources = Annotated[
    list[str] | None, typer.Argument(metavar="[FILE|DIR|MBOX|-]...", help="Where the mail is; '-' is standard input.")
]


def find_files(sources: Sequence[str]) -> list[Path | None]:
    """List the files that hold messages, in order; None is standard input.

    Args:
        sources: Files, directories (searched to the bottom), Maildirs, mbox
            files, or ``-``. No source at all is standard input.

    Raises:
        typer.BadParameter: A source does not exist.
    """
    files: list[Path | None] = []
    for source in sources or ["-"]:
        if source == "-":
            files.append(None)
        elif _is_directory(source):
            files.extend(_walk(Path(source), set()))
        else:
            files.append(Path(source))
    return files


def _is_directory(source: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(source).st_mode)  # noqa: PTH116 - Path makes "." of an empty name
    except (FileNotFoundError, NotADirectoryError) as error:
        raise typer.BadParameter(f"{source or repr(source)}: there is no such file or directory") from error
    except OSError:
        return False  # who reads it says why it cannot be read


def _walk(place: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    """Yield the files below a place, each directory once; also what cannot be looked into: its reader says why."""
    try:
        if not place.is_dir():
            if place.is_file():
                yield place
            return
        about, entries = place.stat(), sorted(place.iterdir())
        folders = [entry for entry in entries if entry.name in _MAILDIR_FOLDERS and entry.is_dir()]
    except OSError:
        yield place
        return
    if (about.st_dev, about.st_ino) not in seen:
        seen.add((about.st_dev, about.st_ino))
        is_maildir = len(folders) == len(_MAILDIR_FOLDERS)
        for entry in folders if is_maildir else entries:
            yield from _walk(entry, seen)


def read_messages(path: Path | None) -> Iterator[tuple[str, bytes]]:
    """Yield each message in a file with its name; those of an mbox are called ``file#1``, ``file#2`` ...

    A ``.eml`` file is one message, whatever it quotes: a message returned
    from an mbox has the same ``From `` line behind an empty line as a second message.
    Only one message is in memory at a time, however large the mbox.

    Raises:
        OSError: The file cannot be read.
    """
    if path is None:
        yield from _split("-", sys.stdin.buffer)
        return
    with path.open("rb") as file:
        if path.suffix.lower() == ".eml":
            yield str(path), file.read()
        else:
            yield from _split(str(path), file)


def say_unreadable(file: Path | None, error: OSError) -> None:
    """Say on standard error that a file cannot be read, and why."""
    typer.echo(f"bounced: {file or 'standard input'}: {error.strerror}", err=True)


def _split(name: str, file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    first = file.readline()
    if not _MBOX_LINE.match(first):
        yield name, first + file.read()
        return
    messages = _split_mbox(file, first)
    held = next(messages)
    number = 0
    for number, message in enumerate(messages, start=2):
        yield f"{name}#{number - 1}", held
        held = message
    yield f"{name}#{number}" if number else name, held


def _split_mbox(file: BinaryIO, first: bytes) -> Iterator[bytes]:
    """Cut an mbox at its ``From `` lines (RFC 4155): one at the start, and one after each empty line."""
    lines, is_after_blank = [first], False
    for line in file:
        if is_after_blank and _MBOX_LINE.match(line):
            yield b"".join(lines)
            lines = []
        lines.append(line)
        is_after_blank = not line.strip()
    yield b"".join(lines)
