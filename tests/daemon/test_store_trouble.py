"""When the store cannot be written, nobody hears 250; and two daemons never share a file."""

import os
import sqlite3

from tests.daemon.mail import Session, dsn, send


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


async def test_a_database_that_is_damaged_is_named_and_left_as_it_is(site):
    daemon = await site.start()
    await send(daemon.port, dsn())
    await daemon.stop()
    database = site.folder / "data" / "bounced.db"
    damaged = b"\xff" * 4096 + database.read_bytes()[4096:]
    database.write_bytes(damaged)
    again = await site.launch()
    assert await again.ended() == 1
    said = "".join(again.other_lines)
    assert f"store.url: {database}: file is not a database: restore a backup" in said
    assert "Traceback" not in said
    assert database.read_bytes() == damaged


async def test_a_database_that_may_not_be_written_is_named_and_left_as_it_is(site):
    daemon = await site.start()
    await send(daemon.port, dsn())
    await daemon.stop()
    database = site.folder / "data" / "bounced.db"
    before = database.read_bytes()
    database.chmod(0o400)
    powerless = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
    again = await site.launch(through=powerless)
    assert await again.ended() == 1
    said = "".join(again.other_lines)
    assert f"store.url: {database}: attempt to write a readonly database: let the user" in said
    assert "Traceback" not in said
    assert database.read_bytes() == before
