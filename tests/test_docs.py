"""What an operator or a consumer can meet stands in the documents."""

import csv
import io
from pathlib import Path

import pytest
import typer

from bounced.classify.codes import NO_CODE
from bounced.cli import app
from bounced.event import EventData
from bounced.model import EventType
from bounced.shipped import read_text

ROOT = Path(__file__).parents[1]
DOCUMENTS = "\n".join(path.read_text() for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))])


def commands():
    group = typer.main.get_command(app)
    for name, command in group.commands.items():
        yield name
        yield from (f"{name} {verb}" for verb in getattr(command, "commands", {}))


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_command_is_documented(command):
    name, _, verb = command.partition(" ")
    assert f"bounced {name}" in DOCUMENTS
    assert verb in DOCUMENTS


@pytest.mark.parametrize("event_type", EventType)
def test_every_type_of_event_is_documented(event_type):
    assert f"`{event_type}`" in DOCUMENTS


@pytest.mark.parametrize("name", EventData.__slots__)
def test_every_field_of_an_event_is_documented(name):
    assert f"`{name}`" in DOCUMENTS


def test_the_code_table_in_the_documents_is_the_one_that_is_used():
    rows = list(csv.DictReader(io.StringIO(read_text("bounced.classify.data", "bounce-codes.csv"))))
    [table] = [line for line in DOCUMENTS.splitlines() if line.startswith("| 500 510 ")]
    written = [cell.split() for cell in table.strip("|").split("|")]
    for kind, codes in zip(("hard", "soft"), written, strict=True):
        assert codes == [row["code"] for row in rows if row["type"] == kind]
    assert NO_CODE in written[0]
