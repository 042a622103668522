"""What ``ingest`` tells whoever calls it; that a daemon goes on with it is tested with the daemon."""

import socket

from tests.daemon.mail import dsn


def test_a_backfill_can_be_repeated(bounced, write_config, samples):
    config = write_config()
    first = bounced("ingest", samples, "--config", config)
    assert (first.returncode, first.stdout, first.stderr) == (0, "", "8 new, 0 known already\n")
    again = bounced("ingest", samples, "--config", config)
    assert (again.returncode, again.stderr) == (0, "0 new, 8 known already\n")


def test_the_envelope_is_what_the_pipe_says(call, write_config):
    config = write_config()
    for recipient in ("bounces+1@example.com", "bounces+2@example.com"):  # the same text, yet not the same message
        finished = call("ingest", "--recipient", recipient, "-", "--config", config, stdin=dsn())
        assert (finished.returncode, finished.stderr) == (0, "1 new, 0 known already\n")


def test_a_store_that_cannot_be_written_means_try_again(bounced, tmp_path):
    (tmp_path / "file").touch()
    finished = bounced("ingest", stdin=dsn(), BOUNCED_STORE__URL=f"sqlite:///{tmp_path}/file/bounced.db")
    assert finished.returncode == 75
    assert finished.stderr.startswith("bounced: the store cannot be written: ")
    assert "Traceback" not in finished.stderr


def test_a_broken_configuration_is_a_configuration_error(call, write_config):
    finished = call("ingest", "--config", write_config("[receive]\nhostnam = 'a'"), stdin=dsn())
    assert finished.returncode == 78
    assert "receive.hostnam" in finished.stderr


def test_a_source_that_does_not_exist_is_a_usage_error(call):
    assert call("ingest", "nowhere.eml").returncode == 2


def test_an_empty_name_is_not_the_directory_at_hand(call, tmp_path):
    (tmp_path / "letter.eml").write_bytes(dsn())
    finished = call("ingest", "")
    assert finished.returncode == 2
    assert "'': there is no such file" in finished.stderr


def test_a_file_that_cannot_be_read_is_said_and_the_others_are_put_in(call, tmp_path, write_config):
    (tmp_path / "good.eml").write_bytes(dsn())
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "unreadable.eml"))
        finished = call("ingest", "unreadable.eml", "good.eml", "--config", write_config())
    assert finished.returncode == 1
    said, counted = finished.stderr.splitlines()
    assert said.startswith("bounced: unreadable.eml: ")
    assert counted == "1 new, 0 known already"
