"""From SMTP or LMTP to the sinks, through the real process."""

import json

from tests.daemon.mail import TO, Session, complaint, dsn, send


async def test_a_bounce_arrives_as_a_signed_event(daemon, receiver):
    raw = dsn("ann@example.com")
    [message_id] = await send(daemon.port, raw)
    [event] = await receiver.until_events(1)
    assert event["specversion"] == "1.0"
    assert event["source"] == "/bounced/mx.test.example"
    assert event["type"] == "bounced.bounce"
    assert event["id"] in receiver.bodies
    data = event["data"]
    assert {key: data[key] for key in ("recipient", "original_recipient", "bounce_type", "advice", "reason")} == {
        "recipient": "ann@example.com",
        "original_recipient": "ann@example.com",
        "bounce_type": "hard",
        "advice": "suppress",
        "reason": "user_unknown",
    }
    assert (data["fault"], data["code"], data["status"], data["reply_code"]) == ("recipient", "511", "5.1.1", "550")
    assert (data["reporting_mta"], data["remote_mta"]) == ("relay.test.example", "mx.example.com")
    assert data["original"]["message_id"] == "<november.1@test.example>"
    assert (data["message"]["id"], data["message"]["size"]) == (message_id, len(raw))
    assert data["message"]["received_at"] == event["time"]
    assert not receiver.forged


async def test_the_same_happens_with_postgresql(make_site, receiver, postgresql_url):
    daemon = await make_site(receiver.sink(), url=postgresql_url).start()
    [message_id] = await send(daemon.port, dsn("ann@example.com"))
    [event] = await receiver.until_events(1)
    assert (event["data"]["recipient"], event["data"]["message"]["id"]) == ("ann@example.com", message_id)
    assert await daemon.stop() == 0


async def test_lmtp_over_a_unix_socket_answers_for_each_recipient(make_site, receiver, tmp_path):
    daemon = await make_site(receiver.sink(), listen=["smtp://127.0.0.1:0", f"lmtp+unix://{tmp_path}/lmtp"]).start()
    async with await Session.open_lmtp(f"{tmp_path}/lmtp") as session:
        first = await session.send(dsn("ann@example.com"), to=(TO, "other@bounces.example.com"))
        assert (first[:4], await session.reply()) == ("250 ", first)
    [event] = await receiver.until_events(1)
    assert event["data"]["message"]["id"] == first.split()[-1]
    assert await daemon.stop() == 0
    assert not (tmp_path / "lmtp").exists()


async def test_the_same_message_sent_again_has_the_same_id_and_no_second_event(daemon, receiver):
    first, other, again = await send(daemon.port, dsn("ann@example.com"), dsn("ben@example.com"), dsn())
    assert first == again != other
    await send(daemon.port, dsn("last@example.com"))
    await receiver.until_recipient("last@example.com")
    assert await daemon.stop() == 0  # by then, nothing is under way
    assert len(receiver.bodies) == receiver.requests == 3


async def test_a_sink_gets_the_types_it_wants(make_site, make_receiver, tmp_path):
    bounces, complaints = await make_receiver(), await make_receiver()
    site = make_site(
        bounces.sink("bounces", types=["bounced.bounce"]),
        complaints.sink("complaints", types=["bounced.complaint", "bounced.delay"]),
        {"name": "archive", "type": "jsonl", "path": str(tmp_path / "events.jsonl")},
    )
    daemon = await site.start()
    await send(daemon.port, dsn("ann@example.com"), complaint("gus@provider.example"))
    assert await daemon.stop() == 0
    assert bounces.recipients == {"ann@example.com"}
    assert complaints.recipients == {"gus@provider.example"}
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert {line["type"] for line in lines} == {"bounced.bounce", "bounced.complaint"}


async def test_without_any_configuration_it_writes_events_to_standard_output(make_site):
    site = make_site()
    site.sections = {"receive": {"listen": ["smtp://127.0.0.1:0"]}}
    daemon = await site.start()
    await send(daemon.port, dsn("ann@example.com"))
    await daemon.until_logged("delivered")
    assert await daemon.stop() == 0
    assert (site.folder / "bounced-data" / "bounced.db").exists()


async def test_what_a_stranger_writes_is_masked_in_the_log(daemon, receiver):
    await send(daemon.port, dsn("ann@example.com"))
    await receiver.until_events(1)
    assert (await daemon.until_logged("recipient_concluded"))["recipient"] == "a***@example.com"
    await daemon.stop()
    assert "ann@example.com" not in str(daemon.lines)
    assert not daemon.other_lines
