"""Many messages at once: whatever got 250 arrives, however often the daemon dies meanwhile.

``BOUNCED_LONG=1`` sends ten times as many, and kills fifty times.
"""

import asyncio
import itertools
import logging
import os
import random
import shutil
from collections.abc import Iterator
from contextlib import suppress
from signal import SIGKILL

import pytest

from tests.daemon.mail import TO, Session, dsn
from tests.daemon.process import Running, Site

IS_LONG = os.environ.get("BOUNCED_LONG") == "1"
COUNT, KILLS = (5000, 50) if IS_LONG else (500, 5)
SECONDS = COUNT / 10
AT_HAND = 512  # how many messages are in memory; the rest waits in the store
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

    async def until_taken(self, count: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.taken) >= count)

    async def lose_daemon(self) -> Running:
        """Return the daemon that runs, and let nobody talk to it any more."""
        async with self._changed:
            daemon, self._daemon = self._daemon, None
        return daemon


@pytest.mark.parametrize(("database", "kills"), [("sqlite", KILLS), ("postgresql", KILLS if IS_LONG else 2)])
async def test_nothing_that_got_250_is_lost_by_kill_9(make_site, receiver, database, kills, request):
    urls = {"url": request.getfixturevalue("postgresql_url")} if database == "postgresql" else {}
    crowd = Crowd(make_site(receiver.sink(), **urls))
    recipients = [f"user{number}@example.com" for number in range(COUNT)]
    await crowd.start()
    async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as tasks:
        tasks.create_task(crowd.send_all(iter(recipients)))
        for count in sorted(random.sample(range(1, COUNT - CONNECTIONS), kills)):
            await crowd.until_taken(count)
            await (await crowd.lose_daemon()).kill()
            await crowd.start()
    await receiver.until(lambda: len(receiver.bodies) >= COUNT, seconds=SECONDS)
    assert receiver.told == crowd.taken
    assert len(receiver.bodies) == COUNT  # one event id for each, however often it came
    assert all(len(set(bodies)) == 1 for bodies in receiver.bodies.values())
    assert crowd.lost_connections > 0
    assert receiver.forged == 0
    _log.info("%d connections lost, %d requests for %d events", crowd.lost_connections, receiver.requests, COUNT)


async def test_a_daemon_that_is_stopped_has_told_all_that_it_had_at_hand(site, receiver):
    crowd = Crowd(site)
    await crowd.start()
    sending = asyncio.create_task(crowd.send_all(f"user{number}@example.com" for number in itertools.count()))
    await crowd.until_taken(AT_HAND // 2)
    daemon = await crowd.lose_daemon()
    assert await daemon.stop() == 0
    sending.cancel()
    assert receiver.told.items() >= crowd.taken.items()
    assert not daemon.logged("stopped_with_work_left")
    assert receiver.requests == len(receiver.bodies)


async def test_what_a_stopped_daemon_had_no_room_for_is_told_by_the_next(site, receiver):
    crowd = Crowd(site)
    await crowd.start()
    sending = asyncio.create_task(crowd.send_all(f"user{number}@example.com" for number in itertools.count()))
    await crowd.until_taken(AT_HAND * 3)
    assert await (await crowd.lose_daemon()).stop() == 0
    sending.cancel()
    await crowd.start()
    wanted = crowd.taken  # there may be more: those whose 250 nobody heard any more
    await receiver.until(
        lambda: len(receiver.bodies) >= len(wanted) and receiver.told.items() >= wanted.items(), seconds=SECONDS
    )
    assert receiver.requests == len(receiver.bodies)


async def test_a_reading_process_that_is_killed_loses_and_repeats_nothing(site, receiver):
    crowd = Crowd(site)
    await crowd.start()
    async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as tasks:
        tasks.create_task(crowd.send_all(f"user{number}@example.com" for number in range(COUNT)))
        for number in range(1, 4):
            await crowd.until_taken(COUNT * number // 5)
            os.kill(await site.started[-1].until_reading(), SIGKILL)
    await receiver.until(lambda: len(receiver.bodies) >= COUNT, seconds=SECONDS)
    assert receiver.recipients == set(crowd.taken)
    assert receiver.requests == len(receiver.bodies) == COUNT
    assert {event["type"] for event in receiver.events} == {"bounced.bounce"}
    assert len(site.started) == 1
