"""``bounced rules``: prove the rules, and find what they do not know yet."""

import asyncio
import json
import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from bounced.cli.options import ConfigFile, JsonLines, cell, console, knowledge_of, table
from bounced.pipeline import lost_examples

app = typer.Typer(help="Test the rules, and list what no rule knows.", no_args_is_help=True)

# What differs between two servers that say the same: addresses, hosts, numbers, ids.
_PARTICULARS = re.compile(
    r"<[^<>\s]{1,320}>|[^\s<>@]{1,64}@[^\s<>]{1,255}|https?://\S{1,500}"
    r"|\b(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}\b|\b[0-9a-f:.]*[0-9][0-9a-f:.-]*\b|\b\w*\d\w*\b",
    re.IGNORECASE,
)


@app.command("test")
def prove(config: ConfigFile = None) -> None:
    """Let every rule judge its own example; exit 1 if another rule wins it.

    Examples:
      bounced rules test

      bounced rules test --config /etc/bounced/bounced.toml
    """
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
    groups = group_unknown(asyncio.run(_fetch_reports(config)))
    rows = table("times", "code", "diagnostic", "for example")
    for (code, pattern), (times, example) in groups[:limit]:
        if jsonl:
            line = {"times": times, "code": code, "pattern": pattern, "example": example}
            typer.echo(json.dumps(line, ensure_ascii=False))
        else:
            rows.add_row(*map(cell, (times, code, pattern, example)))
    if not jsonl:
        console().print(rows)


def group_unknown(reports: list[dict[str, Any]]) -> list[tuple[tuple[str | None, str], tuple[int, str]]]:
    """Group what no text decided by its words, the most frequent first.

    Args:
        reports: Reports as ``bounced parse --jsonl`` prints them.

    Returns:
        Code and words of each group, with how often it came and one example.
    """
    times: Counter[tuple[str | None, str]] = Counter()
    examples: dict[tuple[str | None, str], str] = {}
    for recipient in (one for report in reports for one in report.get("recipients", [])):
        diagnostic, why = recipient.get("diagnostic"), recipient.get("why")
        if not diagnostic or not why or not why["rule"].startswith("codes/"):
            continue
        key = (recipient["code"], " ".join(_PARTICULARS.sub("*", diagnostic).split())[:200])
        times[key] += 1
        examples.setdefault(key, diagnostic)
    return [(key, (count, examples[key])) for key, count in times.most_common()]


async def _fetch_reports(config: Path | None) -> list[dict[str, Any]]:
    from bounced.config import load
    from bounced.store import Store

    url = load(config).store.url.get_secret_value()
    async with await Store.open(url, owner="rules") as store:
        return [json.loads(report) for report in await store.list_reports()]
