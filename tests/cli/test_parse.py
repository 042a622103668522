import json
import mailbox
import os
import socket
import subprocess
import sys

import pytest

from tests.daemon.mail import complaint, dsn
from tests.daemon.process import environment

OF_A_LINE = {"file", "kind", "recipients", "original", "reporting_mta"}
OF_A_RECIPIENT = {
    *("recipient", "original_recipient", "action", "status", "reply_code", "code", "bounce_type", "reason"),
    *("fault", "advice", "diagnostic", "remote_mta", "why"),
}


def lines_of(finished):
    assert (finished.returncode, finished.stderr) == (0, "")
    return [json.loads(line) for line in finished.stdout.splitlines()]


def recipients_by_file(finished):
    return {line["file"]: line["recipients"][0]["recipient"] for line in lines_of(finished)}


def write_mbox(path, *mails):
    box = mailbox.mbox(path)
    for raw in mails:
        message = mailbox.mboxMessage(raw.replace(b"\r\n", b"\n"))
        message.set_from("MAILER-DAEMON", (2026, 11, 23, 9, 33, 53, 0, 327, 0))
        box.add(message)
    box.close()


@pytest.fixture
def unreadable(tmp_path):
    """A file that even the superuser cannot open: a socket."""
    path = tmp_path / "unreadable.eml"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        yield path


def test_people_get_a_table_without_colours_in_a_pipe(bounced, samples):
    finished = bounced("parse", samples / "2-mailbox-full.eml")
    assert (finished.returncode, finished.stderr) == (0, "")
    header, row = finished.stdout.splitlines()
    assert header.split() == ["file", "kind", "recipient", "type", "advice", "reason", "code", "status"]
    assert row.split()[1:] == ["bounce", "ben@example.net", "soft", "retry", "mailbox_full", "522", "5.2.2"]
    assert "\x1b" not in finished.stdout


def test_programs_get_one_line_of_json_per_message(bounced, samples):
    lines = lines_of(bounced("parse", "--jsonl", samples))
    assert [line["kind"] for line in lines] == [
        *("bounce", "bounce", "bounce", "bounce", "delay", "feedback_report", "auto_reply", "not_bounce"),
    ]
    assert all(set(line) >= OF_A_LINE for line in lines)
    recipients = [recipient for line in lines for recipient in line["recipients"]]
    assert all(set(recipient) >= OF_A_RECIPIENT for recipient in recipients)
    first = lines[0]["recipients"][0]
    assert (first["status"], first["reply_code"], first["code"]) == ("5.1.1", "550", "511")
    assert set(first["why"]) == {"rule", "evidence", "confidence"}
    assert lines[0]["original"]["message_id"] == "<november.1@demo.example>"
    assert lines[0]["reporting_mta"] == "relay.demo.example"


def test_mail_is_read_from_wherever_it_is_kept(bounced, tmp_path):
    (tmp_path / "one.eml").write_bytes(dsn("file@example.com"))
    (tmp_path / "folder" / "deeper").mkdir(parents=True)
    (tmp_path / "folder" / "deeper" / "two.eml").write_bytes(dsn("folder@example.com"))
    maildir = mailbox.Maildir(tmp_path / "Maildir")
    maildir.add(dsn("maildir@example.com"))
    (tmp_path / "Maildir" / "dovecot.index").write_bytes(b"not mail")
    write_mbox(tmp_path / "old.mbox", dsn("first@example.com"), complaint("second@example.com"))
    found = recipients_by_file(
        bounced("parse", "--jsonl", "one.eml", "folder", "Maildir", "old.mbox", "-", stdin=dsn("stdin@example.com"))
    )
    [in_maildir] = [name for name in found if name.startswith("Maildir/")]
    assert found == {
        "one.eml": "file@example.com",
        "folder/deeper/two.eml": "folder@example.com",
        in_maildir: "maildir@example.com",
        "old.mbox#1": "first@example.com",
        "old.mbox#2": "second@example.com",
        "-": "stdin@example.com",
    }


def test_a_file_named_eml_is_one_message_even_when_it_quotes_an_mbox(call, tmp_path):
    line = b"From MAILER-DAEMON Mon Nov 23 09:33:53 2026\n"
    mail = line + dsn("ann@example.com").replace(b"\r\n", b"\n") + b"\n\n" + line + b"Subject: quoted\n\nhello\n"
    for name in ("one.eml", "two.mbox"):
        (tmp_path / name).write_bytes(mail)
    files = [found["file"] for found in lines_of(call("parse", "--jsonl", "one.eml", "two.mbox"))]
    assert files == ["one.eml", "two.mbox#1", "two.mbox#2"]


def test_without_a_source_standard_input_is_read(call):
    assert recipients_by_file(call("parse", "--jsonl", stdin=dsn("ann@example.com"))) == {"-": "ann@example.com"}


def test_an_empty_file_is_not_a_bounce(call):
    [line] = lines_of(call("parse", "--jsonl"))
    assert (line["kind"], line["recipients"]) == ("not_bounce", [])


def test_a_source_that_does_not_exist_is_a_usage_error(call):
    finished = call("parse", "nowhere.eml")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert "nowhere.eml" in finished.stderr


@pytest.mark.parametrize("form", [[], ["--jsonl"]])
def test_a_file_that_cannot_be_read_is_said_and_the_others_are_shown(call, tmp_path, unreadable, form):
    (tmp_path / "good.eml").write_bytes(dsn("ann@example.com"))
    finished = call("parse", *form, unreadable, "good.eml")
    assert finished.returncode == 1
    assert finished.stderr.count("\n") == 1
    assert "unreadable.eml" in finished.stderr
    assert "ann@example.com" in finished.stdout


@pytest.mark.parametrize("mode", [0o000, 0o400])
def test_a_directory_that_cannot_be_read_is_said_and_the_others_are_shown(bounced, tmp_path, powerless, mode):
    for name in ("mail/closed", "mail/open"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "one.eml").write_bytes(dsn("ann@example.com"))
    (tmp_path / "mail" / "closed").chmod(mode)
    finished = bounced("parse", "--jsonl", "mail", through=powerless)
    (tmp_path / "mail" / "closed").chmod(0o700)
    assert finished.returncode == 1
    assert finished.stderr.startswith("bounced: mail/closed")
    assert finished.stderr.endswith(": Permission denied\n")
    assert [line["file"] for line in map(json.loads, finished.stdout.splitlines())] == ["mail/open/one.eml"]


def test_a_directory_is_read_once_however_it_is_linked(call, tmp_path):
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "one.eml").write_bytes(dsn("ann@example.com"))
    for name in ("here", "there"):
        (tmp_path / "mail" / name).symlink_to(".")
    assert recipients_by_file(call("parse", "--jsonl", "mail")) == {"mail/one.eml": "ann@example.com"}


def test_rules_of_the_configuration_apply(call, tmp_path, write_config):
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "moon.toml").write_text(
        '[[rule]]\nname = "test/moon"\npattern = ["full moon"]\nreason = "mailbox_full"\n'
        'source = "these tests"\nexample = "550 full moon"\n'
    )
    config = write_config('[classify]\nrules = "rules"')
    said = {"status": "5.0.0", "said": "550 full moon"}
    [line] = lines_of(call("parse", "--jsonl", "--config", config, stdin=dsn("ann@example.com", **said)))
    assert line["recipients"][0]["why"]["rule"].endswith("/test/moon")


def test_control_characters_of_a_stranger_do_not_reach_the_terminal(call):
    finished = call("parse", stdin=dsn('"\x1b[31mann"@example.com'))
    assert finished.returncode == 0
    assert "\x1b" not in finished.stdout


@pytest.mark.parametrize("encoding", ["utf-8:strict", "utf-8:surrogateescape", "iso-8859-1", "ascii"])
def test_programs_get_utf8_whatever_the_locale_and_the_names_of_files(bounced, tmp_path, encoding):
    (tmp_path / os.fsdecode(b"n\xe9.eml")).write_bytes(dsn("jörg@exämple.com", said="550 немає 🙂"))
    finished = bounced("parse", "--jsonl", ".", PYTHONIOENCODING=encoding)
    [line] = lines_of(finished)
    assert line["file"] == "n\udce9.eml"
    assert line["recipients"][0]["recipient"] == "jörg@exämple.com"
    people = bounced("parse", ".", PYTHONIOENCODING=encoding)
    assert (people.returncode, people.stderr) == (0, "")
    assert "jörg@exämple.com" in people.stdout


def test_a_reader_that_leaves_ends_it_quietly(tmp_path):
    write_mbox(tmp_path / "old.mbox", *[dsn("ann@example.com")] * 500)
    with subprocess.Popen(
        [sys.executable, "-m", "bounced", "parse", "--jsonl", tmp_path / "old.mbox"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1
