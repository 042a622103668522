"""The database server goes away in the middle of the work, and comes back."""

import asyncio
import json

import pytest

from tests.daemon.fleet import Clients, Host
from tests.daemon.mail import Session, dsn
from tests.daemon.postgresql import Server, find_binaries

SECONDS = 120
COUNT = 200


@pytest.fixture
async def server():
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("the programs of a PostgreSQL server are not installed")
    made = Server(binaries)
    try:
        await made.create()
        await made.start()
        yield made
    finally:
        await made.close()


async def test_mail_is_put_off_while_the_server_is_away_and_nothing_is_lost(make_site, receiver, server):
    host = Host(make_site(receiver.sink(), url=server.url))
    daemon = await host.start()
    clients = Clients([host])
    mails = [dsn(f"user{number}@example.com") for number in range(COUNT)]
    async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as tasks:
        tasks.create_task(clients.send_all(mails))
        for number in (1, 2):
            await clients.until_taken(COUNT * number // 3)
            receiver.hang()  # so that attempts end while there is nobody to note them
            await server.crash()
            receiver.answer_again()
            async with await Session.open(daemon.port) as session:
                assert (await session.send(dsn("late@example.com"))).startswith("451 4.3.0 ")
            await server.start()
    await receiver.until_events(COUNT, seconds=SECONDS)
    assert clients.refused == []
    assert clients.deferred > 0
    told = {event["data"]["recipient"]: event["data"]["message"]["id"] for event in receiver.events}
    assert told == {f"user{number}@example.com": clients.taken[raw] for number, raw in enumerate(mails)}
    assert all(len(set(bodies)) == 1 for bodies in receiver.bodies.values())
    assert await daemon.stop() == 0
    delivered = (await host.site.run("deliveries", "list", "--state", "delivered", "--limit", "1000", "--jsonl")).out
    assert len({json.loads(line)["event"] for line in delivered.splitlines()}) == COUNT
    assert daemon.logged("storage_failed")
    assert daemon.logged("storage_recovered")
