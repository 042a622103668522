"""Sinks that are away, slow, broken or gone for good."""

import json
from signal import SIGHUP

from tests.daemon.mail import dsn, send


async def list_deliveries(site, state):
    listed = await site.run("deliveries", "list", "--jsonl", "--state", state)
    assert listed.code == 0, listed.err
    return [json.loads(line) for line in listed.out.splitlines()]


async def test_a_sink_that_is_away_holds_up_no_other_and_gets_later_what_it_missed(make_site, make_receiver):
    away, here = await make_receiver(), await make_receiver()
    daemon = await make_site(away.sink("away"), here.sink("here")).start()
    await away.go_away()
    await send(daemon.port, *(dsn(f"user{number}@example.com") for number in range(20)))
    await here.until_events(20)
    await daemon.until_logged("delivery_failed", count=20)
    await away.come_back()
    await away.until_events(20)
    assert away.recipients == here.recipients
    assert (here.requests, away.forged) == (20, 0)


async def test_a_sink_that_does_not_answer_holds_up_no_other_and_no_shutdown(make_site, make_receiver):
    silent, here = await make_receiver(), await make_receiver()
    site = make_site(silent.sink("silent"), here.sink("here"), shutdown_seconds=1)
    daemon = await site.start()
    silent.hang()
    await send(daemon.port, *(dsn(f"user{number}@example.com") for number in range(20)))
    await here.until_events(20)
    assert await daemon.stop() == 0
    assert daemon.logged("stopped_with_work_left")
    silent.answer_again()
    await site.start()
    await silent.until_events(20)


async def test_a_dead_delivery_is_listed_and_comes_back_when_asked_for(make_site, receiver):
    site = make_site(receiver.sink(retry_seconds=[0.1]))
    daemon = await site.start()
    await receiver.go_away()
    await send(daemon.port, dsn("ann@example.com"), dsn("ben@example.com"))
    await daemon.until_logged("delivery_dead", count=2)
    dead = {line["recipient"]: line for line in await list_deliveries(site, "dead")}
    assert set(dead) == {"ann@example.com", "ben@example.com"}
    assert (dead["ann@example.com"]["sink"], dead["ann@example.com"]["attempts"]) == ("app", 2)
    assert dead["ann@example.com"]["last_error"].startswith("cannot connect")
    await receiver.come_back()
    asked = await site.run("deliveries", "retry", "--id", dead["ann@example.com"]["event"])
    assert (asked.code, asked.out) == (0, "1 deliveries are due again\n"), asked.err
    [event] = await receiver.until_events(1)
    assert event["id"] == dead["ann@example.com"]["event"]


async def test_a_sink_that_is_gone_gets_nothing_until_a_reload(make_site, make_receiver):
    gone, here = await make_receiver(), await make_receiver()
    site = make_site(gone.sink("gone"), here.sink("here"))
    daemon = await site.start()
    gone.status = 410
    await send(daemon.port, dsn("first@example.com"))
    await daemon.until_logged("sink_gone")
    await send(daemon.port, dsn("second@example.com"))
    await here.until_events(2)
    listed = await list_deliveries(site, "all")
    of_gone = {line["recipient"]: (line["state"], line["attempts"]) for line in listed if line["sink"] == "gone"}
    assert of_gone == {"first@example.com": ("dead", 1), "second@example.com": ("pending", 0)}
    assert gone.requests == 1
    gone.status = 204
    daemon.signal(SIGHUP)
    [event] = await gone.until_events(1)
    assert event["data"]["recipient"] == "second@example.com"


async def test_events_for_a_standard_output_that_was_closed_go_nowhere_else_and_wait(make_site):
    site = make_site({"name": "out", "type": "jsonl", "path": "-"})
    daemon = await site.start(through=("sh", "-c", 'exec "$@" <&- >&-', "sh"))
    await send(daemon.port, dsn("ann@example.com"))
    failed = await daemon.until_logged("delivery_failed")
    assert failed["error"] == "cannot write to the stream: Bad file descriptor"
    assert await daemon.stop() == 0
    [waiting] = await list_deliveries(site, "pending")
    assert waiting["recipient"] == "ann@example.com"


async def test_restarts_use_up_no_attempt(make_site, receiver):
    recipients = {f"user{number}@example.com" for number in range(20)}
    site = make_site(receiver.sink(retry_seconds=[0.2] * 3), shutdown_seconds=0.2)
    receiver.hang()
    daemon = await site.start()
    await send(daemon.port, *map(dsn, sorted(recipients)))
    for _ in range(4):
        await receiver.until_requests(receiver.requests + 1)
        assert await daemon.stop() == 0
        daemon = await site.start()
    await receiver.until_requests(receiver.requests + 1)
    receiver.status = 503
    receiver.answer_again()
    await daemon.until_logged("delivery_failed", count=len(recipients))
    receiver.status = 204
    await receiver.until(lambda: receiver.recipients == recipients)
