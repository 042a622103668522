"""``check``, ``run`` with what it cannot run with, and ``demo``."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bounced.event import make_events
from bounced.model import Envelope, Message
from bounced.pipeline import understand

SECRET = "whsec_bm90IHNvIHNlY3JldCBhcyBpdCBzZWVtcw=="


def test_check_prints_every_value_in_force_but_no_secret(call, write_config):
    config = write_config('[receive]\nhostname = "mx9.example.com"', webhook=f'secrets = ["{SECRET}"]')
    finished = call("check", "--config", config, BOUNCED_LOG__LEVEL="warning")
    assert (finished.returncode, finished.stderr) == (0, "")
    values = {key: value.strip() for key, value in (line.split(maxsplit=1) for line in finished.stdout.splitlines())}
    assert (values["receive.hostname"], values["log.level"]) == ("mx9.example.com", "warning")
    assert (values["sink.0.name"], values["retention.days"]) == ("app", "90.0")
    for hidden in (SECRET.removeprefix("whsec_"), "t0ken", "pass"):
        assert hidden not in finished.stdout


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:////var/lib/bounced/bounced.db", "sqlite:////var/lib/bounced/bounced.db"),
        (
            "postgresql://ann:s3cret@db.example:5432/mail?sslpassword=s3cret",
            "postgresql://ann:***@db.example:5432/mail",
        ),
        ("postgresql://ann:s3cret/s3cret?#s3cret@db.example/mail", "postgresql://ann:***@db.example/mail"),
        ("postgresql://ann@example:s3cret@s3cret@db.example/mail", "postgresql://ann@example:***@db.example/mail"),
        ("postgresql://ann@db.example:5432/mail", "postgresql://ann@db.example:5432/mail"),
        ("postgresql://ann@/mail?host=/run/postgresql", "postgresql://ann@/mail"),
    ],
)
def test_check_names_the_database_without_its_secrets(call, url, shown):
    finished = call("check", BOUNCED_STORE__URL=url)
    assert finished.returncode == 0, finished.stderr
    assert shown in finished.stdout.split()
    assert "s3cret" not in finished.stdout


def test_check_shows_the_admin_server_and_no_token(call, write_config):
    finished = call(
        "check", "--config", write_config('[admin]\nlisten = "[::1]:9000"\ntokens = ["a-token-of-some-length"]')
    )
    assert finished.returncode == 0
    assert "[::1]:9000" in finished.stdout
    assert "admin.tokens" in finished.stdout
    assert "a-token" not in finished.stdout


def test_check_works_without_any_configuration(call, tmp_path):
    finished = call("check")
    assert finished.returncode == 0
    assert "smtp://127.0.0.1:2525" in finished.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "webhook", "key"),
    [
        ("[receive]\nhostnam = 'a'", "", "receive.hostnam"),
        ("[receive]\nlisten = ['http://127.0.0.1:80']", "", "receive.listen"),
        ("[receive]\nrecipients = ['@']", "", "receive.recipients"),
        ("[receive.tls]\ncertificate = 'no.crt'\nkey = 'no.key'", "", "receive.tls"),
        ("[classify]\nrules = 'nowhere'", "", "classify.rules"),
        ("[admin]\nlisten = '8025'", "", "admin.listen"),
        ("[admin]\ntokens = ['hidden']", "", "admin.tokens"),
        ("[admin]\ntoken_files = ['nowhere']", "", "admin.token_files"),
        ("", "secrets = ['whsec_hidden']", "secrets"),
        ("", "secret_files = ['nowhere']", "secret_files"),
    ],
)
def test_what_cannot_be_used_is_found_by_check(call, write_config, text, webhook, key):
    finished = call("check", "--config", write_config(text, webhook=webhook))
    assert (finished.returncode, finished.stdout) == (78, "")
    assert key in finished.stderr
    assert "\n  remedy: " in finished.stderr
    assert "hidden" not in finished.stderr


@pytest.mark.parametrize(
    "url",
    ["mysql://root:hidden@host/name", "postgresql://host:hidden/name", "/var/lib/bounced.db", "sqlite://"],
)
def test_a_store_that_cannot_be_is_found_by_check(call, url):
    finished = call("check", BOUNCED_STORE__URL=url)
    assert (finished.returncode, finished.stdout) == (78, "")
    assert finished.stderr.startswith("bounced: store.url: ")
    assert "\n  remedy: " in finished.stderr
    assert "hidden" not in finished.stderr


@pytest.mark.parametrize("text", ["[receive]\nhostnam = 'a'", "[receive]\nlisten = ['http://127.0.0.1:80']"])
def test_the_daemon_does_not_start_with_what_cannot_be_used(call, write_config, text):
    finished = call("run", "--config", write_config(text))
    assert (finished.returncode, finished.stdout) == (78, "")
    assert finished.stderr.startswith("bounced: ")
    assert "\n  remedy: " in finished.stderr


def test_a_missing_file_ends_with_78(call):
    finished = call("run", "--config", "nowhere.toml")
    assert finished.returncode == 78
    assert finished.stderr.startswith("bounced: nowhere.toml: No such file or directory\n  remedy: ")


@pytest.mark.parametrize("command", ["run", "check", "ingest"])
def test_a_file_that_may_not_be_read_ends_with_78(bounced, write_config, powerless, command):
    config = write_config()
    config.chmod(0)
    finished = bounced(command, "--config", config, through=powerless)
    assert finished.returncode == 78
    assert finished.stderr.startswith(f"bounced: {config}: Permission denied\n  remedy: ")


@pytest.mark.parametrize("command", ["check", "parse", "parse --jsonl", "explain 522", "rules test"])
@pytest.mark.parametrize(
    ("output", "said"),
    [
        (">/dev/full", "bounced: No space left on device\n"),
        (">&-", "bounced: Bad file descriptor\n"),
        ("| true", ""),  # a reader that leaves
    ],
)
def test_standard_output_that_takes_nothing_fails_in_one_line_at_most(bounced, command, output, said):
    finished = bounced(*command.split(), through=("bash", "-c", f'set -o pipefail; "$@" {output}', "bash"))
    assert (finished.returncode, finished.stderr) == (1, said)


def test_a_store_that_cannot_be_opened_ends_with_1(bounced, tmp_path):
    (tmp_path / "file").touch()
    finished = bounced("run", BOUNCED_STORE__URL=f"sqlite:///{tmp_path}/file/bounced.db")
    assert finished.returncode == 1
    assert finished.stderr.startswith("bounced: the store cannot be used: ")
    assert "Traceback" not in finished.stderr


def expected_events(directory: Path):
    envelope = Envelope("", ("bounce@demo.example",), datetime.now(UTC))
    messages = [Message.of(envelope, path.read_bytes()) for path in directory.glob("*.eml")]
    return {
        (event.type, event.recipient)
        for message in messages
        for event in make_events(message, understand(message.raw), source="/bounced/demo.example")
    }


def test_the_demo_shows_every_event_of_its_samples(bounced, samples, tmp_path):
    finished = bounced("demo", "--jsonl")
    assert (finished.returncode, finished.stderr) == (0, "")
    events = [json.loads(line) for line in finished.stdout.splitlines()]
    assert {(event["type"], event["data"]["recipient"]) for event in events} == expected_events(samples)
    assert not list(tmp_path.iterdir())


def test_the_demo_shows_people_a_table(bounced):
    finished = bounced("demo")
    assert finished.returncode == 0
    assert "ann@example.com" in finished.stdout
    assert "9 events" in finished.stdout
    assert "\x1b" not in finished.stdout
