"""docs/operations.md: what is backed up while the daemon runs can be restored."""

import json
import os
import subprocess
import uuid
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.conftest import POSTGRES
from tests.daemon.mail import dsn, send
from tests.daemon.process import Site
from tests.daemon.receiver import Receiver
from tests.guides.host import read_blocks

BLOCKS = read_blocks("operations")
CONFIG = """
[receive]
hostname = "mail.example.com"
listen = ["smtp+fd://smtp"]
[store]
url = "sqlite:////var/lib/bounced/bounced.db"
[admin]
listen = ""
"""


async def test_sqlite(make_host):
    async with make_host() as host:
        host.write("/etc/bounced/bounced.toml", CONFIG)
        daemon = await host.start_daemon("bounced.socket")
        await host.python("send.py", "", "bounces@example.com")
        first = (await daemon.next_event())["data"]["recipient"]
        await host.do("mkdir", "-p", "/var/backups")
        await host.do("bash", "-ec", BLOCKS["backup, sqlite"])
        await host.python("send.py", "", "other@example.com")  # the same mail in another envelope is another message
        await daemon.next_event()
        await host.stop_daemon(daemon)
        assert await ask(host, first) == {"hard": 2}
        await host.do("bash", "-ec", BLOCKS["restore, sqlite"])
        assert await ask(host, first) == {"hard": 1}


async def ask(host, recipient):
    """Return how many bounces of a recipient the store knows."""
    as_user = ("setpriv", "--reuid=bounced", "--regid=bounced", "--clear-groups")
    command = ("/opt/bounced/bin/bounced", "recipients", "show", recipient, "--jsonl")
    said = await host.do(*as_user, *command, "--config", "/etc/bounced/bounced.toml")
    return json.loads(said)["counts"]


@pytest.fixture
def database():
    """An empty database of its own, because a dump is of a whole one."""
    name = f"bounced_{uuid.uuid4().hex}"
    try:
        server = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL at {POSTGRES}: {error}")
    with server:
        server.execute(f"CREATE DATABASE {name}")
        yield urlsplit(POSTGRES)._replace(path=f"/{name}").geturl()
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def test_postgresql(database, tmp_path):
    def run(block):
        script = BLOCKS[block].replace("/var/backups", str(tmp_path))
        subprocess.run(["bash", "-ec", script], check=True, env=os.environ | {"DATABASE": database}, timeout=60)

    async with Receiver() as receiver:
        sections = {
            "receive": {"hostname": "mx.test.example", "listen": ["smtp://127.0.0.1:0"]},
            "store": {"url": database},
            "sink": [receiver.sink()],
            "admin": {"listen": ""},
        }
        site = Site(tmp_path, sections)
        daemon = await site.start()
        try:
            await send(daemon.port, dsn("before@example.com"))
            await receiver.until_recipient("before@example.com")
            run("backup, postgresql")
            await send(daemon.port, dsn("after@example.com"))
            await receiver.until_recipient("after@example.com")
            assert await daemon.stop() == 0
            run("restore, postgresql")
            await site.start()
            listed = (await site.run("recipients", "list", "--jsonl")).out
        finally:
            await site.close()
    assert "before@example.com" in listed
    assert "after@example.com" not in listed
