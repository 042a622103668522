"""Many messages at once: whatever got 250 arrives, however often the daemon dies meanwhile.

``BOUNCED_LONG=1`` sends ten times as many.
"""

import asyncio
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.daemon.mail import TO, Session, dsn
from tests.daemon.process import Running, Site

COUNT = 5000 if os.environ.get("BOUNCED_LONG") == "1" else 500
SECONDS = COUNT / 10
CONNECTIONS = 20

_log = logging.getLogger(__name__)  # figures for --log-cli-level=info


async def test_every_message_of_a_crowd_of_clients_arrives(daemon, receiver, tmp_path):
    smtp_source = shutil.which("smtp-source", path=f"{os.environ['PATH']}:/usr/sbin")
    if not smtp_source:
        pytest.skip("smtp-source of Postfix is not installed")
    body = tmp_path / "dsn.eml"
    body.write_bytes(dsn("ann@example.com").replace(b"\r\n", b"\n"))
    client = await asyncio.create_subprocess_exec(
        *(smtp_source, "-d", "-s", str(CONNECTIONS), "-m", str(COUNT), "-f", "", "-F", str(body)),
        # All bodies are the same: -N numbers the recipients, which makes them different messages.
        *("-N", "-t", TO, f"127.0.0.1:{daemon.port}"),
    )
    assert await asyncio.wait_for(client.wait(), SECONDS) == 0  # it ends with 1 if any reply is not positive
    events = await receiver.until_events(COUNT, seconds=SECONDS)
    assert len({event["data"]["message"]["id"] for event in events}) == COUNT
    assert await daemon.stop() == 0
    assert (len(receiver.bodies), receiver.requests, receiver.forged) == (COUNT, COUNT, 0)


class Crowd:
    """Clients that share a number of messages, and send each until they have heard 250."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._changed = asyncio.Condition()
        self._daemon: Running | None = None
        self.taken: dict[str, str] = {}
        self.lost_connections = 0

    async def send_all(self, recipients: Iterator[str]) -> None:
        async with asyncio.TaskGroup() as clients:
            for _ in range(CONNECTIONS):
                clients.create_task(self._send_some(recipients))

    async def _send_some(self, recipients: Iterator[str]) -> None:
        recipient = next(recipients, None)
        while recipient:
            async with self._changed:
                await self._changed.wait_for(lambda: self._daemon)
            with suppress(ConnectionError):
                async with await Session.open(self._daemon.port) as session:
                    while recipient:
                        reply = await session.send(dsn(recipient))
                        assert reply.startswith("250 "), reply
                        async with self._changed:
                            self.taken[recipient] = reply.split()[-1]
                            self._changed.notify_all()
                        recipient = next(recipients, None)
            self.lost_connections += recipient is not None

    async def start(self) -> None:
        daemon = await self._site.start()
        async with self._changed:
            self._daemon = daemon
            self._changed.notify_all()

    async def kill_when_taken(self, count: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.taken) >= count)
            daemon, self._daemon = self._daemon, None
        await daemon.kill()


@pytest.mark.parametrize(("database", "kills"), [("sqlite", 5), ("postgresql", 5 if COUNT > 500 else 2)])
async def test_nothing_that_got_250_is_lost_by_kill_9(make_site, receiver, database, kills, request):
    urls = {"url": request.getfixturevalue("postgresql_url")} if database == "postgresql" else {}
    crowd = Crowd(make_site(receiver.sink(), **urls))
    recipients = [f"user{number}@example.com" for number in range(COUNT)]
    await crowd.start()
    async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as tasks:
        tasks.create_task(crowd.send_all(iter(recipients)))
        for number in range(1, kills + 1):
            await crowd.kill_when_taken(COUNT * number // (kills + 1))
            await crowd.start()
    await receiver.until(lambda: len(receiver.bodies) >= COUNT, seconds=SECONDS)
    told = {event["data"]["recipient"]: event["data"]["message"]["id"] for event in receiver.events}
    assert told == crowd.taken
    assert len(receiver.bodies) == COUNT  # one event id for each, however often it came
    assert all(len(set(bodies)) == 1 for bodies in receiver.bodies.values())
    assert crowd.lost_connections >= kills
    assert receiver.forged == 0
    _log.info("%d connections lost, %d requests for %d events", crowd.lost_connections, receiver.requests, COUNT)
