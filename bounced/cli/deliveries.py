"""``bounced deliveries``: dead letters and their replay."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from bounced.cli.options import ConfigFile, JsonLines, Since, as_json, cell, console, read_since, table, with_store

if TYPE_CHECKING:
    from bounced.store import Store

app = typer.Typer(help="List deliveries and bring dead ones back.", no_args_is_help=True)

SinkName = Annotated[str | None, typer.Option("--sink", help="Only deliveries to this sink.")]


@app.command("list")
def list_(
    state: Annotated[str, typer.Option(help="pending, delivered, dead or all.")] = "dead",
    sink: SinkName = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at the most, the latest first.")] = 100,
    jsonl: JsonLines = False,
    config: ConfigFile = None,
) -> None:
    """Show deliveries, the dead ones where nothing else is asked for.

    Examples:
      bounced deliveries list

      bounced deliveries list --state pending --sink app --since 2h
    """
    from bounced.store import DeliveryState, StoredDelivery

    if state != "all" and state not in set(DeliveryState):
        raise typer.BadParameter(f"{state!r} is none of {', '.join(DeliveryState)}, all", param_hint="--state")
    wanted = None if state == "all" else DeliveryState(state)
    moment = read_since(since)

    async def fetch(store: "Store") -> list[StoredDelivery]:
        return await store.list_deliveries(state=wanted, sink=sink, since=moment, limit=min(limit, sys.maxsize))

    rows = table("event", "type", "recipient", "sink", "state", "attempts", "next attempt", "last error")
    for found in with_store(config, fetch):
        values = (found.event_id, found.type, found.recipient, found.sink, found.state, found.attempts)
        due = found.due_at and found.due_at.isoformat(timespec="seconds")
        if jsonl:
            names = ("event", "type", "recipient", "sink", "state", "attempts")
            line = dict(zip(names, values, strict=True)) | {"due_at": due, "last_error": found.last_error}
            typer.echo(as_json(line))
        else:
            rows.add_row(*map(cell, (*values, due, found.last_error)))
    if not jsonl:
        console().print(rows)


@app.command()
def retry(
    event_id: Annotated[list[str] | None, typer.Option("--id", help="Only this event; may be given again.")] = None,
    sink: SinkName = None,
    since: Since = None,
    all_: Annotated[bool, typer.Option("--all", help="Every dead delivery.")] = False,
    with_delivered: Annotated[
        bool, typer.Option("--with-delivered", help="Also what was delivered, for a consumer that lost it.")
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Make dead deliveries due now; a running daemon sends them within seconds.

    Examples:
      bounced deliveries retry --sink app --since 1d

      bounced deliveries retry --id evt_h3xw2k…

      bounced deliveries retry --sink app --since 2026-11-23T09:00 --with-delivered
    """
    if not (all_ or event_id or sink or since):
        raise typer.BadParameter("say which: --id, --sink, --since, or --all")
    moment = read_since(since)

    async def revive(store: "Store") -> int:
        return await store.retry_deliveries(since=moment, ids=event_id, sink=sink, with_delivered=with_delivered)

    typer.echo(f"{with_store(config, revive)} deliveries are due again")
