"""``bounced demo``: the whole daemon on throw-away defaults, from SMTP to a signed webhook."""

import json
from base64 import b64encode
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from bounced.cli.options import JsonLines, as_json, cell, console, table

if TYPE_CHECKING:
    from bounced.app import Daemon
    from bounced.config import Config

_RECIPIENT = "bounce@demo.example"
_DEADLINE_SECONDS = 30


def demo(
    stay: Annotated[
        bool, typer.Option("--stay", help="Stay up afterwards, for mail of your own; Ctrl-C ends it.")
    ] = False,
    jsonl: JsonLines = False,
) -> None:
    """Start a daemon in a temporary directory, send it sample bounces by SMTP, show its events.

    Examples:
      bounced demo

      bounced demo --stay
    """
    import uvloop

    from bounced import log

    log.configure(level="warning")
    uvloop.run(_demo(stay=stay, jsonl=jsonl))


async def _demo(*, stay: bool, jsonl: bool) -> None:
    import asyncio
    import secrets
    import tempfile

    from bounced.app import running

    with tempfile.TemporaryDirectory(prefix="bounced-demo-") as directory:
        secret = "whsec_" + b64encode(secrets.token_bytes(32)).decode()
        async with _Receiver() as receiver:
            token = secrets.token_hex(32)
            config = _make_config(Path(directory), receiver.url, secret, token if stay else None)
            async with running(config) as daemon:
                samples = sorted(files("bounced.samples").iterdir(), key=lambda file: file.name)
                mails = [file.read_bytes() for file in samples if file.name.endswith(".eml")]
                endpoint = daemon.servers.addresses[0]
                await asyncio.to_thread(_send, str(endpoint.host), endpoint.port, mails)
                async with asyncio.timeout(_DEADLINE_SECONDS):
                    await daemon.until_idle()
                events = list(receiver.events.values())
                _show(events, jsonl=jsonl)
                if not jsonl:
                    typer.echo(f"\n{len(mails)} messages by SMTP to {endpoint}, {len(events)} events, each sent to")
                    typer.echo(f"  webhook {receiver.url}, signed")
                    typer.echo(f"  jsonl   {directory}/events.jsonl, gone when this ends")
                if stay:
                    await _stay(daemon, token)


def _make_config(directory: Path, url: str, secret: str, token: str | None) -> "Config":
    from bounced.config import Config

    webhook = {"name": "webhook", "type": "webhook", "url": url, "secrets": [secret], "allow_private_addresses": True}
    return Config.model_validate(
        {
            "receive": {"hostname": "demo.example", "listen": ["smtp://127.0.0.1:0"], "recipients": [_RECIPIENT]},
            "store": {"url": f"sqlite:///{directory}/demo.db"},
            "sink": [webhook, {"name": "file", "type": "jsonl", "path": f"{directory}/events.jsonl"}],
            "admin": {"listen": "127.0.0.1:0", "tokens": [token]} if token else {"listen": ""},
        }
    )


class _Receiver:
    """A webhook endpoint of our own, on a free port."""

    def __init__(self) -> None:
        from aiohttp import web

        self.events: dict[str, dict[str, Any]] = {}
        application = web.Application()
        application.router.add_post("/hooks/bounces", self._take)
        self._runner = web.AppRunner(application, access_log=None)
        self.url = ""

    async def __aenter__(self) -> Self:
        from aiohttp import web

        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/hooks/bounces"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _take(self, request: Any) -> Any:
        from aiohttp import web

        event = json.loads(await request.read())
        self.events[event["id"]] = event
        return web.Response(status=204)


def _send(host: str, port: int, mails: list[bytes]) -> None:
    import smtplib

    with smtplib.SMTP(host, port, timeout=_DEADLINE_SECONDS) as client:
        for mail in mails:
            client.sendmail("", [_RECIPIENT], mail)


def _show(events: list[dict[str, Any]], *, jsonl: bool) -> None:
    if jsonl:
        for event in events:
            typer.echo(as_json(event))
        return
    rows = table("event", "recipient", "type", "advice", "reason", "code", "rule")
    for event in sorted(events, key=lambda one: str(one["type"])):
        data = event["data"]
        names = ("recipient", "bounce_type", "advice", "reason", "code")
        rows.add_row(cell(event["type"]), *(cell(data[name]) for name in names), cell((data["why"] or {}).get("rule")))
    console().print(rows)


async def _stay(daemon: "Daemon", token: str) -> None:
    import asyncio
    import signal

    endpoint = daemon.servers.addresses[0]
    typer.echo(f"\nStill listening on {endpoint} for <{_RECIPIENT}>; Ctrl-C ends it.")
    if daemon.admin:
        typer.echo(f"The dashboard is at http://{daemon.admin.address}/, its token is {token}")
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
