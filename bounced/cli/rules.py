"""``bounced rules``: prove the rules, and find what they do not know yet."""

import json
from typing import Annotated

import typer

from bounced.classify.unknown import group_unknown
from bounced.cli.options import ConfigFile, JsonLines, as_json, cell, console, knowledge_of, table, with_store

app = typer.Typer(help="Test the rules, and list what no rule knows.", no_args_is_help=True)


@app.command("test")
def prove(config: ConfigFile = None) -> None:
    """Let every rule judge its own example; exit 1 if another rule wins it.

    Examples:
      bounced rules test

      bounced rules test --config /etc/bounced/bounced.toml
    """
    from bounced.pipeline import lost_examples

    knowledge = knowledge_of(config)
    lost = lost_examples(knowledge)
    if not lost:
        typer.echo(f"{len(knowledge.rules.rules) + len(knowledge.words.rules)} rules, each wins its example")
        return
    rows = table("rule", "loses its example to")
    for rule, winner in lost.items():
        rows.add_row(cell(rule), cell(winner))
    console().print(rows)
    raise typer.Exit(1)


@app.command()
def unknown(
    limit: Annotated[int, typer.Option(min=1, help="How many groups at the most, the largest first.")] = 50,
    jsonl: JsonLines = False,
    config: ConfigFile = None,
) -> None:
    """Group the diagnostics in the store that no rule knows, so that you can write one.

    Examples:
      bounced rules unknown --config /etc/bounced/bounced.toml
    """
    groups = group_unknown(map(json.loads, with_store(config, lambda store: store.archive.list_reports())))
    rows = table("times", "code", "diagnostic", "for example")
    for (code, pattern), (times, example) in groups[:limit]:
        if jsonl:
            line = {"times": times, "code": code, "pattern": pattern, "example": example}
            typer.echo(as_json(line))
        else:
            rows.add_row(*map(cell, (times, code, pattern, example)))
    if not jsonl:
        console().print(rows)
