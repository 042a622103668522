"""``bounced ingest``: put mail into the store that a daemon works on."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from bounced.cli.mailbox import Sources, find_files, read_messages, say_unreadable
from bounced.cli.options import ConfigFile, counting
from bounced.errors import StoreError

# EX_TEMPFAIL of sysexits.h: Postfix, Exim and Sendmail keep the mail and run the pipe again.
_TRY_AGAIN = 75


def ingest(
    sources: Sources = None,
    sender: Annotated[str, typer.Option(help="The reverse-path; empty is the null sender.")] = "",
    recipient: Annotated[list[str] | None, typer.Option(help="A forward-path; may be given several times.")] = None,
    config: ConfigFile = None,
) -> None:
    """Put mail into the running store, as if it had come by SMTP.

    What is in the store already adds nothing, so a backfill can be repeated.
    As the command of a pipe transport it exits with 75 when the store cannot
    be written, so that the mail server tries again later.

    Examples:
      bounced ingest --config /etc/bounced/bounced.toml old-bounces.mbox

      bounced ingest --config /etc/bounced/bounced.toml --sender=${sender} --recipient=${recipient} -
    """
    import asyncio

    try:
        new, known, unreadable = asyncio.run(_ingest(sources or [], sender, tuple(recipient or ()), config))
    except StoreError as error:
        typer.echo(f"bounced: the store cannot be written: {error}", err=True)
        raise typer.Exit(_TRY_AGAIN) from error
    typer.echo(f"{new} new, {known} known already", err=True)
    if unreadable:
        raise typer.Exit(1)


async def _ingest(
    sources: list[str], sender: str, recipients: tuple[str, ...], config: ConfigFile
) -> tuple[int, int, int]:
    from bounced.config import load
    from bounced.model import Envelope, Message
    from bounced.store import Store

    loaded = load(config)
    files = find_files(sources)
    counts, unreadable = {True: 0, False: 0}, 0
    most = loaded.receive.keep_bytes or loaded.receive.max_message_bytes
    async with await Store.open(loaded.store.url.get_secret_value(), owner="ingest") as store:
        with counting("Ingesting", len(files)) as advance:
            for file in files:
                try:
                    for _, raw in read_messages(file):
                        envelope = Envelope(sender, recipients, datetime.now(UTC))
                        message = Message.of(envelope, raw[:most], size=len(raw))
                        counts[await store.accept(message, lease=False)] += 1
                except OSError as error:
                    say_unreadable(file, error)
                    unreadable += 1
                advance()
    return counts[True], counts[False], unreadable
