"""A message that cannot be read is set aside; those beside it are not."""

import asyncio
import socket

import pytest

from tests.daemon.fragile import BAD, BUSY, DEADLY, ENDLESS, FATAL, GREEDY
from tests.daemon.mail import Session, dsn, send

PATIENT_SECONDS = 120  # the process that reads is started four times
INNOCENTS = [f"user{number}@example.com" for number in range(5)]


async def accept_as_one_batch(port, mails):
    """Have all `mails` accepted before the first of them can have ended the process."""
    sessions = [await Session.open(port) for _ in mails]
    for session in sessions:
        await session.begin()
    replies = await asyncio.gather(
        *(session.finish(raw) for session, raw in zip(sessions, mails, strict=True)), return_exceptions=True
    )
    for session in sessions:
        session.close()
    return replies


async def test_a_message_that_ends_the_daemon_three_times_is_quarantined(site, receiver):
    daemon = await site.start(module="tests.daemon.fragile")
    mails = [dsn("poison@example.com", header=DEADLY), *map(dsn, INNOCENTS)]
    replies = await accept_as_one_batch(daemon.port, mails)
    codes = [await daemon.ended()]
    accepted = [raw for raw, reply in zip(mails, replies, strict=True) if not isinstance(reply, ConnectionError)]
    lost = [raw for raw in mails if raw not in accepted]
    for _ in range(2):
        daemon = await site.launch(module="tests.daemon.fragile")
        codes.append(await daemon.ended())
    assert codes == [9, 9, 9]
    daemon = await site.start(module="tests.daemon.fragile")
    await send(daemon.port, *(raw for raw in lost if DEADLY.encode() not in raw))
    await receiver.until_recipient(None)
    await receiver.until(lambda: receiver.recipients == {None, *INNOCENTS}, seconds=PATIENT_SECONDS)
    [quarantined] = [event for event in receiver.events if event["type"] == "bounced.unrecognized"]
    assert (await daemon.until_logged("message_quarantined"))["message"] == quarantined["data"]["message"]["id"]
    assert "quarantined" in quarantined["data"]["message"]["notes"][0]
    assert await daemon.stop() == 0


async def test_a_message_that_makes_the_reader_raise_is_quarantined_at_once(site, receiver):
    daemon = await site.start(module="tests.daemon.fragile")
    bad, *_ = await send(daemon.port, dsn("bad@example.com", header=BAD), *map(dsn, INNOCENTS))
    await receiver.until(lambda: receiver.recipients == {None, *INNOCENTS}, seconds=PATIENT_SECONDS)
    [quarantined] = [event for event in receiver.events if event["type"] == "bounced.unrecognized"]
    assert quarantined["data"]["message"]["id"] == bad
    assert len(daemon.logged("message_not_readable")) == 3
    assert await daemon.stop() == 0


@pytest.mark.parametrize("header", [FATAL, BUSY, ENDLESS])
async def test_a_message_that_ends_or_holds_up_the_reading_process_is_quarantined_and_the_daemon_goes_on(
    site, receiver, header
):
    daemon = await site.start(module="tests.daemon.fragile")
    mails = [*map(dsn, INNOCENTS[:2]), dsn("poison@example.com", header=header), *map(dsn, INNOCENTS[2:])]
    ids = await send(daemon.port, *mails)
    await receiver.until(lambda: receiver.recipients == {None, *INNOCENTS}, seconds=PATIENT_SECONDS)
    [quarantined] = [event for event in receiver.events if event["type"] == "bounced.unrecognized"]
    assert quarantined["data"]["message"]["id"] == ids[2]
    assert {line["message"] for line in daemon.logged("reader_died")} == {ids[2]}
    assert len(daemon.logged("reader_died")) == 3
    assert await daemon.stop() == 0


async def test_a_message_that_wants_all_memory_is_quarantined_and_the_daemon_goes_on(site, receiver):
    daemon = await site.start(module="tests.daemon.fragile")
    greedy, *_ = await send(daemon.port, dsn("greedy@example.com", header=GREEDY), *map(dsn, INNOCENTS))
    await receiver.until(lambda: receiver.recipients == {None, *INNOCENTS}, seconds=PATIENT_SECONDS)
    [quarantined] = [event for event in receiver.events if event["type"] == "bounced.unrecognized"]
    assert quarantined["data"]["message"]["id"] == greedy
    # Whether the process has enough left to tell of it is chance.
    attempts = [*daemon.logged("reader_died"), *daemon.logged("message_not_readable")]
    assert [line["message"] for line in attempts] == [greedy] * 3
    assert await daemon.stop() == 0


async def test_a_daemon_that_cannot_start_tries_no_message(site, receiver, tmp_path):
    mail = tmp_path / "waiting.eml"
    mail.write_bytes(dsn("ann@example.com"))
    assert (await site.run("ingest", mail)).code == 0
    with socket.create_server(("127.0.0.1", 0)) as other:
        site.sections["receive"]["listen"] = [f"smtp://127.0.0.1:{other.getsockname()[1]}"]
        for _ in range(5):
            assert await (await site.launch()).ended() == 78
    site.sections["receive"]["listen"] = ["smtp://127.0.0.1:0"]
    await site.start()
    [event] = await receiver.until_events(1)
    assert (event["type"], event["data"]["recipient"]) == ("bounced.bounce", "ann@example.com")
