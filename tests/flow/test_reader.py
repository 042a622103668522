"""Reading in a process of its own, as the flow sees it."""

import json
import os
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection

import pytest

from bounced.classify import Profile
from bounced.flow.reader import Reader
from bounced.flow.reading import Recipe, read_message
from bounced.identify import VerpSettings
from bounced.model import Envelope, Message
from bounced.pipeline import understand
from tests.daemon.fragile import BAD, ENDLESS, FATAL, FragileRecipe
from tests.daemon.mail import dsn

RULE = """
[[rule]]
name = "mine"
pattern = ["the moon is full"]
reason = "mailbox_full"
source = "a test"
example = "550 the moon is full"
"""


def recipe(**rule_files):
    return Recipe({f"{name}.toml": text for name, text in rule_files.items()}, Profile.RULES, (), VerpSettings())


def message(raw):
    return Message.of(Envelope("", ("bounces@example.com",), datetime(2026, 3, 1, tzinfo=UTC)), raw)


@pytest.fixture
def open_reader():
    def open_(make=None, **options):
        return Reader(make or FragileRecipe(recipe()), source="/bounced/test", **options)

    return open_


def rules_of(readings):
    return [json.loads(one.report)["recipients"][0]["why"]["rule"] for one in readings]


def test_the_process_reads_as_this_one_does(open_reader):
    messages = [message(dsn(f"user{number}@example.com")) for number in range(3)]
    here = [read_message(each, recipe()(), source="/bounced/test") for each in messages]
    with open_reader() as reader:
        assert list(reader.read(messages)) == here
        assert list(reader.read(messages[:1])) == here[:1]


@pytest.mark.parametrize("header", [FATAL, BAD])
def test_only_the_guilty_message_is_not_read(open_reader, header):
    mails = [dsn("ann@example.com"), dsn("poison@example.com", header=header), dsn("ben@example.com")]
    with open_reader() as reader:
        readings = list(reader.read(list(map(message, mails))))
    assert [one and one.events[0].recipient for one in readings] == ["ann@example.com", None, "ben@example.com"]


def test_of_many_that_are_read_together_each_guilty_one_is_found(open_reader):
    mails = [dsn(f"user{number}@example.com", header=FATAL if number in (7, 8, 30) else "") for number in range(40)]
    with open_reader() as reader:
        readings = list(reader.read(list(map(message, mails))))
    assert [number for number, one in enumerate(readings) if one is None] == [7, 8, 30]
    expected = [f"user{number}@example.com" for number in range(40) if number not in (7, 8, 30)]
    assert [one.events[0].recipient for one in readings if one] == expected


def test_a_process_that_ends_right_after_an_answer_leaves_each_reading_with_its_message(open_reader):
    mails = [dsn(f"user{number}@example.com") for number in range(3)]
    with open_reader(LastWords()) as reader:
        readings = list(reader.read(list(map(message, mails))))
    assert [one and one.events[0].recipient for one in readings] == ["user0@example.com", None, "user2@example.com"]


def test_new_rules_hold_for_what_is_read_after_them(open_reader):
    bounce = message(dsn("ann@example.com", said="550 the moon is full"))
    with open_reader(recipe()) as reader:
        before = list(reader.read([bounce]))
        reader.replace(recipe(mine=RULE))
        after = list(reader.read([bounce]))
    assert rules_of(after) == ["mine/mine"]
    assert rules_of(before) != rules_of(after)


def test_a_reader_that_is_closed_gives_up_what_it_is_at(open_reader):
    held_up = [message(dsn("ann@example.com", header=ENDLESS)), message(dsn("ben@example.com"))]
    with open_reader() as reader:
        [first] = reader.read([message(dsn("eve@example.com"))])
        assert first is not None
        closing = threading.Timer(0.1, reader.close)
        closing.start()
        assert list(reader.read(held_up)) == [None, None]
        closing.join()
        assert list(reader.read(held_up)) == [None, None]


def test_the_process_is_told_no_secrets(open_reader, monkeypatch):
    monkeypatch.setenv("BOUNCED_STORE__URL", "postgresql://user:secret@db.example.com/bounced")
    with open_reader(Environment()) as reader:
        [reading] = reader.read([message(b"")])
    names = json.loads(reading.report)["notes"]
    assert "PATH" in names
    assert "BOUNCED_STORE__URL" not in names


class Environment:
    """Makes a reader that says which environment it has."""

    def __call__(self):
        return _tell_environment


def _tell_environment(raw, envelope):
    understanding = understand(raw)
    return replace(understanding, report=replace(understanding.report, notes=tuple(os.environ)))


class LastWords:
    """Makes a reader that takes its time, and a process that ends once the answer to the first message is out."""

    def __call__(self):
        send = Connection.send

        def send_and_end(connection, answers):
            send(connection, answers)
            os._exit(9)

        def understand_slowly(raw, envelope):
            if b"user0@" in raw:
                time.sleep(0.1)
                Connection.send = send_and_end
            return understand(raw)

        return understand_slowly
