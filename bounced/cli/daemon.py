"""``bounced run`` and ``bounced check``: the daemon, and a look at its configuration."""

from collections.abc import Iterator
from typing import Any

from bounced.cli.options import ConfigFile, cell, console, table


def run(config: ConfigFile = None) -> None:
    """Run the daemon in the foreground.

    TERM and INT stop it after the work at hand is done; HUP reloads rules,
    certificate, tokens, keys of return paths, thresholds and sinks. Without
    any configuration it listens on 127.0.0.1:2525 and writes events to
    standard output.

    Examples:
      bounced run

      bounced run --config /etc/bounced/bounced.toml

      BOUNCED_RECEIVE__HOSTNAME=mx1.example.com bounced run
    """
    import gc

    gc.disable()  # until it is ready: a start makes objects that stay, and to look for others costs a fifth of it

    import faulthandler

    import uvloop

    from bounced.app import serve

    faulthandler.enable(2)  # a watchdog's ABRT then shows where every thread stands
    try:
        uvloop.run(serve(config))
    finally:
        gc.enable()


def check(config: ConfigFile = None) -> None:
    """Validate the configuration and print what is in force, secrets masked.

    Examples:
      bounced check --config /etc/bounced/bounced.toml
    """
    from bounced.app import prove
    from bounced.config import load

    loaded = load(config)
    prove(loaded)
    rows = table("key", "value")
    for key, value in _flatten("", loaded.model_dump(mode="json")):
        rows.add_row(cell(key), cell(value))
    console().print(rows)


def _flatten(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key with its value, named as error messages and the environment name it."""
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        items = {str(number): item for number, item in enumerate(value)}.items()
    else:
        yield prefix, value
        return
    for key, item in items:
        yield from _flatten(f"{prefix}.{key}" if prefix else key, item)
