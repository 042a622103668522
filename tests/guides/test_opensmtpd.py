"""docs/opensmtpd.md, with the real OpenSMTPD."""

import asyncio

import pytest

from tests.guides.conftest import STORE
from tests.guides.host import read_blocks

BLOCKS = read_blocks("opensmtpd")
CONFIGURATION = """
{queue}
listen on 127.0.0.1 port 25 hostname mail.example.com
{action}
action "elsewhere" relay host "smtp://127.0.0.2:25"
{match}
match from local for domain "example.net" action "elsewhere"
"""
ADDRESS, DOMAIN = "bounces+november@example.com", "news-1@bounces.example.com"


@pytest.fixture
async def host(make_host):
    async with make_host("opensmtpd") as host:
        yield host


async def start(host, *, match, action):
    """Install what the blocks of the guide say, and start OpenSMTPD."""
    blocks = {"match": BLOCKS[f"match, {match}"], "action": BLOCKS[f"action, {action}"]}
    host.write("/etc/smtpd.conf", CONFIGURATION.format(**blocks, queue=BLOCKS["queue"]))
    host.write("/etc/bounced/bounced.toml", BLOCKS[f"bounced.toml, {action}"] + STORE)
    await host.do("chown", "root:root", "/etc/smtpd.conf")
    # What the package does when it is installed.
    await host.do("mkdir", "-p", "/var/lib/opensmtpd/empty", "/var/spool/smtpd")
    await host.do("chmod", "711", "/var/spool/smtpd", "/var/lib/opensmtpd/empty")
    await host.do("chgrp", "opensmtpq", "/usr/sbin/smtpctl")
    await host.do("chmod", "g+s", "/usr/sbin/smtpctl")
    await host.start_python("refusing_mx.py")
    await host.start("smtpd", "-d")
    await host.until_listening(25)


async def test_an_address_over_smtp(host, failed_at_example_net):
    await start(host, match="address", action="smtp")
    daemon = await host.start_daemon()
    await host.python("send.py", ADDRESS, "nobody@example.net")
    failed_at_example_net(await daemon.next_event(), "nobody@example.net")
    await host.python("send.py", "", ADDRESS)
    assert (await daemon.next_event())["data"]["recipient"] == "ann@example.com"
    with pytest.raises(AssertionError, match="550"):
        await host.python("send.py", "", "ghost@example.com")


@pytest.mark.parametrize("action", ["lmtp", "socket"])
async def test_a_domain_over_lmtp(host, failed_at_example_net, action):
    await start(host, match="domain", action=action)
    daemon = await host.start_daemon()
    await host.python("send.py", DOMAIN, "nobody@example.net")
    failed_at_example_net(await daemon.next_event(), "nobody@example.net")
    await host.python("send.py", "", DOMAIN)
    assert (await daemon.next_event())["data"]["recipient"] == "ann@example.com"


async def test_a_bounce_waits_in_the_queue_while_the_daemon_is_down(host, failed_at_example_net):
    await start(host, match="address", action="smtp")
    await host.python("send.py", ADDRESS, "nobody@example.net")
    await host.until_said("Network error on destination MXs", "smtpctl", "show", "queue")
    daemon = await host.start_daemon()
    event = asyncio.create_task(daemon.next_event())
    while not event.done():  # it leaves a host that refused alone for a while, whoever asks; the event has a deadline
        await host.do("smtpctl", "schedule", "all")
        await asyncio.wait([event], timeout=2)
    failed_at_example_net(event.result(), "nobody@example.net")
