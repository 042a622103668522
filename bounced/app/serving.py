"""Run the daemon in the foreground: signals stop and reload it."""

import asyncio
import gc
import signal
from collections.abc import Callable
from pathlib import Path

from bounced import log, metrics, systemd
from bounced.app.daemon import Daemon, running
from bounced.app.descriptors import allow_connections
from bounced.config import load
from bounced.errors import BouncedError

_log = log.get("app")

_STOP_SECONDS = 15  # what closing takes after the drain, at most


async def serve(path: Path | None, *, on_ready: Callable[[Daemon], None] | None = None) -> None:
    """Run the daemon until TERM or INT; HUP reloads.

    Args:
        path: The configuration file, read again at each reload.
        on_ready: Called once when mail is taken.

    Raises:
        BouncedError: It cannot start.
    """
    config = load(path)
    log.configure(level=config.log.level, format_=config.log.format, mask=config.log.mask_addresses)
    allow_connections(config.receive.limits.connections)
    stop = asyncio.Event()
    reload = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    systemd.notify("STATUS=Starting")
    async with running(config) as daemon:
        addresses = [str(address) for address in daemon.servers.addresses]
        _log.info("ready", addresses=addresses)
        systemd.notify("READY=1", f"STATUS=Taking mail on {', '.join(addresses)}")
        gc.freeze()  # rules and modules live as long as the process
        gc.enable()
        if on_ready:
            on_ready(daemon)
        await _reload_until(stop, reload, daemon, path)
        _log.info("stopping")
        # The drain may take as long as is configured, whatever TimeoutStopSec= says.
        patience = int((config.receive.shutdown_seconds + _STOP_SECONDS) * 1_000_000)
        systemd.notify("STOPPING=1", "STATUS=Finishing the work at hand", f"EXTEND_TIMEOUT_USEC={patience}")
    _log.info("stopped")


async def _reload_until(stop: asyncio.Event, reload: asyncio.Event, daemon: Daemon, path: Path | None) -> None:
    stopped = asyncio.create_task(stop.wait())
    while not stopped.done():
        reloading = asyncio.create_task(reload.wait())
        await asyncio.wait({stopped, reloading}, return_when=asyncio.FIRST_COMPLETED)
        reloading.cancel()
        if reload.is_set():
            reload.clear()
            await _reload(daemon, path)


async def _reload(daemon: Daemon, path: Path | None) -> None:
    systemd.notify_reloading()
    try:
        await daemon.reload(load(path))
    except BouncedError as error:
        metrics.reloads("refused").inc()
        _log.error("not_reloaded", error=str(error), consequence="everything stays as it was")
        # Ready all the same: the daemon goes on, and systemd knows no reload that failed.
        problem = " ".join(str(error).split())
        systemd.notify("READY=1", f"STATUS=Not reloaded, everything stays as it was: {problem}")
    else:
        metrics.reloads("done").inc()
        _log.info("reloaded")
        systemd.notify("READY=1", f"STATUS=Taking mail on {', '.join(map(str, daemon.servers.addresses))}")
