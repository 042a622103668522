from contextlib import AsyncExitStack

import pytest

from tests.daemon.process import MakeSite, Site
from tests.daemon.receiver import Receiver


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
