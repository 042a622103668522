"""The messages to the service manager, and what it says in the environment."""

import os
import socket
from contextlib import closing

import pytest
import structlog

from bounced import systemd


@pytest.fixture
def listening(monkeypatch):
    """Return a function that makes the socket of a service manager at an address, as the environment writes it."""
    sockets = []

    def listen(address):
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sockets.append(receiver)
        receiver.bind(address.replace("@", "\0", 1))
        receiver.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        return receiver

    yield listen
    for receiver in sockets:
        receiver.close()


def test_a_message_goes_to_a_socket_with_a_path(listening, tmp_path):
    receiver = listening(str(tmp_path / "notify"))
    systemd.notify("READY=1", "STATUS=Taking mail")
    assert receiver.recv(100) == b"READY=1\nSTATUS=Taking mail"


def test_a_message_goes_to_an_abstract_socket(listening):
    receiver = listening(f"@bounced-test-{os.getpid()}")
    systemd.notify("READY=1")
    assert receiver.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "relative"])
def test_without_a_socket_that_we_know_nothing_is_said(monkeypatch, address):
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    with structlog.testing.capture_logs() as logged:
        systemd.notify("READY=1")
    assert logged == []


def test_a_service_manager_that_is_gone_is_logged(monkeypatch, tmp_path):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    with structlog.testing.capture_logs() as logged:
        systemd.notify("READY=1")
    assert [line["event"] for line in logged] == ["service_manager_not_told"]


def test_a_reload_tells_its_time(listening, tmp_path):
    receiver = listening(str(tmp_path / "notify"))
    systemd.notify_reloading()
    kind, moment = receiver.recv(100).decode().splitlines()
    assert kind == "RELOADING=1"
    assert moment.removeprefix("MONOTONIC_USEC=").isdecimal()


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_has_the_time_that_is_meant_for_us(monkeypatch, environment, seconds):
    for name in ("WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert systemd.watchdog_seconds() == seconds


@pytest.mark.parametrize("is_wanted", [True, False])
def test_the_watchdog_is_fed_only_where_there_is_one(listening, tmp_path, monkeypatch, is_wanted):
    receiver = listening(str(tmp_path / "notify"))
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    monkeypatch.setenv("WATCHDOG_USEC", "1000000" if is_wanted else "0")
    systemd.feed_watchdog()
    systemd.notify("READY=1")
    assert receiver.recv(100) == (b"WATCHDOG=1" if is_wanted else b"READY=1")


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_FDS": "1", "LISTEN_PID": "1"},
        {"LISTEN_FDS": "many", "LISTEN_PID": str(os.getpid())},
        {"LISTEN_FDS": "0", "LISTEN_PID": str(os.getpid())},
    ],
)
def test_sockets_that_are_not_for_us_are_left_alone(monkeypatch, environment):
    for name in ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert systemd.take_sockets() == {}


def test_sockets_are_taken_once_and_kept_from_children(monkeypatch):
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        monkeypatch.setattr(systemd, "_FIRST_DESCRIPTOR", os.dup(listener.fileno()))
        monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
        monkeypatch.setenv("LISTEN_FDS", "1")
        monkeypatch.setenv("LISTEN_FDNAMES", "smtp")
        [(name, [taken])] = systemd.take_sockets().items()
        with taken:
            assert (name, taken.getsockname()) == ("smtp", listener.getsockname())
            assert not taken.get_inheritable()
        assert "LISTEN_FDS" not in os.environ
        assert systemd.take_sockets() == {}
