"""Mail that is meant to harm, through the whole daemon: what it does, what it writes, and to whom it speaks."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.daemon.mail import Session, dsn, send

# Colours, a title, a cleared screen; a line of its own; an order of characters that is not the one of the letters.
EVIL = "\x1b]0;owned\x07\x1b[2J\x1b[31m\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe\x9b2J"
MOVES_A_TERMINAL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

BOMBS = [
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 500_000,
    b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(20_000)),
    b"Content-Type: message/rfc822\r\n\r\n" * 50_000,
    b"Subject: " + b"=?utf-8?b?" * 100_000 + b"\r\n\r\n",
    b"Subject: " + b"=?utf-8?q?=41?= " * 100_000 + b"\r\n\r\n",
    b"Content-Type: text/plain; " + b"; ".join(b"charset*%d*=''%%41" % n for n in range(100_000)) + b"\r\n\r\n",
    b"Content-Type: text/plain; charset=zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b"eJzL\r\n" * 500_000,
    b"Content-Type: application/gzip\r\nContent-Encoding: gzip\r\n\r\n" + b"\x1f\x8b\x08" * 1_000_000,
    b"Content-Transfer-Encoding: base64\r\n\r\n" + b"=" * 3_000_000,
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=\r\n" * 1_000_000,
    b"Content-Type: text/html\r\n\r\n" + b"<" * 3_000_000,
    b"Content-Type: text/html\r\n\r\n" + b"<div>" * 600_000,
    b"From: " + b"(" * 1_000_000 + b"\r\n\r\n",
    b"To: " + b"a@b.example, " * 200_000 + b"\r\n\r\n",
    b"\r\n" * 4_000_000,
    b"\0" * 8_000_000,
    "\N{COMBINING GRAVE ACCENT}".encode() * 2_000_000,
    b"\xff\xfe" * 2_000_000,
]


def many_recipients(count):
    raw = dsn("user0@example.com").decode()
    block = "\r\nFinal-Recipient: rfc822; user{}@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    end = "\r\nDiagnostic-Code: "
    head, middle, rest = raw.partition(end)
    return (head + middle + rest.replace("\r\n", "\r\n" + "".join(map(block.format, range(1, count))), 1)).encode()


async def test_a_report_with_a_hundred_thousand_recipients_is_bounded_and_says_so(daemon, receiver):
    await send(daemon.port, many_recipients(100_000))
    events = await receiver.until_events(1)
    await daemon.until_logged("recipient_concluded", count=100)
    notes = events[0]["data"]["message"]["notes"]
    assert [note for note in notes if "left out" in note or "looked at the first" in note]
    [_] = await send(daemon.port, dsn("last@example.com"))
    await receiver.until_recipient("last@example.com")
    assert len(receiver.bodies) <= 1001


async def test_no_bomb_holds_up_the_mail_behind_it(daemon, receiver):
    mails = [b"From: MAILER-DAEMON@mx.example.net\r\n" + bomb + b"\r\n" for bomb in BOMBS]
    await send(daemon.port, *mails, dsn("behind@example.com"))
    await receiver.until_recipient("behind@example.com")
    assert not daemon.logged("message_quarantined")
    assert not daemon.logged("message_not_readable")


async def test_what_moves_a_terminal_is_shown_and_does_nothing(site, receiver):
    daemon = await site.start()
    raw = dsn("ann@example.com", said=f"550 5.1.1 {EVIL}").replace(b"Subject: ", f"Subject: {EVIL}".encode())
    [message] = await send(daemon.port, raw)
    event = await receiver.until_recipient("ann@example.com")
    async with await Session.open(daemon.port) as session:
        await session.ask("MAIL FROM:<\N{RIGHT-TO-LEFT OVERRIDE}evil@example.org>")
        await session.ask("RCPT TO:<nobody\N{LINE SEPARATOR}x@example.org>")
    assert await daemon.stop() == 0
    assert not daemon.other_lines  # every line of the log is one of ours
    eml = site.folder / "evil.eml"
    eml.write_bytes(raw)
    for arguments in (
        ("parse", eml),
        ("parse", "--jsonl", eml),
        ("explain", event["id"]),
        ("explain", "--json", event["id"]),
        ("explain", f"550 {EVIL}"),
        ("recipients", "show", "\N{RIGHT-TO-LEFT OVERRIDE}[red]@example.com"),
        ("deliveries", "list"),
        ("recipients", "list"),
    ):
        finished = await site.run(*arguments)
        assert finished.code == 0, finished.err
        assert not MOVES_A_TERMINAL.search(finished.out), arguments
        assert not MOVES_A_TERMINAL.search(finished.err), arguments
    assert message


@pytest.fixture
def traced(tmp_path):
    """The command that turns into a daemon whose connections are written down, and where they are."""
    strace = shutil.which("strace")
    if not strace:
        pytest.skip("strace is not installed")
    trace = tmp_path / "connections"
    through = (strace, "-D", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(trace))
    tried = subprocess.run([*through, sys.executable, "-c", ""], check=False, capture_output=True)
    if tried.returncode:
        pytest.skip("strace may not trace here")
    return through, trace


async def test_mail_is_never_answered_by_mail(site, receiver, traced):
    through, trace = traced
    daemon = await site.start(through=through)
    asking = b"Disposition-Notification-To: <evil@example.org>\r\nReturn-Receipt-To: <evil@example.org>\r\n"
    asking += b"Errors-To: <evil@example.org>\r\nReply-To: <evil@example.org>\r\nFrom: <evil@example.org>\r\n"
    async with await Session.open(daemon.port) as session:
        assert (await session.ask("MAIL FROM:<evil@example.org> RET=FULL")).startswith("250 ")
        assert (await session.ask("RCPT TO:<nobody@bounces.example.org>")).startswith("550 ")
        for notify in ("NOTIFY=SUCCESS,FAILURE,DELAY", ""):
            await session.ask("RSET")
            await session.ask("MAIL FROM:<evil@example.org>")
            assert (await session.ask(f"RCPT TO:<a@bounces.example.com> {notify}")).startswith("250 ")
            await session.ask("DATA")
            assert (await session.finish(asking + b"\r\nhello " + notify.encode() + b"\r\n")).startswith("250 ")
    await send(daemon.port, dsn("ann@example.com"), dsn("postmaster@[127.0.0.1]"))
    await receiver.until_recipient("ann@example.com")
    assert await daemon.stop() == 0
    calls = trace.read_text().splitlines()
    ports = {int(found[1]) for call in calls if (found := re.search(r"sin6?_port=htons\((\d+)\)", call))}
    assert ports == {receiver.port}


async def test_nothing_that_the_daemon_makes_is_open_to_everybody(make_site, receiver, tmp_path):
    site = make_site(
        receiver.sink(),
        {"name": "file", "type": "jsonl", "path": str(tmp_path / "events.jsonl")},
        listen=["smtp://127.0.0.1:0", f"lmtp+unix://{tmp_path}/lmtp.sock"],
    )
    config = site.config
    before = os.umask(0)
    try:
        daemon = await site.start()
    finally:
        os.umask(before)
    await send(daemon.port, dsn("ann@example.com"))
    await daemon.until_logged("delivered", count=2)
    made = {path for path in tmp_path.rglob("*") if path != config}
    assert {path.name for path in made} >= {"bounced.db", "lmtp.sock", "events.jsonl", "data"}
    assert {path.name: oct(path.stat().st_mode & 0o007) for path in made if path.stat().st_mode & 0o007} == {}


async def test_secrets_are_told_to_nobody(make_site, receiver, tmp_path):
    secrets = {
        "admin": "an-admin-token-nobody-may-see",
        "read": "a-reading-token-nobody-may-see",
        "verp": "dmVycC1rZXktbm9ib2R5LW1heS1zZWU=",
        "batv": "batv-secret-nobody-may-see",
        "srs": "srs-secret-nobody-may-see",
        "password": "webhook-password-nobody-may-see",
    }
    sink = receiver.sink()
    sink["url"] = sink["url"].replace("http://", f"http://user:{secrets['password']}@")
    site = make_site(sink)
    site.sections["admin"] |= {"tokens": [secrets["admin"]], "read_tokens": [secrets["read"]]}
    site.sections["verp"] = {
        "mode": "monitor",
        "domains": ["bounces.example.com"],
        "keys": [f"a:{secrets['verp']}"],
        "batv_keys": [f"0:{secrets['batv']}"],
        "srs_secrets": [secrets["srs"]],
    }
    site.sections["log"] = {"level": "debug"}
    daemon = await site.start()
    await send(daemon.port, dsn("ann@example.com"))
    await receiver.until_recipient("ann@example.com")
    await receiver.go_away()  # a failing delivery is logged too
    await send(daemon.port, dsn("ben@example.com"))
    await daemon.until_logged("delivery_failed")
    assert await daemon.stop() == 0
    checked = await site.run("check")
    assert checked.code == 0
    said = (
        json.dumps(daemon.lines) + "".join(daemon.other_lines) + checked.out + checked.err + json.dumps(receiver.events)
    )
    secrets["signature"] = receiver.secret.removeprefix("whsec_")
    assert {name for name, secret in secrets.items() if secret in said} == set()
