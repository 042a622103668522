"""Whoever asks a store that is not there is told so, and gets no answer of an empty one."""

import pytest


@pytest.mark.parametrize(
    "command",
    [
        "recipients list",
        "recipients show ann@example.com",
        "recipients check ann@example.com",
        "recipients clear ann@example.com",
        "recipients export",
        "recipients erase ann@example.com --yes",
        "deliveries list",
        "deliveries retry --all",
        "rules unknown",
        "reclassify --since 1d",
        "explain evt_none",
    ],
)
def test_without_the_daemons_store_there_is_no_answer(call, tmp_path, command):
    finished = call(*command.split())
    assert (finished.returncode, finished.stdout) == (1, "")
    assert "there is no bounced-data/bounced.db: is --config the daemon's?" in finished.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["ingest", "recipients import"])
def test_what_is_to_be_kept_may_begin_a_store(bounced, write_config, tmp_path, command):
    finished = bounced(*command.split(), "--config", write_config(), stdin=b"ann@example.com\n")
    assert finished.returncode == 0
    assert (tmp_path / "bounced.db").exists()


def test_a_store_out_of_reach_is_named(bounced, write_config, tmp_path, powerless):
    config = write_config("[log]")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    url = f"sqlite:///{closed}/bounced.db"
    finished = bounced("recipients", "list", "--config", config, through=powerless, BOUNCED_STORE__URL=url)
    assert finished.returncode == 1
    assert finished.stderr.endswith(f": store.url: {closed}/bounced.db: Permission denied\n")
