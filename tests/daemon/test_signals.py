"""TERM ends the daemon without losing anything; HUP changes it without ending it."""

import asyncio
import json
import smtplib
import ssl
from signal import SIGHUP, SIGTERM

import pytest

from tests.certificate import make_certificate
from tests.daemon.mail import Session, dsn, send
from tests.daemon.receiver import make_secret

RULE = """
[[rule]]
name = "test/full_moon"
pattern = ["the moon is full"]
reason = "mailbox_full"
source = "these tests"
example = "550 the moon is full"
"""


async def test_a_message_in_flight_is_taken_and_told_before_the_end(daemon, receiver):
    async with await Session.open(daemon.port) as busy, await Session.open(daemon.port) as idle:
        await busy.begin()
        raw = dsn("ann@example.com")
        busy.writer.write(raw[:500])
        daemon.signal(SIGTERM)
        assert (await idle.reply()).startswith("421 ")
        with pytest.raises(ConnectionRefusedError):
            await Session.open(daemon.port)
        busy.writer.write(raw[500:] + b".\r\n")
        assert (await busy.reply()).startswith("250 ")
        assert (await busy.reply()).startswith("421 ")
    assert await daemon.ended() == 0
    assert receiver.recipients == {"ann@example.com"}
    assert not daemon.logged("stopped_with_work_left")


async def test_a_client_that_never_finishes_cannot_hold_up_the_end(make_site, receiver):
    daemon = await make_site(receiver.sink(), shutdown_seconds=0.5).start()
    async with await Session.open(daemon.port) as session:
        await session.begin()
        session.writer.write(b"Subject: to be continued")
        assert await daemon.stop() == 0
    assert daemon.logged("sessions_cut_off")


async def reload(daemon, *, result="reloaded"):
    before = len(daemon.logged(result))
    daemon.signal(SIGHUP)
    return await daemon.until_logged(result, count=before + 1)


async def test_a_new_secret_signs_after_a_reload(site, daemon, receiver):
    await send(daemon.port, dsn("before@example.com"))
    await receiver.until_recipient("before@example.com")
    receiver.secret = make_secret("second")
    site.sections["sink"] = [receiver.sink()]
    assert site.config.exists()
    await reload(daemon)
    await send(daemon.port, dsn("after@example.com"))
    await receiver.until_recipient("after@example.com")
    assert not receiver.forged


async def test_a_new_secret_in_a_file_signs_after_a_reload(make_site, receiver, tmp_path):
    secret = tmp_path / "app.secret"
    secret.write_text(receiver.secret)
    daemon = await make_site(receiver.sink(secrets=[], secret_files=[str(secret)])).start()
    receiver.secret = make_secret("second")
    secret.write_text(receiver.secret + "\n")
    await reload(daemon)
    await send(daemon.port, dsn("ann@example.com"))
    await receiver.until_events(1)
    assert not receiver.forged


async def test_new_rules_apply_after_a_reload(site, receiver, tmp_path):
    rules = tmp_path / "rules"
    rules.mkdir()
    site.sections["classify"] = {"rules": str(rules)}
    daemon = await site.start()
    said = {"status": "5.0.0", "said": "550 the moon is full"}
    await send(daemon.port, dsn("before@example.com", **said))
    (rules / "moon.toml").write_text(RULE)
    before = await receiver.until_recipient("before@example.com")
    await reload(daemon)
    await send(daemon.port, dsn("after@example.com", **said))
    after = await receiver.until_recipient("after@example.com")
    assert not before["data"]["why"]["rule"].endswith("/test/full_moon")
    assert after["data"]["why"]["rule"].endswith("/test/full_moon")


async def test_a_sink_that_is_added_gets_what_comes_after_the_reload(site, daemon, receiver, make_receiver):
    other = await make_receiver()
    await send(daemon.port, dsn("before@example.com"))
    await receiver.until_recipient("before@example.com")
    site.sections["sink"].append(other.sink("other"))
    assert site.config.exists()
    await reload(daemon)
    await send(daemon.port, dsn("after@example.com"))
    await other.until_recipient("after@example.com")
    await receiver.until_recipient("after@example.com")
    assert other.recipients == {"after@example.com"}
    assert await daemon.stop() == 0


async def test_a_sink_that_is_removed_gets_no_more_and_what_it_missed_can_be_listed(make_site, receiver, make_receiver):
    other = await make_receiver()
    site = make_site(receiver.sink(), other.sink("other"))
    daemon = await site.start()
    other.status = 503
    await send(daemon.port, dsn("before@example.com"))
    await other.until_requests(1)
    site.sections["sink"] = [receiver.sink()]
    assert site.config.exists()
    await reload(daemon)
    assert daemon.logged("deliveries_retired")[0]["count"] == 1
    requests = other.requests
    await send(daemon.port, dsn("after@example.com"))
    await receiver.until_recipient("after@example.com")
    assert await daemon.stop() == 0
    assert other.requests == requests
    listed = json.loads((await site.run("deliveries", "list", "--jsonl")).out)
    assert (listed["sink"], listed["recipient"]) == ("other", "before@example.com")


async def test_new_thresholds_count_after_a_reload(site, daemon, receiver):
    full = {"status": "4.2.2", "said": "452 4.2.2 Mailbox full"}
    await send(daemon.port, dsn("ann@example.com", **full))
    await receiver.until_recipient("ann@example.com")
    site.sections["escalate"] = {"bounces": 1, "days": 1}
    assert site.config.exists()
    await reload(daemon)
    await send(daemon.port, dsn("ben@example.com", **full))
    await receiver.until(lambda: "bounced.undeliverable" in {event["type"] for event in receiver.events})
    [told] = [event for event in receiver.events if event["type"] == "bounced.undeliverable"]
    assert told["data"]["recipient"] == "ben@example.com"


async def test_what_needs_a_restart_is_named(site, daemon):
    await reload(daemon)
    assert not daemon.logged("restart_needed")
    site.sections["receive"]["max_message_bytes"] = 1000
    site.sections["store"]["lease_seconds"] = 10
    site.sections["admin"]["tokens"] = ["0123456789abcdef0123456789abcdef"]
    assert site.config.exists()
    await reload(daemon)
    assert daemon.logged("restart_needed")[0]["keys"] == ["receive.max_message_bytes", "store.lease_seconds"]
    assert len(await send(daemon.port, dsn("ann@example.com"))) == 1


async def test_a_broken_configuration_changes_nothing(site, daemon, receiver):
    site.sections["sink"] = [receiver.sink(secrets=["not a secret"])]
    assert site.config.exists()
    assert "secrets" in (await reload(daemon, result="not_reloaded"))["error"]
    site.sections["receive"]["hostnam"] = "mx2.test.example"
    assert site.config.exists()
    assert "hostnam" in (await reload(daemon, result="not_reloaded"))["error"]
    site.config.unlink()
    await reload(daemon, result="not_reloaded")
    await send(daemon.port, dsn("ann@example.com"))
    [event] = await receiver.until_events(1)
    assert event["source"] == "/bounced/mx.test.example"
    assert not receiver.forged


def served_certificate(port):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.starttls(context=context)
        return ssl.DER_cert_to_PEM_cert(client.sock.getpeercert(binary_form=True))


async def test_a_new_certificate_is_served_after_a_reload(site, tmp_path):
    site.sections["receive.tls"] = make_certificate(tmp_path)
    daemon = await site.start()
    old = (tmp_path / "tls.crt").read_text()
    assert await asyncio.to_thread(served_certificate, daemon.port) == old
    make_certificate(tmp_path)
    new = (tmp_path / "tls.crt").read_text()
    await reload(daemon)
    assert await asyncio.to_thread(served_certificate, daemon.port) == new != old
    (tmp_path / "tls.key").write_text("no key")
    await reload(daemon, result="not_reloaded")
    assert await asyncio.to_thread(served_certificate, daemon.port) == new


async def test_a_reload_loses_nothing_that_is_under_way(site, daemon, receiver):
    recipients = {f"user{number}@example.com" for number in range(200)}
    sending = asyncio.create_task(send(daemon.port, *map(dsn, recipients)))
    for number in range(3):
        await receiver.until_events(number * 20 + 1)
        site.sections["sink"] = [receiver.sink(timeout_seconds=10 + number)]
        assert site.config.exists()
        await reload(daemon)
    await sending
    await receiver.until(lambda: receiver.recipients == recipients)
    assert await daemon.stop() == 0
    assert receiver.requests == len(recipients)
