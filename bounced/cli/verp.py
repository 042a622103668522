"""``bounced verp``: make and check signed return paths."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bounced.cli.options import ConfigFile, as_json
from bounced.errors import ConfigurationError

if TYPE_CHECKING:
    from bounced.config import Verp
    from bounced.identify.verp import Key

app = typer.Typer(help="Make and check signed return paths.", no_args_is_help=True)


@app.command()
def make(
    id_: Annotated[str, typer.Option("--id", help="What is to come back with the bounce.")],
    recipient: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Carry the recipient too.")] = None,
    encrypted: Annotated[bool, typer.Option("--encrypted", help="Let nobody else read what it carries.")] = False,
    config: ConfigFile = None,
) -> None:
    """Print a return path, signed with the first key for the first domain.

    Examples:
      bounced verp make --id order-4711 --config /etc/bounced/bounced.toml

      bounced verp make --id 4711 --recipient ann@example.org --encrypted
    """
    from bounced.identify import verp

    section, keys = _read_section(config)
    if not section.domains:
        raise ConfigurationError("no domain is configured", where="verp.domains", remedy="name the domain of bounces")
    address = verp.make(
        id_,
        domain=section.domains[0],
        keys=keys,
        today=datetime.now(UTC).date(),
        recipient=recipient,
        is_encrypted=encrypted,
        prefix=section.prefix,
        days=section.days,
    )
    typer.echo(address)


@app.command()
def check(address: Annotated[str, typer.Argument(metavar="ADDRESS")], config: ConfigFile = None) -> None:
    """Print as JSON what a return path holds; exit 1 where it is not ours or not valid any more.

    Examples:
      bounced verp check b+aaljtn5zgizlsfu2do…@bounce.example.com --config /etc/bounced/bounced.toml
    """
    from bounced.identify import verp

    section, keys = _read_section(config)
    result = verp.check(address, keys, today=datetime.now(UTC).date(), prefix=section.prefix)
    refusal, token = (result.reason, result.token) if isinstance(result, verp.Refused) else (None, result)
    said = {
        "verified": refusal is None,
        "refusal": refusal,
        "id": token and token.id,
        "recipient": token and token.recipient,
        "expires": token and str(token.expires),
        "key": token and token.key_id,
    }
    typer.echo(as_json(said))
    raise typer.Exit(1 if refusal else 0)


def _read_section(path: Path | None) -> "tuple[Verp, tuple[Key, ...]]":
    from bounced.config import load

    section = load(path).verp
    keys = section.read_keys()
    if not keys:
        raise ConfigurationError(
            "no key is configured", where="verp.keys", remedy='make one with: echo "a:$(openssl rand -base64 32)"'
        )
    return section, keys
