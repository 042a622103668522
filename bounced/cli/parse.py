"""``bounced parse``: read mail offline."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import typer
from rich.table import Table

from bounced.cli.mailbox import Sources, find_files, read_messages, say_unreadable
from bounced.cli.options import ConfigFile, JsonLines, as_json, cell, console, counting, table
from bounced.event import describe_understanding
from bounced.model import Understanding


def parse(sources: Sources = None, jsonl: JsonLines = False, config: ConfigFile = None) -> None:
    """Read mail and say what it means, without daemon or store.

    Examples:
      bounced parse bounce.eml

      bounced parse --jsonl Maildir/ old.mbox > facts.jsonl

      swaks --dump-mail | bounced parse
    """
    rows = table("file", "kind", "recipient", "type", "advice", "reason", "code", "status")
    is_complete = True
    for name, understanding in _understand_all(sources or [], _reader(config)):
        if understanding is None:
            is_complete = False
        elif jsonl:
            line = {"file": name, **describe_understanding(understanding)}
            sys.stdout.write(as_json(line) + "\n")
        else:
            _add_rows(rows, name, understanding)
    if not jsonl:
        console().print(rows)
    if not is_complete:
        raise typer.Exit(1)


def _reader(config: Path | None) -> Callable[[bytes], Understanding]:
    if config is None:
        from bounced.pipeline import understand

        return understand
    from bounced.app import make_recipe
    from bounced.config import load

    read = make_recipe(load(config))()
    return lambda raw: read(raw, None)


def _understand_all(
    sources: list[str], read: Callable[[bytes], Understanding]
) -> Iterator[tuple[str, Understanding | None]]:
    """Yield every message understood, and None for a file that cannot be read, after saying so."""
    files = find_files(sources)
    with counting("Reading", len(files)) as advance:
        for file in files:
            try:
                for name, raw in read_messages(file):
                    yield name, read(raw)
            except OSError as error:
                say_unreadable(file, error)
                yield str(file or "-"), None
            advance()


def _add_rows(rows: Table, name: str, understanding: Understanding) -> None:
    if not understanding.outcomes:
        rows.add_row(cell(name), cell(understanding.kind), *[cell(None)] * 6)
    for outcome in understanding.outcomes:
        verdict = outcome.verdict
        known = (
            (verdict.bounce_type, verdict.advice, verdict.reason, verdict.code, verdict.status)
            if verdict
            else (None, None, None, None, outcome.finding.status)
        )
        rows.add_row(cell(name), cell(understanding.kind), cell(outcome.recipient), *map(cell, known))
