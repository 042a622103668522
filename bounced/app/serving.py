"""Run the daemon in the foreground: signals stop and reload it."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

from bounced import log
from bounced.app.daemon import Daemon, running
from bounced.config import load
from bounced.errors import BouncedError

_log = log.get("app")


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
    stop = asyncio.Event()
    reload = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    async with running(config) as daemon:
        _log.info("ready", addresses=[str(address) for address in daemon.servers.addresses])
        if on_ready:
            on_ready(daemon)
        stopped = asyncio.create_task(stop.wait())
        while not stopped.done():
            reloading = asyncio.create_task(reload.wait())
            await asyncio.wait({stopped, reloading}, return_when=asyncio.FIRST_COMPLETED)
            reloading.cancel()
            if reload.is_set():
                reload.clear()
                await _reload(daemon, path)
        _log.info("stopping")
    _log.info("stopped")


async def _reload(daemon: Daemon, path: Path | None) -> None:
    try:
        await daemon.reload(load(path))
    except BouncedError as error:
        _log.error("not_reloaded", error=str(error), consequence="everything stays as it was")
    else:
        _log.info("reloaded")
