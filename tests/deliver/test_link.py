"""One connection for all that want it."""

import asyncio

import pytest

from bounced.deliver.link import Link


class Switchboard:
    """Makes connections, which are numbers, unless it is out of order."""

    def __init__(self):
        self.made = self.tried = 0
        self.ended = []
        self.is_working = True

    async def connect(self):
        self.tried += 1
        await asyncio.sleep(0)
        if not self.is_working:
            raise OSError
        self.made += 1
        return self.made

    async def disconnect(self, connection):
        self.ended.append(connection)


@pytest.fixture
def switchboard():
    return Switchboard()


@pytest.fixture
def link(switchboard):
    return Link(switchboard.connect, switchboard.disconnect)


async def test_nothing_connects_before_it_is_needed(link, switchboard):
    await link.close()
    assert switchboard.tried == 0


async def test_all_get_the_same_connection(link, switchboard):
    assert await asyncio.gather(link.get(), link.get(), link.get()) == [1, 1, 1]


async def test_a_connection_that_was_dropped_is_made_again_once(link, switchboard):
    first = await link.get()
    await asyncio.gather(link.drop(first), link.drop(first))
    assert await asyncio.gather(link.get(), link.get()) == [2, 2]
    await link.drop(first)
    assert await link.get() == 2
    assert switchboard.ended == [1]


async def test_after_a_failure_the_next_attempt_works(link, switchboard):
    switchboard.is_working = False
    for _ in range(2):
        with pytest.raises(OSError):  # noqa: PT011 - the error of `connect` has no text
            await link.get()
    switchboard.is_working = True
    assert await link.get() == 1


async def test_many_that_want_a_connection_do_not_storm_a_broker_that_is_away(link, switchboard, monkeypatch):
    monkeypatch.setattr("bounced.deliver.link._FIRST_PAUSE_SECONDS", 5)  # what follows takes less
    switchboard.is_working = False
    with pytest.raises(OSError):  # noqa: PT011 - the error of `connect` has no text
        await link.get()
    asking = [asyncio.create_task(link.get()) for _ in range(100)]
    for _ in range(100):
        await asyncio.sleep(0)
    assert switchboard.tried == 1
    for task in asking:
        task.cancel()


async def test_who_gives_up_leaves_the_connection_to_the_others(link, switchboard):
    impatient = asyncio.create_task(link.get())
    patient = asyncio.create_task(link.get())
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == 1


async def test_a_connection_that_does_not_end_is_left_alone(switchboard, monkeypatch):
    monkeypatch.setattr("bounced.deliver.link._CLOSE_SECONDS", 0.01)

    async def never(_connection):
        await asyncio.Event().wait()

    link = Link(switchboard.connect, never)
    await link.get()
    async with asyncio.timeout(5):
        await link.close()
