"""``bounced migrate``: bring the database to the schema of this version, apart from any start."""

import typer

from bounced.cli.options import ConfigFile


def migrate(config: ConfigFile = None) -> None:
    """Bring the database to the schema of this version.

    Every start does the same first. This is for who wants it done before, or
    by a user of the database who may change tables where the daemon's may
    not. Any number of these and of starts may run at once.

    Examples:
      bounced migrate --config /etc/bounced/bounced.toml
    """
    from bounced.config import load
    from bounced.store.connect import prepare
    from bounced.store.engine import parse_url

    before, after = prepare(parse_url(load(config).store.url.get_secret_value()))
    typer.echo(f"the schema is {after}, " + ("as it was" if before == after else f"was {before or 'not there'}"))
