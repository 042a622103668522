"""When the store cannot be written, nobody hears 250; and two daemons never share a file."""

import os
import sqlite3
from contextlib import closing

import pytest

from tests.daemon.mail import Session, dsn, send

PAGE_BYTES = 4096
# SQLite counts changes in it, also those that are undone.
HEADER_BYTES = 100


async def test_a_locked_database_is_a_451_and_nothing_is_lost(daemon, site, receiver):
    await send(daemon.port, dsn("before@example.com"))
    await receiver.until_recipient("before@example.com")
    other = sqlite3.connect(site.folder / "data" / "bounced.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    async with await Session.open(daemon.port) as session:
        assert (await session.send(dsn("ann@example.com"))).startswith("451 4.3.0")
        other.execute("ROLLBACK")
        other.close()
        assert (await session.send(dsn("ann@example.com"))).startswith("250 ")
    await receiver.until_recipient("ann@example.com")
    assert len(receiver.bodies) == 2
    assert daemon.logged("storage_failed")
    assert daemon.logged("storage_recovered")


async def test_a_second_daemon_on_the_same_file_says_so_and_ends(daemon, site, receiver):
    second = await site.launch()
    assert await second.ended() == 1
    assert "another daemon" in "".join(second.other_lines)
    assert "Traceback" not in "".join(second.other_lines)
    await send(daemon.port, dsn())
    await receiver.until_events(1)


async def test_a_port_that_is_taken_is_a_configuration_error(daemon, make_site, receiver, tmp_path):
    site = make_site(receiver.sink(), url=f"sqlite:///{tmp_path}/other.db", listen=[f"smtp://127.0.0.1:{daemon.port}"])
    second = await site.launch()
    assert await second.ended() == 78
    said = "".join(second.other_lines)
    assert "receive.listen" in said
    assert "Traceback" not in said


async def test_what_is_ingested_is_delivered_by_the_running_daemon_once(daemon, site, receiver, tmp_path):
    (tmp_path / "old.eml").write_bytes(dsn("ann@example.com"))
    first = await site.run("ingest", tmp_path / "old.eml")
    assert (first.code, first.out, first.err) == (0, "", "1 new, 0 known already\n")
    await receiver.until_recipient("ann@example.com")
    again = await site.run("ingest", "-", stdin=dsn("ann@example.com"))
    assert (again.code, again.err) == (0, "0 new, 1 known already\n")
    await send(daemon.port, dsn("last@example.com"))
    await receiver.until_recipient("last@example.com")
    assert await daemon.stop() == 0
    assert receiver.requests == 2


async def test_a_pipe_transport_is_told_to_try_again_while_the_database_is_locked(daemon, site):
    other = sqlite3.connect(site.folder / "data" / "bounced.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    refused = await site.run("ingest", stdin=dsn())
    other.close()
    assert refused.code == 75
    assert "the store cannot be written" in refused.err
    assert "Traceback" not in refused.err


@pytest.fixture
async def database(site):
    """The file of a daemon that has taken a message and was stopped."""
    daemon = await site.start()
    await send(daemon.port, dsn())
    await daemon.stop()
    return site.folder / "data" / "bounced.db"


def without_page(database, number):
    """Return what is in the file, with one page, counted from 1, full of ones."""
    octets = database.read_bytes()
    end = number * PAGE_BYTES
    return octets[: end - PAGE_BYTES] + b"\xff" * PAGE_BYTES + octets[end:]


def page_of(database, table):
    with closing(sqlite3.connect(database)) as connection:
        [number] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    return number


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda database: without_page(database, 1), "file is not a database"),
        (
            lambda database: without_page(database, page_of(database, "alembic_version")),
            "database disk image is malformed",
        ),
        (lambda database: database.read_bytes()[: 3 * PAGE_BYTES], "database disk image is malformed"),
        (lambda database: database.read_bytes()[:-PAGE_BYTES], "database disk image is malformed"),
        (lambda database: database.read_bytes()[:1000], "database disk image is malformed"),
    ],
    ids=["first page", "inner page", "first pages only", "last page missing", "less than a page"],
)
async def test_a_database_that_is_damaged_is_named_and_left_as_it_is(site, database, damage, problem):
    damaged = damage(database)
    database.write_bytes(damaged)
    again = await site.launch()
    assert await again.ended() == 1
    said = "".join(again.other_lines)
    assert f"store.url: {database}: {problem}" in said
    assert ": restore a backup" in said
    assert "Traceback" not in said
    left = database.read_bytes()
    assert len(left) == len(damaged)
    assert left[HEADER_BYTES:] == damaged[HEADER_BYTES:]


async def test_mail_that_a_damaged_table_cannot_take_is_a_451(site, database):
    number = page_of(database, "message")
    damaged = without_page(database, number)
    database.write_bytes(damaged)
    again = await site.start()
    async with await Session.open(again.port) as session:
        assert (await session.send(dsn("ann@example.com"))).startswith("451 4.3.0")
    error = (await again.until_logged("storage_failed"))["error"]
    assert error.startswith("database disk image is malformed: restore a backup")
    await again.stop()
    assert "Traceback" not in "".join(again.other_lines)
    assert without_page(database, number) == database.read_bytes()


async def test_a_database_that_may_not_be_written_is_named_and_left_as_it_is(site, database):
    before = database.read_bytes()
    database.chmod(0o400)
    powerless = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
    again = await site.launch(through=powerless)
    assert await again.ended() == 1
    said = "".join(again.other_lines)
    assert f"store.url: {database}: attempt to write a readonly database: let the user" in said
    assert "Traceback" not in said
    assert database.read_bytes() == before
