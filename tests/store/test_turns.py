"""Whose turn it is to be written."""

import asyncio
import threading

import pytest
from sqlalchemy import create_engine

from bounced.store.writer import Writer

CROWD = 10


@pytest.fixture
async def writer(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'any.db'}")
    writer = Writer(engine)
    yield writer
    await writer.close()
    engine.dispose()


class Desk:
    """Two kinds of work that are noted in the order in which they are done."""

    def __init__(self):
        self.done = []
        self.may_go_on = threading.Event()

    def accept(self, _connection, names):
        self.done.append(("accept", *names))
        return [None] * len(names)

    def conclude(self, _connection, names):
        self.done.append(("conclude", *names))
        return [None] * len(names)

    def hold_up(self, _connection, names):
        assert self.may_go_on.wait(30)
        return [None] * len(names)


async def test_what_clients_wait_for_goes_before_what_came_earlier_where_it_comes_in_a_crowd(writer):
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(writer.run(desk.hold_up, "door"))
        await asyncio.sleep(0)  # its turn has come
        tasks.create_task(writer.run_all(desk.conclude, ["one", "two"]))
        await asyncio.sleep(0)
        for number in range(CROWD):
            tasks.create_task(writer.run(desk.accept, number, is_urgent=True))
        await asyncio.sleep(0)
        desk.may_go_on.set()
    assert desk.done == [("accept", *range(CROWD)), ("conclude", "one", "two")]


async def test_a_lone_message_holds_up_nothing(writer):
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(writer.run(desk.hold_up, "door"))
        await asyncio.sleep(0)
        tasks.create_task(writer.run(desk.accept, "mail", is_urgent=True))
        tasks.create_task(writer.run(desk.conclude, "one"))
        await asyncio.sleep(0)
        desk.may_go_on.set()
    assert sorted(desk.done) == [("accept", "mail"), ("conclude", "one")]


async def test_a_crowd_that_never_ends_starves_nobody(writer):
    desk, is_over = Desk(), asyncio.Event()

    async def bring(number):
        while not is_over.is_set():
            await writer.run(desk.accept, number, is_urgent=True)

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        for number in range(4 * CROWD):
            tasks.create_task(bring(number))
        for _ in range(3):
            await writer.run(desk.conclude, "one")
        is_over.set()
    assert desk.done.count(("conclude", "one")) == 3
