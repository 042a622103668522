"""Options that several commands share, and how their output looks."""

import json
import re
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bounced.classify import Knowledge
from bounced.knowledge import shipped_knowledge
from bounced.visible import escape_json, make_visible

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from bounced.store import Store

_Answer = TypeVar("_Answer")

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        readable=False,  # one that may not be read is an error of the configuration, not of usage
        help="The TOML file; without it defaults and environment apply.",
    ),
]
JsonLines = Annotated[bool, typer.Option("--jsonl", help="Print JSON lines for programs.")]
Since = Annotated[str | None, typer.Option(help="A time (2026-11-23T09:00) or an age (90m, 12h, 3d).")]

_AGE = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_WIDTH_OF_A_PIPE = 240
_STYLES = {"suppress": "red", "hard": "red", "fix": "yellow", "review": "magenta", "retry": "cyan", "soft": "cyan"}


def read_since(text: str | None) -> datetime | None:
    """Read a time or an age.

    Raises:
        typer.BadParameter: It is neither.
    """
    if text is None:
        return None
    age = _AGE.fullmatch(text)
    try:
        if age:
            return datetime.now(UTC) - timedelta(**{_UNITS[age[2]]: int(age[1])})
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):  # also what no calendar holds
        raise typer.BadParameter(f"{text!r} is neither a time nor an age such as 12h", param_hint="--since") from None


def console() -> Console:
    """Return standard output; colours only on a terminal, and no line cut short in a pipe."""
    return Console(width=None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE, highlight=False)


def table(*columns: str) -> Table:
    """Return an empty table in the style of all commands."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(Text(make_visible(column)), overflow="fold")
    return made


def cell(value: Any) -> Text:
    """Return a value as text that cannot disturb the terminal; what is unknown is a dash."""
    text = "-" if value is None else make_visible(str(value))
    return Text(text, style=_STYLES.get(text, ""))


def as_json(value: Any, *, indent: int | None = None) -> str:
    """Return a value as JSON that cannot disturb the terminal."""
    return escape_json(json.dumps(value, ensure_ascii=False, indent=indent))


@contextmanager
def counting(what: str, total: int) -> "Iterator[Callable[[], None]]":
    """Show on standard error how far a command is, if that is a terminal; yields what counts one more step."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=total)
        yield lambda: shown.advance(task)


def knowledge_of(config: Path | None) -> Knowledge:
    """Return the rules and tables in force: those of the package, or with the operator's before them."""
    if config is None:
        return shipped_knowledge()
    from bounced.app import read_knowledge
    from bounced.config import load

    return read_knowledge(load(config))


def with_store(
    config: Path | None, use: "Callable[[Store], Awaitable[_Answer]]", *, may_begin: bool = False
) -> _Answer:
    """Open the configured store, use it, and return what came of it.

    Args:
        config: The configuration file.
        use: What to do with the store.
        may_begin: Whether a file that is not there is made. An empty one would answer what it is asked, and wrongly.

    Raises:
        StoreError: The store cannot be opened, or is not there.
    """
    import asyncio

    from bounced.config import load
    from bounced.store import Store
    from bounced.store.connect import require_file

    async def work() -> _Answer:
        loaded = load(config)
        url, pseudonymize = loaded.store.url.get_secret_value(), loaded.store.pseudonymize
        if not may_begin:
            require_file(url)
        async with await Store.open(url, owner="operator", policy=loaded.policy, pseudonymize=pseudonymize) as store:
            return await use(store)

    return asyncio.run(work())
