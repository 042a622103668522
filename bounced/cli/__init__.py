"""The command line: one module per command, and how errors end."""

import io
import logging
import os
import sys
from typing import Annotated

import typer

from bounced import __version__
from bounced.cli import daemon, deliveries, demo, explain, ingest, migrate, parse, recipients, reclassify, rules, verp
from bounced.errors import BouncedError, ConfigurationError, KnowledgeError, StoreError

_FAILED, _MISCONFIGURED = 1, 78
# They do nothing that is logged, and start in half the time without what logs.
_WITHOUT_LOG = frozenset({"parse", "verp"})

app = typer.Typer(
    name="bounced",
    help="Turn returned mail into facts an application can act on.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(daemon.run)
app.command()(daemon.check)
app.command()(parse.parse)
app.command()(explain.explain)
app.command()(ingest.ingest)
app.command()(migrate.migrate)
app.command()(reclassify.reclassify)
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(recipients.app, name="recipients")
app.add_typer(rules.app, name="rules")
app.add_typer(verp.app, name="verp")
app.command()(demo.demo)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it with the flag
    if wanted:
        typer.echo(f"bounced {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Turn returned mail into facts an application can act on."""
    # Standard output belongs to what was asked for.
    if context.invoked_subcommand in _WITHOUT_LOG:
        logging.disable(logging.ERROR)
    else:
        from bounced import log

        log.configure(level="error")


def _stand_in_for_closed_streams() -> None:
    """Take the numbers of standard streams that were closed, before a socket or database gets them.

    What goes to standard output then fails and is known to be undelivered; what is logged is lost.
    """
    streams = ("stdin", os.O_RDONLY, "r"), ("stdout", os.O_RDONLY, "w"), ("stderr", os.O_WRONLY, "w")
    for number, (name, flags, mode) in enumerate(streams):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode))


def _let_every_character_through() -> None:
    """Write UTF-8 to files and programs, whatever the locale; escape what a terminal cannot show, or nothing can."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")


def main() -> None:
    """Run the command line; exit 0 done, 1 failed, 2 usage, 78 configuration error."""
    _stand_in_for_closed_streams()
    _let_every_character_through()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # as long as it can be told if that fails
    except ConfigurationError as error:
        typer.echo(f"bounced: {error}" + (f"\n  remedy: {error.remedy}" if error.remedy else ""), err=True)
        sys.exit(_MISCONFIGURED)
    except KnowledgeError as error:
        typer.echo(f"bounced: classify.rules: {error}\n  remedy: docs/rules.md says what a rule is made of", err=True)
        sys.exit(_MISCONFIGURED)
    except StoreError as error:
        typer.echo(f"bounced: the store cannot be used: {error}", err=True)
        sys.exit(_FAILED)
    except BouncedError as error:
        typer.echo(f"bounced: {error}", err=True)
        sys.exit(_FAILED)
    except OSError as error:  # mostly standard output: its disk is full, or its reader has left, which needs no words
        if not isinstance(error, BrokenPipeError):
            where = f"{error.filename}: " if error.filename else ""
            typer.echo(f"bounced: {where}{error.strerror or error}", err=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still in the buffer is flushed at exit
        sys.exit(_FAILED)
