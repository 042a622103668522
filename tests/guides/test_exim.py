"""docs/exim.md, with the real Exim."""

import pytest

from tests.guides.conftest import STORE
from tests.guides.host import read_blocks

BLOCKS = read_blocks("exim")
CONFIGURATION = """
primary_hostname = mail.example.com
local_interfaces = 127.0.0.1
keep_environment =
domainlist local_domains = example.com
domainlist relay_to_domains = bounces.example.com
log_file_path = /var/log/exim4/%slog
log_selector = +smtp_confirmation
acl_smtp_rcpt = check
acl_smtp_data = take
tls_advertise_hosts =
never_users = root

begin acl
check:
  accept domains = +local_domains : +relay_to_domains
         verify = recipient
  accept hosts = 127.0.0.1
         domains = ! +local_domains
  deny message = unknown here
take:
  accept

begin routers
{router}
elsewhere:
  driver = manualroute
  domains = example.net
  route_list = example.net 127.0.0.2
  transport = remote

begin transports
{transport}
remote:
  driver = smtp

begin retry
{retry}
* * F,2h,15m
"""
LOG = "/var/log/exim4/mainlog"
ADDRESS, DOMAIN = "bounces+november@example.com", "news-1@bounces.example.com"


@pytest.fixture
async def host(make_host):
    async with make_host("exim") as host:
        yield host


async def start(host, *, router, transport):
    """Install what the blocks of the guide say, and start Exim."""
    blocks = {"router": BLOCKS[f"router, {router}"], "transport": BLOCKS[f"transport, {transport}"]}
    host.write("/etc/exim4/exim4.conf", CONFIGURATION.format(**blocks, retry=BLOCKS["retry"]))
    host.write("/etc/bounced/bounced.toml", BLOCKS[f"bounced.toml, {transport}"] + STORE)
    # What the package does when it is installed.
    await host.do("install", "-d", "-o", "Debian-exim", "-g", "Debian-exim", "/var/spool/exim4", "/var/log/exim4")
    await host.start_python("refusing_mx.py")
    await host.start("exim4", "-bdf", "-q5m")
    await host.until_listening(25)


async def test_an_address_over_smtp(host, failed_at_example_net):
    await start(host, router="address", transport="smtp")
    daemon = await host.start_daemon()
    await host.python("send.py", ADDRESS, "nobody@example.net")
    event = await daemon.next_event()
    failed_at_example_net(event, "nobody@example.net")
    await host.python("send.py", "", ADDRESS)
    assert (await daemon.next_event())["data"]["recipient"] == "ann@example.com"
    assert event["data"]["message"]["id"] in await host.do("cat", LOG)
    with pytest.raises(AssertionError, match="550"):
        await host.python("send.py", "", "ghost@example.com")


async def test_a_domain_over_lmtp_through_a_socket(host, failed_at_example_net):
    await start(host, router="domain", transport="lmtp")
    daemon = await host.start_daemon()
    await host.python("send.py", DOMAIN, "nobody@example.net")
    failed_at_example_net(await daemon.next_event(), "nobody@example.net")
    await host.python("send.py", "", DOMAIN)
    assert (await daemon.next_event())["data"]["recipient"] == "ann@example.com"


async def test_a_bounce_waits_in_the_queue_while_the_daemon_is_down(host, failed_at_example_net):
    await start(host, router="address", transport="smtp")
    await host.python("send.py", ADDRESS, "nobody@example.net")
    await host.until_said("Connection refused", "cat", LOG)
    assert "frozen" not in await host.do("exim4", "-bp")
    daemon = await host.start_daemon()
    await host.do("exim4", "-qff")
    failed_at_example_net(await daemon.next_event(), "nobody@example.net")
