import json
import logging

import pytest
import structlog

from bounced import log
from bounced.visible import make_visible, mask_addresses


@pytest.fixture(autouse=True)
def untouched_logging():
    """Leave the logging of the process as it was found."""
    root = logging.getLogger()
    handlers, level, disabled = root.handlers[:], root.level, root.manager.disable
    logging.disable(logging.NOTSET)
    yield
    root.handlers[:], root.level = handlers, level
    logging.disable(disabled)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def logged(capsys):
    """Say something with a logger configured so, and return what reaches standard error."""

    def logged(event, *, level="info", mask=True, format_="json", **fields):
        log.configure(level=level, format_=format_, mask=mask)
        log.get("parse").warning(event, **fields)
        return capsys.readouterr().err

    return logged


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("ann@example.com", "a***@example.com"),
        ("to <ann@example.com>, b@example.org", "to <a***@example.com>, b***@example.org"),
        ("jürgen@example.com", "j***@example.com"),
        ("bounces+ann=example.com@example.net", "b***@example.net"),
        ("no address @ all", "no address @ all"),
        ("", ""),
    ],
)
def test_addresses_are_masked(text, masked):
    assert mask_addresses(text) == masked


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("two\r\nlines", "two\\x0d\\x0alines"),
        ("\x9b31m", "\\x9b31m"),
        ("right\u202eleft", "right\\x202eleft"),
        ("one\u2028two\u2029three", "one\\x2028two\\x2029three"),
        ("arabic\u061cmark", "arabic\\x61cmark"),
        ("grün 退信", "grün 退信"),
    ],
)
def test_what_moves_a_terminal_is_made_visible(text, visible):
    assert make_visible(text) == visible


def test_a_program_gets_one_json_object_a_line(logged):
    line = logged("message_concluded", rule="codes/911", count=3)
    assert line.count("\n") == 1
    said = json.loads(line)
    assert said.pop("timestamp").endswith("Z")
    assert said == {
        "event": "message_concluded",
        "level": "warning",
        "stage": "parse",
        "rule": "codes/911",
        "count": 3,
    }


def test_a_person_gets_words(logged):
    line = logged("message_concluded", format_="console", rule="codes/911")
    assert "message_concluded" in line
    assert "rule=codes/911" in line
    assert "\x1b" not in line


def test_what_is_no_terminal_gets_json(logged):
    assert json.loads(logged("started", format_="auto"))["event"] == "started"


@pytest.mark.parametrize("format_", ["console", "json"])
def test_strangers_cannot_write_lines_of_their_own(logged, format_):
    line = logged("refused", format_=format_, text="no\n2026 all is well\x1b[2J")
    assert line.count("\n") == 1
    assert "\x1b" not in line


def test_every_field_is_masked_however_deep(logged):
    said = json.loads(logged("x", one=["ann@example.com"], two={"to": ("ann@example.com", None)}))
    assert (said["one"], said["two"]) == (["a***@example.com"], {"to": ["a***@example.com", None]})


def test_masking_can_be_turned_off(logged):
    assert json.loads(logged("x", to="ann@example.com", mask=False))["to"] == "ann@example.com"


def test_less_than_the_level_is_not_shown(logged):
    assert logged("x", level="error") == ""


def test_the_fields_of_a_message_are_bound_once(logged):
    structlog.contextvars.bind_contextvars(message_id="msg_1")
    assert json.loads(logged("x"))["message_id"] == "msg_1"


def test_a_traceback_tells_no_addresses(logged):
    said = json.loads(logged("x", exc_info=ValueError("ann@example.com")))
    assert "ValueError: a***@example.com" in said["exception"]


def test_what_libraries_say_of_strangers_is_not_our_trouble(logged):
    logged("x")
    assert not logging.getLogger("mail.log").isEnabledFor(logging.ERROR)


def test_the_warnings_of_libraries_are_lines_of_ours(logged, capsys):
    root = logging.getLogger()
    root.handlers[:] = []
    logged("x")
    logging.getLogger("aiormq").warning("cannot reach %s\nat all", "ann@example.com")
    said = json.loads(capsys.readouterr().err)
    assert (said["event"], said["level"], said["logger"]) == ("library_warning", "warning", "aiormq")
    assert said["text"] == "cannot reach a***@example.com\\x0aat all"
