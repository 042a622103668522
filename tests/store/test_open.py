"""Opening a store: URLs, the one daemon of a file, and the history of the schema."""

import asyncio
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from bounced.errors import ConfigurationError, StoreError
from bounced.store import creation, engine, migrate, upgrade
from bounced.store.schema import metadata

on_both = pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def connection(url):
    inspected = engine.reading_engine(engine.parse_url(url))
    with inspected.connect() as connection:
        yield connection
    inspected.dispose()


@on_both
async def test_the_tables_are_those_the_code_speaks_of(store, connection):
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    assert compare_metadata(context, metadata) == []


@on_both
def test_the_migrations_lead_to_the_same_tables(url, tmp_path):
    made = []
    for way in (partial(creation.create, version=migrate.LATEST), upgrade.upgrade):
        writing = engine.writing_engine(engine.parse_url(url))
        if path := engine.database_path(writing.url):
            engine.create_file(path)
        with writing.connect() as connection:
            way(connection)
            made.append(describe(connection))  # and roll back
        writing.dispose()
    at_once, migrated = made
    assert at_once == migrated


def describe(connection):
    """Return all that is known of the tables, indices and triggers."""
    inspector = sqlalchemy.inspect(connection)
    about = {
        table: (
            {column["name"]: str(column) for column in inspector.get_columns(table)},
            str(inspector.get_pk_constraint(table)),
            sorted(map(str, inspector.get_foreign_keys(table))),
        )
        for table in inspector.get_table_names()
    }
    further = connection.exec_driver_sql(FURTHER[connection.dialect.name])
    return about, sorted(" ".join(" ".join(map(str, row)).split()) for row in further)


FURTHER = {
    "sqlite": """
        SELECT name, wr, '' FROM pragma_table_list UNION SELECT name, '', sql FROM sqlite_master WHERE type <> 'table'
    """,
    "postgresql": """
        SELECT tgname, pg_get_triggerdef(pg_trigger.oid, true), prosrc
        FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid WHERE tgrelid = 'event'::regclass AND NOT tgisinternal
        UNION SELECT indexname, indexdef, '' FROM pg_indexes WHERE schemaname = current_schema
    """,
}


@on_both
async def test_partial_indices_are_the_same_in_both_places(store, connection):
    inspector = sqlalchemy.inspect(connection)
    for table in metadata.tables.values():
        options = f"{connection.dialect.name}_where"
        reflected = {
            index["name"]: str(index.get("dialect_options", {}).get(options, "")).strip("()").replace("::text", "")
            for index in inspector.get_indexes(table.name)
        }
        declared = {
            index.name: str(index.dialect_kwargs[options]).replace(f"{table.name}.", "")
            if index.dialect_kwargs.get(options) is not None
            else ""
            for index in table.indexes
        }
        assert reflected == declared


@on_both
async def test_the_claims_use_their_index(store, connection):
    explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET enable_seqscan = off")
    for query, index in [
        ("SELECT id FROM message WHERE due_at <= '2026-01-01' AND attempts = 0 ORDER BY due_at LIMIT 9", "message_due"),
        ("SELECT 1 FROM delivery WHERE sink = 'a' AND due_at <= '2026-01-01' ORDER BY due_at LIMIT 9", "delivery_due"),
        ("SELECT 1 FROM delivery WHERE state = 'dead' AND sink = 'a' ORDER BY updated_at", "delivery_dead"),
        ("SELECT 1 FROM message WHERE lease_owner = 'a'", "message_leased"),
    ]:
        assert index in str(connection.exec_driver_sql(f"{explain} {query}").all())


@on_both
async def test_stores_that_start_at_once_all_find_the_schema(url, open_store, make_message):
    stores = await asyncio.gather(*(open_store(url, owner=f"owner-{number}") for number in range(5)))
    assert sum([await store.accept(make_message(), lease=False) for store in stores]) == 1


async def test_processes_that_start_at_once_all_find_the_schema(sqlite_url):
    code = f"""
import asyncio
from bounced.store import Store
async def main():
    async with await Store.open({sqlite_url.replace("timeout=0.2", "timeout=5")!r}, owner="x"):
        pass
asyncio.run(main())
"""
    processes = [await asyncio.create_subprocess_exec(sys.executable, "-c", code) for _ in range(4)]
    assert [await process.wait() for process in processes] == [0] * 4


def test_the_version_that_needs_no_migration_is_the_last_one():
    folder = Path(migrate.__file__).parent / "migrations"
    assert ScriptDirectory(folder).get_current_head() == migrate.LATEST


def test_a_start_that_changes_no_table_of_old_imports_no_migrations(tmp_path):
    code = f"""
import asyncio, sys
from bounced.store import Store
async def main():
    async with await Store.open("sqlite:///{tmp_path}/bounced.db", owner="x"):
        print("alembic" in sys.modules)
asyncio.run(main())
"""
    said = [subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(2)]
    assert said == [b"False\n", b"False\n"]


@on_both
async def test_a_database_of_a_newer_version_is_left_alone(url, open_store):
    await (await open_store(url)).close()
    writing = engine.writing_engine(engine.parse_url(url))
    with writing.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    writing.dispose()
    with pytest.raises(ConfigurationError, match="9999"):
        await open_store(url)


async def test_only_one_daemon_runs_on_a_file_while_others_may_put_mail_in(sqlite_url, open_store, make_message):
    daemon = await open_store(sqlite_url, exclusive=True)
    with pytest.raises(StoreError, match=r"another daemon \(pid \d+\)"):
        await open_store(sqlite_url, owner="two", exclusive=True)
    ingest = await open_store(sqlite_url, owner="ingest")
    numbers = range(20)
    await asyncio.gather(
        *(ingest.accept(make_message(number), lease=False) for number in numbers),
        *(daemon.accept(make_message(100 + number), lease=True) for number in numbers),
    )
    assert len(await daemon.claim_messages(100)) == 20
    await daemon.close()
    await open_store(sqlite_url, exclusive=True)


@pytest.mark.parametrize(
    "url",
    ["", "no url", "sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true", "mysql://host/name"],
)
def test_what_does_not_keep_is_not_a_store(url):
    with pytest.raises(ConfigurationError):
        engine.parse_url(url)


def test_a_url_may_overrule_how_long_a_silent_server_is_trusted():
    query = engine.parse_url("postgresql://host/name?tcp_user_timeout=1").query
    assert (query["tcp_user_timeout"], query["connect_timeout"]) == ("1", "10")


def test_postgresql_without_its_driver_is_the_operators_to_mend(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError) as caught:
        engine.reading_engine(engine.parse_url("postgresql://host/name"))
    assert caught.value.remedy == "pip install 'bounced[postgres]'"


async def test_a_server_that_is_not_there_is_told_in_one_line(open_store):
    with pytest.raises(StoreError) as caught:
        await open_store("postgresql://nobody@127.0.0.1:1/none")
    assert "\n" not in str(caught.value)


async def test_a_place_that_cannot_be_written_is_named(tmp_path, open_store):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="file"):
        await open_store(f"sqlite:///{tmp_path}/file/bounced.db")
    (tmp_path / "bounced.db.lock").mkdir()
    with pytest.raises(StoreError, match=r"bounced\.db\.lock"):
        await open_store(f"sqlite:///{tmp_path}/bounced.db", exclusive=True)


@on_both
async def test_tables_of_another_program_are_left_alone(url, open_store):
    parsed = engine.parse_url(url)
    if path := engine.database_path(parsed):
        engine.create_file(path)
    writing = engine.writing_engine(parsed)
    with writing.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE message (subject TEXT)")
    with pytest.raises(ConfigurationError, match=r"^store\.url: .* another program: message$"):
        await open_store(url)
    with writing.connect() as connection:
        assert sqlalchemy.inspect(connection).get_table_names() == ["message"]
    writing.dispose()


async def test_a_file_that_is_no_database_is_left_alone(tmp_path, open_store):
    (tmp_path / "letter").write_text("Dear reader, " * 1000)
    with pytest.raises(StoreError, match="not a database"):
        await open_store(f"sqlite:///{tmp_path}/letter")
    assert (tmp_path / "letter").read_text() == "Dear reader, " * 1000
