"""docs/mx.md: port 25 opened by the socket unit, and the certificate that certbot hands over."""

import shutil

import pytest

from tests.guides.conftest import STORE
from tests.guides.host import read_blocks

BLOCKS = read_blocks("mx")
HOOK = "/usr/local/sbin/bounced-certificate"
LINEAGE = "/etc/letsencrypt/live/mx1.example.com"
# What systemd does for the unit that runs.
SYSTEMCTL = '#!/bin/sh\n[ "$*" = "try-reload-or-restart bounced" ] || exit 1\n[ ! -e /run/bounced.pid ] || '
SYSTEMCTL += "kill -HUP $(cat /run/bounced.pid)\n"


@pytest.fixture
async def host(make_host):
    if not shutil.which("openssl"):
        pytest.skip("openssl is missing")
    async with make_host() as host:
        host.write("/etc/bounced/bounced.toml", BLOCKS["bounced.toml"] + STORE)
        host.write(HOOK, BLOCKS["bounced-certificate"])
        host.write("/usr/local/sbin/systemctl", SYSTEMCTL)
        await host.do("chmod", "755", HOOK, "/usr/local/sbin/systemctl")
        yield host


async def renew(host, serial):
    """Do what certbot does: write a new certificate and its key, and run the hook."""
    await host.do("mkdir", "-p", LINEAGE)
    files = ("-keyout", f"{LINEAGE}/privkey.pem", "-out", f"{LINEAGE}/fullchain.pem")
    about = ("-subj", "/CN=mx1.example.com", "-days", "2", "-set_serial", serial)
    await host.do(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", *about, *files
    )
    path = "PATH=/usr/local/sbin:/usr/sbin:/usr/bin"
    await host.do("env", path, f"RENEWED_LINEAGE={LINEAGE}", "RENEWED_DOMAINS=mx1.example.com", HOOK)


async def test_the_world_reaches_port_25_with_the_certificate_in_force(host):
    await renew(host, "1001")
    daemon = await host.start_daemon("bounced.socket")
    assert int(await host.python("starttls.py", "news-1@bounces.example.com"), 16) == 1001
    assert (await daemon.next_event())["data"]["recipient"] == "ann@example.com"
    await renew(host, "1002")
    await daemon.until_logged("reloaded")
    assert int(await host.python("starttls.py", "postmaster"), 16) == 1002


async def test_nobody_else_gets_mail_there(host):
    await renew(host, "1001")
    await host.start_daemon("bounced.socket")
    with pytest.raises(AssertionError, match="550"):
        await host.python("starttls.py", "news@example.com")
