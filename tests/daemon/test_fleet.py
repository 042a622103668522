"""Several daemons on one PostgreSQL: nothing is lost, nothing counts twice, whoever goes away."""

import asyncio
import json
import logging
import sys
from collections import Counter
from pathlib import Path
from time import perf_counter

import pytest

from tests.daemon.fleet import Clients, Host
from tests.daemon.inherit import reusable_socket
from tests.daemon.mail import dsn
from tests.daemon.process import Site

INHERIT = Path(__file__).with_name("inherit.py")
SECONDS = 120
NAMES = ("mx1", "mx2", "mx3")
RECIPIENTS = [f"user{number}@example.com" for number in range(20)]
BOUNCES = 8
FULL = {"status": "4.2.2", "said": "452 4.2.2 Mailbox full"}

_log = logging.getLogger(__name__)  # figures for --log-cli-level=info


@pytest.fixture
async def make_host(tmp_path, receiver, postgresql_url):
    """Make places for daemons that share a database; a recipient is undeliverable after five soft bounces."""
    made = []

    def make(name, listen):
        folder = tmp_path / name
        folder.mkdir()
        sections = {
            "receive": {
                "hostname": f"{name}.test.example",
                "listen": [listen],
                "recipients": ["bounces.example.com"],
            },
            "store": {"url": postgresql_url, "lease_seconds": 3},
            "escalate": {"bounces": 5, "days": 1},
            "admin": {"listen": ""},
            "sink": [receiver.sink()],
        }
        made.append(Host(Site(folder, sections)))
        return made[-1]

    yield make
    for host in made:
        await host.site.close()


@pytest.fixture
async def hosts(make_host):
    """Three hosts, each with a daemon that runs."""
    made = [make_host(name, "smtp://127.0.0.1:0") for name in NAMES]
    await asyncio.gather(*(host.start() for host in made))
    return made


@pytest.fixture
def mails():
    """Soft bounces, several of each recipient, all different."""
    return [
        dsn(recipient, header=f"X-Number: {number}", **FULL) for number in range(BOUNCES) for recipient in RECIPIENTS
    ]


async def check_outcome(host, clients, receiver, mails):
    """Everything that was taken is told, each event with one wording, and each recipient is escalated once."""
    expected = len(mails) + len(RECIPIENTS)
    await receiver.until_events(expected, seconds=SECONDS)
    assert len(receiver.bodies) == expected
    assert all(len(set(bodies)) == 1 for bodies in receiver.bodies.values())
    bounces = [event["data"]["message"]["id"] for event in receiver.events if event["type"] == "bounced.bounce"]
    assert Counter(bounces) == Counter(clients.taken.values())
    escalated = [event["data"]["recipient"] for event in receiver.events if event["type"] == "bounced.undeliverable"]
    assert sorted(escalated) == sorted(RECIPIENTS)
    listed = (await host.site.run("recipients", "list", "--jsonl")).out.splitlines()
    assert {one["address"]: one["counts"] for one in map(json.loads, listed)} == {
        recipient: {"soft": BOUNCES} for recipient in RECIPIENTS
    }
    assert receiver.forged == 0
    assert clients.refused == []


async def test_three_daemons_share_the_work_and_count_exactly(hosts, receiver, mails):
    clients = Clients(hosts)
    begin = perf_counter()
    async with asyncio.timeout(SECONDS):
        await clients.send_all(mails)
    await check_outcome(hosts[0], clients, receiver, mails)
    _log.info("%d messages through 3 daemons in %.1f s", len(mails), perf_counter() - begin)
    assert clients.deferred == 0
    concluded = {host.name: len(host.daemon.logged("recipient_concluded")) for host in hosts}
    assert sum(concluded.values()) == len(mails)
    assert min(concluded.values()) > 0
    assert len({event["source"] for event in receiver.events}) == len(hosts)


async def test_the_others_take_over_the_work_of_one_that_is_killed(hosts, receiver, mails):
    clients, (killed, *others) = Clients(hosts), hosts
    receiver.hang()  # so that there is work to take over
    async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as tasks:
        tasks.create_task(clients.send_all(mails))
        await clients.until_taken(len(mails) // 2)
        await receiver.until(lambda: f"/bounced/{killed.name}" in receiver.sources)
        await killed.kill()
        begin = perf_counter()
        receiver.answer_again()
    await check_outcome(others[0], clients, receiver, mails)
    _log.info("all told %.1f s after kill -9, with leases of 3 s", perf_counter() - begin)
    assert clients.deferred == 0
    backlog = (await others[0].site.run("deliveries", "list", "--state", "pending", "--jsonl")).out
    assert backlog == ""


async def test_a_rolling_restart_defers_nothing(hosts, receiver, mails):
    clients = Clients(hosts)
    async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as tasks:
        tasks.create_task(clients.send_all(mails, connections=4))
        for number, host in enumerate(hosts, start=1):
            await clients.until_taken(len(mails) * number // 5)
            await host.restart()
    await check_outcome(hosts[0], clients, receiver, mails)
    assert clients.deferred == 0
    assert not [host.name for host in hosts if host.daemon.logged("stopped_with_work_left")]


async def test_two_daemons_share_one_port_while_one_of_them_restarts(make_host, receiver, mails):
    with reusable_socket(0) as first, reusable_socket(first.getsockname()[1]) as second:
        pair = [make_host(name, "smtp+fd://smtp") for name in ("a", "b")]
        for host, listener in zip(pair, (first, second), strict=True):
            number = listener.fileno()
            host.options = {
                "through": (sys.executable, str(INHERIT), "smtp", str(number), "--"),
                "descriptors": (number,),
            }
            await host.start()
        assert pair[0].daemon.port == pair[1].daemon.port
        clients = Clients(pair)
        async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as tasks:
            tasks.create_task(clients.send_all(mails))
            await clients.until_taken(len(mails) // 3)
            await pair[0].restart()
        await check_outcome(pair[1], clients, receiver, mails)
        assert len({event["source"] for event in receiver.events}) == len(pair)
