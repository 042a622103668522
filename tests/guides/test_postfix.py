"""docs/postfix.md, with the real Postfix."""

import json
import shutil

import pytest

from tests.guides.conftest import STORE
from tests.guides.host import read_blocks

BLOCKS = read_blocks("postfix")
BASE = """
compatibility_level = 3.6
myhostname = mail.example.com
mydestination = example.com
inet_interfaces = loopback-only
inet_protocols = ipv4
maillog_file = /var/log/postfix.log
smtp_host_lookup = native
smtp_balance_inet_protocols = no
"""
ELSEWHERE = "example.net smtp:[127.0.0.2]\n"
ADDRESS, DOMAIN = "bounces+november@example.com", "news-1@bounces.example.com"


class Postfix:
    def __init__(self, host):
        self.host = host

    async def start(self, *, main, transport, master, config):
        """Install what the blocks of the guide say, and start Postfix."""
        if not shutil.which("postfix", path="/usr/sbin"):
            pytest.skip("Postfix is missing (Debian: postfix)")
        write = self.host.write
        write("/etc/postfix/main.cf", BASE + "".join(BLOCKS[f"main.cf, {name}"] for name in main))
        write("/etc/postfix/transport", ELSEWHERE + transport)
        services = self.host.path("/etc/postfix/master.cf.proto").read_text()
        write("/etc/postfix/master.cf", f"{services}\n{BLOCKS[f'master.cf, {master}']}")
        write("/etc/bounced/bounced.toml", config + STORE)
        await self.host.start_python("refusing_mx.py")
        await self.host.do("postfix", "start")
        await self.host.until_listening(25)

    async def send(self, sender, recipient, *options):
        await self.host.python("send.py", sender, recipient, *options)

    async def until_queued(self, why):
        """Wait until mail is put off for this reason."""
        [line] = (await self.host.until_said(why, "postqueue", "-j")).splitlines()
        queued = json.loads(line)
        assert queued["sender"] in {"MAILER-DAEMON", ""}

    @property
    def log(self):
        return self.host.path("/var/log/postfix.log").read_text()


@pytest.fixture
async def postfix(make_host):
    async with make_host() as host:
        yield Postfix(host)


async def test_an_address_over_smtp(postfix, failed_at_example_net):
    await postfix.start(
        main=["address"],
        transport=BLOCKS["transport, address"],
        master="smtp",
        config=BLOCKS["bounced.toml, smtp"],
    )
    daemon = await postfix.host.start_daemon()
    await postfix.send(ADDRESS, "nobody@example.net")
    event = await daemon.next_event()
    failed_at_example_net(event, "nobody@example.net")
    assert event["data"]["message"]["id"] in postfix.log
    # From elsewhere: taken for the return path, refused for who does not exist.
    await postfix.send("", ADDRESS)
    assert (await daemon.next_event())["data"]["recipient"] == "ann@example.com"
    with pytest.raises(AssertionError, match="User unknown in local recipient table"):
        await postfix.send("", "ghost@example.com")


async def test_a_domain_over_lmtp_through_the_socket_unit(postfix, failed_at_example_net):
    await postfix.start(
        main=["domain"],
        transport=BLOCKS["transport, domain"],
        master="lmtp",
        config=BLOCKS["bounced.toml, lmtp"],
    )
    daemon = await postfix.host.start_daemon("bounced-lmtp.socket")
    await postfix.send(DOMAIN, "nobody@example.net")
    failed_at_example_net(await daemon.next_event(), "nobody@example.net")
    await postfix.send("", DOMAIN)
    assert (await daemon.next_event())["data"]["recipient"] == "ann@example.com"


async def test_a_bounce_waits_in_the_queue_while_the_daemon_is_down(postfix, failed_at_example_net):
    await postfix.start(
        main=["address"],
        transport=BLOCKS["transport, address"],
        master="smtp",
        config=BLOCKS["bounced.toml, smtp"],
    )
    await postfix.send(ADDRESS, "nobody@example.net")
    await postfix.until_queued("Connection refused")
    daemon = await postfix.host.start_daemon()
    await postfix.host.do("postqueue", "-f")
    failed_at_example_net(await daemon.next_event(), "nobody@example.net")


async def test_a_pipe_waits_until_the_store_and_the_configuration_are_well(postfix, failed_at_example_net):
    await postfix.start(
        main=["address"], transport="bounces@example.com bounces:\n", master="pipe", config="[recieve]\n"
    )
    await postfix.send("bounces+nobody=example.net@example.com", "nobody@example.net")
    await postfix.until_queued("local configuration error")  # exit status 78
    assert "SOFTBOUNCE" in postfix.log
    config = BLOCKS["bounced.toml, smtp"] + STORE
    postfix.host.write("/etc/bounced/bounced.toml", config.replace("/var/lib/bounced", "/nowhere"))
    await postfix.host.do("postqueue", "-f")
    await postfix.until_queued("the store cannot be written")  # exit status 75
    postfix.host.write("/etc/bounced/bounced.toml", config)
    daemon = await postfix.host.start_daemon()
    await postfix.host.do("postqueue", "-f")
    event = await daemon.next_event()
    failed_at_example_net(event, "nobody@example.net")
    assert event["data"]["verp"]["form"] == "postfix"  # the address that the mail came to was passed on


async def test_return_paths_that_postfix_makes(postfix, failed_at_example_net):
    await postfix.start(
        main=["address", "verp"],
        transport=BLOCKS["transport, address"],
        master="smtp",
        config=BLOCKS["bounced.toml, smtp"],
    )
    daemon = await postfix.host.start_daemon()
    await postfix.send("bounces@example.com", "nobody@example.net", "XVERP")
    event = await daemon.next_event()
    failed_at_example_net(event, "nobody@example.net")
    assert (event["data"]["verp"]["form"], event["data"]["verp"]["verified"]) == ("postfix", False)
