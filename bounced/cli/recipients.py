"""``bounced recipients``: what is known of recipients, and what an operator decides about them."""

import sys
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bounced.cli.options import ConfigFile, JsonLines, Since, as_json, cell, console, read_since, table, with_store
from bounced.errors import BouncedError

if TYPE_CHECKING:
    from bounced.admin.exporting import Filters
    from bounced.admin.importing import Imported
    from bounced.store import Store, StoredRecipient

app = typer.Typer(
    help="Ask and tell what is known of recipients: who gets no more mail, and why.", no_args_is_help=True
)
_BY = "cli"
_CHUNK_BYTES = 65_536
_CHECKED_AT_ONCE = 1000

Address = Annotated[str, typer.Argument(help="The address; case does not matter.")]
StateName = Annotated[
    str | None, typer.Option("--state", help="active, soft_bouncing, undeliverable, suppressed or complained.")
]
Reason = Annotated[str | None, typer.Option(help="Only those with this reason, such as user_unknown.")]
Contains = Annotated[str | None, typer.Option(help="Only addresses with this in them, such as @example.com.")]


@app.command("list")
def list_(
    state: StateName = None,
    reason: Reason = None,
    since: Since = None,
    contains: Contains = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at the most.")] = 100,
    jsonl: JsonLines = False,
    config: ConfigFile = None,
) -> None:
    """Show recipients of whom something is known.

    Examples:
      bounced recipients list --state suppressed

      bounced recipients list --reason mailbox_full --since 7d --contains @example.com
    """
    filters = _read_filters(state, reason, since, contains)

    async def fetch(store: "Store") -> "list[StoredRecipient]":
        from bounced.admin.exporting import read_pages

        found: list[StoredRecipient] = []
        async for page in read_pages(store, filters, size=min(limit, 1000)):
            found += page
            if len(found) >= limit:
                break
        return found[:limit]

    found = with_store(config, fetch)
    if jsonl:
        from bounced.admin.exporting import Format, write

        typer.echo(write(found, Format.JSONL), nl=False)
        return
    rows = table("recipient", "state", "reason", "since", "bounces", "days", "why")
    for each in found:
        bounces = each.counts.get("hard", 0) + each.counts.get("soft", 0)
        values = (each.address, each.state, each.reason, _when(each.since), bounces, each.days, each.why)
        rows.add_row(*map(cell, values))
    console().print(rows)


@app.command()
def show(address: Address, jsonl: JsonLines = False, config: ConfigFile = None) -> None:
    """Show all that is known of one recipient.

    The exit status is 0 whatever his state is: an answer is an answer. One
    that nothing is known of is active.

    Examples:
      bounced recipients show ann@example.com
    """
    from bounced.admin.answers import describe, describe_facts, unknown

    _require_address(address)
    found = with_store(config, lambda store: store.recipients.fetch(address)) or unknown(address)
    about, facts = describe(found), describe_facts(found)
    if jsonl:
        typer.echo(as_json(about | {"facts": facts}))
        return
    rows = table(address, "")
    for name, value in about.items():
        shown = ", ".join(f"{count} {kind}" for kind, count in value.items()) or None if name == "counts" else value
        rows.add_row(cell(name), cell(shown))
    console().print(rows)
    if facts:
        history = table(*facts[0])
        for fact in facts:
            history.add_row(*map(cell, fact.values()))
        console().print("", history)


@app.command()
def check(
    addresses: Annotated[list[str] | None, typer.Argument(help="Addresses; without any, one a line comes in.")] = None,
    jsonl: JsonLines = False,
    config: ConfigFile = None,
) -> None:
    """Say of each address whether to send there, in the order given.

    The exit status is 0 whatever the answers are.

    Examples:
      bounced recipients check ann@example.com ben@example.net

      bounced recipients check --jsonl < addresses.txt
    """
    from bounced.admin.answers import answer_check

    asked = addresses or [line.strip() for line in sys.stdin if line.strip()]

    async def fetch(store: "Store") -> list[dict[str, object]]:
        answers: list[dict[str, object]] = []
        for start in range(0, len(asked), _CHECKED_AT_ONCE):
            answers += await answer_check(store, asked[start : start + _CHECKED_AT_ONCE])
        return answers

    rows = table("address", "send", "state", "reason", "since")
    for answer in with_store(config, fetch):
        if jsonl:
            typer.echo(as_json(answer))
        else:
            rows.add_row(*map(cell, (answer | {"send": "yes" if answer["send"] else "no"}).values()))
    if not jsonl:
        console().print(rows)


@app.command()
def clear(
    address: Address,
    note: Annotated[str | None, typer.Option(help="Why, for whoever reads the history.")] = None,
    config: ConfigFile = None,
) -> None:
    """Make a recipient active again; the decision is kept in his history.

    Examples:
      bounced recipients clear ann@example.com --note "asked by phone"
    """
    _require_address(address)
    is_cleared = with_store(config, lambda store: store.recipients.clear(address, by=_BY, note=note))
    typer.echo("cleared" if is_cleared else "nothing was known that could be cleared")


@app.command("import")
def import_(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="The list; - is standard input.")] = "-",
    config: ConfigFile = None,
) -> None:
    """Take over a suppression list.

    An address a line, JSON lines, or CSV as SES, SendGrid, Mailgun, Postmark
    and `bounced recipients export` write it. What is in the list twice, or
    was imported before, adds nothing. The exit status is 1 where a line was
    rejected; the others are imported.

    Examples:
      bounced recipients import suppressions.csv

      jq -c '.[]' bounces.json | bounced recipients import -
    """
    from bounced.admin.importing import import_list

    async def take(store: "Store") -> "Imported":
        return await import_list(_read_chunks(file), store, by=_BY)

    result = with_store(config, take, may_begin=True)
    for rejected in result.rejections:
        typer.echo(f"line {rejected.line}: {rejected.problem}", err=True)
    typer.echo(f"{result.imported} imported, {result.rejected} rejected")
    if result.rejected:
        raise typer.Exit(1)


@app.command()
def export(
    format_: Annotated[str, typer.Option("--format", help="csv or jsonl.")] = "csv",
    state: StateName = None,
    reason: Reason = None,
    since: Since = None,
    contains: Contains = None,
    config: ConfigFile = None,
) -> None:
    """Write recipients to standard output, for other programs or to import them elsewhere.

    Examples:
      bounced recipients export --state suppressed > suppressed.csv

      bounced recipients export --format jsonl
    """
    from bounced.admin.exporting import Format, header, read_pages, write

    if format_ not in set(Format):
        raise typer.BadParameter(f"{format_!r} is none of {', '.join(Format)}", param_hint="--format")
    filters, form = _read_filters(state, reason, since, contains), Format(format_)

    async def print_all(store: "Store") -> None:
        typer.echo(header(form), nl=False)
        async for page in read_pages(store, filters):
            typer.echo(write(page, form), nl=False)

    with_store(config, print_all)


@app.command()
def erase(
    address: Address,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigFile = None,
) -> None:
    """Erase all that is known of an address; it cannot be brought back.

    Examples:
      bounced recipients erase ann@example.com

      bounced recipients erase ann@example.com --yes
    """
    _require_address(address)
    if not yes:
        typer.confirm(f"Erase all that is known of {address}?", abort=True)
    typer.echo(f"{with_store(config, lambda store: store.recipients.erase(address))} rows erased")


def _require_address(text: str) -> None:
    from bounced.admin.address import is_name

    if not is_name(text):
        raise typer.BadParameter(f"{text!r} is no address", param_hint="ADDRESS")


def _read_filters(state: str | None, reason: str | None, since: str | None, contains: str | None) -> "Filters":
    from bounced.admin.exporting import Filters
    from bounced.escalate import State

    if state is not None and state not in set(State):
        raise typer.BadParameter(f"{state!r} is none of {', '.join(State)}", param_hint="--state")
    chosen = None if state is None else State(state)
    return Filters(state=chosen, reason=reason, since=read_since(since), contains=contains)


async def _read_chunks(name: str) -> AsyncIterator[bytes]:
    """Yield the octets of a file; a blocked pipe holds nobody up, because nothing else runs."""
    try:
        file = sys.stdin.buffer if name == "-" else Path(name).open("rb")  # noqa: ASYNC230, SIM115 - closed below
        with file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise BouncedError(f"{name}: {error.strerror}") from error


def _when(moment: datetime | None) -> str | None:
    return moment.isoformat(sep=" ", timespec="minutes") if moment else None
