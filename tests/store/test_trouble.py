"""The storage fails: whoever waits is told, nothing is half done, and it goes on by itself."""

import asyncio
import shutil
import sqlite3
import threading
from pathlib import Path

import psycopg
import pytest
import structlog
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, OperationalError

from bounced.errors import StoreError, StoreFullError
from bounced.store import writer
from bounced.store.trouble import is_storage_trouble, store_error


def file_of(sqlite_url):
    return sqlite_url.removeprefix("sqlite:///").partition("?")[0]


async def offer(store, messages):
    return await asyncio.gather(*(store.accept(each, lease=False) for each in messages), return_exceptions=True)


async def test_a_locked_database_fails_all_that_wait_until_it_is_free(sqlite_url, open_store, make_message):
    store = await open_store(sqlite_url)
    other = sqlite3.connect(file_of(sqlite_url), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with structlog.testing.capture_logs() as logs:
        answers = await offer(store, [make_message(number) for number in range(5)])
        assert [type(answer) for answer in answers] == [StoreError] * 5
        assert (await store.count_backlog()).messages == 0
        other.rollback()
        other.close()
        assert await offer(store, [make_message(number) for number in range(5)]) == [True] * 5
    assert [line["event"] for line in logs] == ["storage_failed", "storage_recovered"]


@pytest.mark.parametrize("part", ["", "-wal"])
async def test_nothing_is_kept_in_a_file_that_has_lost_its_name(sqlite_url, open_store, make_message, part):
    store = await open_store(sqlite_url)
    assert await offer(store, [make_message(1)]) == [True]
    file = Path(file_of(sqlite_url) + part)
    away = file.with_name("away")
    for change in (lambda: file.rename(away), file.touch):
        change()
        [answer] = await offer(store, [make_message(2)])
        assert str(answer).startswith(f"{file} was removed or replaced")
    shutil.move(away, file)
    assert await offer(store, [make_message(2)]) == [True]


async def test_a_full_disk_is_said_and_survived_by_sqlite(sqlite_url, open_store, make_message, listen):
    store = await open_store(sqlite_url)
    max_pages = 1
    listen("begin", lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count = {max_pages}"))
    [answer] = await offer(store, [make_message(raw=b"x" * 100_000)])
    assert isinstance(answer, StoreFullError)
    max_pages = 1_000_000
    assert await offer(store, [make_message(raw=b"x" * 100_000)]) == [True]


async def test_a_full_disk_is_said_and_survived_by_postgresql(postgresql_url, open_store, make_message):
    store = await open_store(postgresql_url)
    with psycopg.connect(postgresql_url, autocommit=True) as other:
        other.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END $$"
        )
        other.execute("CREATE TRIGGER full_disk BEFORE INSERT ON content FOR EACH ROW EXECUTE FUNCTION refuse()")
        answers = await offer(store, [make_message(number) for number in range(3)])
        assert [type(answer) for answer in answers] == [StoreFullError] * 3
        other.execute("DROP TRIGGER full_disk ON content")
    assert await offer(store, [make_message(number) for number in range(3)]) == [True] * 3


async def test_a_lost_connection_is_made_again(postgresql_url, open_store, make_message):
    store = await open_store(postgresql_url)
    await store.accept(make_message(1), lease=False)
    await store.count_backlog()
    with psycopg.connect(postgresql_url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid()"
        )
        [answer] = await offer(store, [make_message(2)])
    assert isinstance(answer, StoreError)
    assert await offer(store, [make_message(2)]) == [True]
    with pytest.raises(StoreError):
        await store.count_backlog()
    assert (await store.count_backlog()).messages == 2


async def test_a_server_that_takes_no_more_writes_is_left_for_its_successor(
    postgresql_url, open_store, make_message, listen
):
    store = await open_store(postgresql_url)
    demotion = ["SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"]
    listen("begin", lambda connection: demotion and connection.exec_driver_sql(demotion.pop()))
    assert await offer(store, [make_message(1)]) == [True]  # the next transaction is the first that may not write
    [answer] = await offer(store, [make_message(2)])
    assert "read-only transaction" in str(answer)
    assert await offer(store, [make_message(2)]) == [True]


async def test_one_mail_that_cannot_be_stored_does_not_stop_the_others(postgresql_url, open_store, make_message):
    store = await open_store(postgresql_url)
    with psycopg.connect(postgresql_url, autocommit=True) as other:
        other.execute("ALTER TABLE message ADD CHECK (size <> 13)")
    messages = [make_message(number) for number in range(50)]
    messages[20] = make_message(raw=b"x" * 13)
    answers = await offer(store, messages)
    assert isinstance(answers.pop(20), StoreError)
    assert answers == [True] * 49


async def test_a_mistake_in_one_operation_is_told_to_its_caller_alone(sqlite_url, open_store, make_message, clock):
    store = await open_store(sqlite_url)
    with structlog.testing.capture_logs() as logs:
        failed, accepted = await asyncio.gather(
            store.retry_deliveries(since=clock.now.replace(tzinfo=None)),
            store.accept(make_message(), lease=False),
            return_exceptions=True,
        )
    assert isinstance(failed, StoreError)
    assert accepted is True
    assert [line["event"] for line in logs] == ["operation_failed"]


async def test_a_group_is_bounded_in_bytes(sqlite_url, open_store, make_message, listen, monkeypatch):
    monkeypatch.setattr(writer, "_MAX_GROUP_BYTES", 1000)
    store = await open_store(sqlite_url)
    commits = []
    listen("commit", commits.append)
    assert await offer(store, [make_message(number, raw=b"x" * 400) for number in range(10)]) == [True] * 10
    assert len(commits) >= 5


async def test_more_than_may_wait_is_refused(sqlite_url, open_store, make_message, monkeypatch):
    monkeypatch.setattr(writer, "_MAX_WAITING_BYTES", 1000)
    store = await open_store(sqlite_url)
    other = sqlite3.connect(file_of(sqlite_url), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    answers = await offer(store, [make_message(number, raw=b"x" * 400) for number in range(9)])
    locked = "database is locked: let the process that holds it come to an end"
    assert {str(answer) for answer in answers} == {locked, "more waits to be written than may wait"}
    other.close()
    assert await offer(store, [make_message(raw=b"x" * 5000)]) == [True]


async def test_when_the_thread_dies_every_call_fails_instead_of_hanging(
    sqlite_url, open_store, make_message, listen, monkeypatch
):
    def die(_connection):
        raise SystemExit

    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    store = await open_store(sqlite_url)
    listen("begin", die)
    for _ in range(2):
        answers = await offer(store, [make_message(number) for number in range(3)])
        assert [type(answer) for answer in answers] == [StoreError] * 3
    await store.close()


class PostgresError(Exception):
    def __init__(self, sqlstate):
        super().__init__("words\nDETAIL:  Failing row contains (ann@example.com)")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("error", "is_trouble", "class_"),
    [
        (OperationalError("", {}, PostgresError("53100")), True, StoreFullError),
        (OperationalError("", {}, PostgresError("57P01")), True, StoreError),
        (OperationalError("", {}, PostgresError(None)), True, StoreError),
        (OperationalError("", {}, PostgresError("54000")), False, StoreError),
        (DatabaseError("", {}, sqlite3.DatabaseError("database disk image is malformed")), True, StoreError),
        (IntegrityError("", {}, PostgresError("23503")), False, StoreError),
        (DataError("", {}, PostgresError("22021")), False, StoreError),
        (KeyError(), False, StoreError),
    ],
)
def test_trouble_of_the_storage_is_told_from_the_fault_of_one(error, is_trouble, class_):
    assert is_storage_trouble(error) is is_trouble
    told = store_error(error)
    assert type(told) is class_
    assert "ann@example.com" not in str(told)
    assert str(told)
