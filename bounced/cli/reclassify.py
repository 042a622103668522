"""``bounced reclassify``: read stored messages again, after rules have changed."""

import json
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bounced.cli.options import ConfigFile, JsonLines, as_json, cell, console, counting, read_since, table, with_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from bounced.config import Config
    from bounced.event.correction import Correction
    from bounced.model import EventType
    from bounced.store import Store

_MOST_ROWS = 1000
_SHOWN = ("recipient", "bounce_type", "advice", "reason", "code")


def reclassify(
    since: Annotated[str, typer.Option(help="Messages concluded since a time (2026-11-23T09:00) or an age (12h, 3d).")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing, print what would change.")] = False,
    jsonl: JsonLines = False,
    config: ConfigFile = None,
) -> None:
    """Understand stored messages by the rules in force now, and tell what is different.

    A corrected event names the one that it replaces in data.replaces, and
    the state of its recipient follows it. To run it again adds nothing.

    Examples:
      bounced reclassify --since 7d --dry-run --config /etc/bounced/bounced.toml

      bounced reclassify --since 2026-11-01 --config /etc/bounced/bounced.toml
    """
    from bounced.app import make_recipe
    from bounced.config import load
    from bounced.flow.reclassifying import Reclassifying

    moment = read_since(since) or datetime.now(UTC)
    loaded = load(config)
    understand = make_recipe(loaded)()
    output, counts = _Output(jsonl=jsonl), Counter[str]()

    async def work(store: "Store") -> None:
        source = f"/bounced/{loaded.receive.hostname}"
        work_ = Reclassifying(store, understand=understand, source=source, sinks_for=_sinks_for(loaded))
        with counting("Reclassifying", await store.corrections.count(moment)) as advance:
            async for result in work_.run(moment):
                advance()
                counts["messages"] += 1
                counts["without_raw"] += not result.has_raw
                counts["without_events"] += not result.has_events
                counts["unreadable"] += not result.is_readable
                if result.conclusion is None:
                    continue
                for correction in result.corrections:
                    output.add(result.conclusion.message_id, correction)
                counts["changed"] += 1
                counts["events"] += (
                    len(result.corrections)
                    if dry_run
                    else await store.corrections.write(result.conclusion, datetime.now(UTC))
                )

    with_store(config, work)
    output.end()
    typer.echo(_sum_up(counts, dry_run=dry_run), err=True)


def _sinks_for(config: "Config") -> "Callable[[EventType], tuple[str, ...]]":
    return lambda type_: tuple(sink.name for sink in config.sink if sink.types is None or type_ in sink.types)


class _Output:
    """Prints changes: lines at once, or a table at the end."""

    def __init__(self, *, jsonl: bool) -> None:
        self._rows = None if jsonl else table("message", "recipient", "was", "is", "by the rule")
        self._left_out = 0

    def add(self, message_id: str, correction: "Correction") -> None:
        before = _describe(correction.replaced.document) if correction.replaced else None
        after = _describe(correction.event.document)
        if self._rows is None:
            replaced = correction.replaced and correction.replaced.id
            line = {"message": message_id, "event": correction.event.id, "replaces": replaced}
            typer.echo(as_json(line | {"before": before, "after": after}))
        elif self._rows.row_count < _MOST_ROWS:
            recipient = after["recipient"] or (before and before["recipient"])
            cells = (message_id, recipient, before and _short(before), _short(after), after["rule"])
            self._rows.add_row(*map(cell, cells))
        else:
            self._left_out += 1

    def end(self) -> None:
        if self._rows is not None and self._rows.row_count:
            console().print(self._rows)
        if self._left_out:
            typer.echo(f"{self._left_out} more changes: --jsonl prints all of them", err=True)


def _describe(document: str) -> dict[str, Any]:
    event = json.loads(document)
    data = event["data"]
    return {"type": event["type"], **{name: data[name] for name in _SHOWN}, "rule": (data["why"] or {}).get("rule")}


def _short(about: dict[str, Any]) -> str:
    words = (about["type"].removeprefix("bounced."), *(about[name] for name in _SHOWN[1:]))
    return " ".join(word for word in words if word)


def _sum_up(counts: Counter[str], *, dry_run: bool) -> str:
    changed = f"{counts['changed']} would change" if dry_run else f"{counts['changed']} changed"
    events = f"{counts['events']} events would be told" if dry_run else f"{counts['events']} events to tell"
    text = f"{counts['messages']} messages, {changed}, {events}"
    if counts["without_raw"]:
        text += f"; {counts['without_raw']} could not be read again, retention has removed their raw content"
    if counts["without_events"]:
        text += f"; of {counts['without_events']} retention has removed the events"
    if counts["unreadable"]:
        text += f"; {counts['unreadable']} could not be read, the log says why"
    return text
