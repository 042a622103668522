import os
import uuid
from contextlib import AsyncExitStack

import psycopg
import pytest

from tests.daemon.process import MakeSite, Site
from tests.daemon.receiver import Receiver

POSTGRES = os.environ.get("BOUNCED_TEST_POSTGRES", "postgresql://root@127.0.0.1:5432/test")


@pytest.fixture
async def make_receiver():
    async with AsyncExitStack() as stack:

        async def make() -> Receiver:
            return await stack.enter_async_context(Receiver())

        yield make


@pytest.fixture
async def receiver(make_receiver):
    return await make_receiver()


@pytest.fixture
async def make_site(tmp_path):
    """Return a function that makes a place to run the daemon; what is started there ends with the test."""
    async with AsyncExitStack() as stack:

        def make(*sinks: dict, url: str = f"sqlite:///{tmp_path}/data/bounced.db?timeout=0.2", **receive) -> Site:
            defaults = {"hostname": "mx.test.example", "listen": ["smtp://127.0.0.1:0"]}
            sections = {
                "receive": defaults | {"recipients": ["bounces.example.com"]} | receive,
                "store": {"url": url},
                "sink": list(sinks),
                "admin": {"listen": "127.0.0.1:0"},
            }
            site = Site(tmp_path, sections)
            stack.push_async_callback(site.close)
            return site

        yield make


@pytest.fixture
def site(make_site: MakeSite, receiver: Receiver) -> Site:
    """A place whose only sink is `receiver`."""
    return make_site(receiver.sink())


@pytest.fixture
async def daemon(site: Site):
    """A daemon whose only sink is `receiver`."""
    return await site.start()


@pytest.fixture
def postgresql_url():
    """A fresh schema, dropped afterwards."""
    try:
        connection = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        if os.environ.get("BOUNCED_REQUIRE_SERVICES") == "1":
            raise
        pytest.skip(f"no PostgreSQL at {POSTGRES}: {error}")
    name = f"bounced_{uuid.uuid4().hex}"
    with connection:
        connection.execute(f"CREATE SCHEMA {name}")
        separator = "&" if "?" in POSTGRES else "?"
        yield f"{POSTGRES}{separator}options=-csearch_path%3D{name}"
        connection.execute(f"DROP SCHEMA {name} CASCADE")
