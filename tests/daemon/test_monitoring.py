"""What a monitor sees of the daemon: its metrics, and whether it is alive and ready."""

import asyncio
import sqlite3
from contextlib import asynccontextmanager
from signal import SIGHUP

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.daemon.fragile import BAD, ENDLESS
from tests.daemon.mail import Session, dsn, send
from tests.daemon.process import DEADLINE_SECONDS

TOKEN = "a-token-of-some-length"


@pytest.fixture
def watched(site):
    site.sections["admin"] |= {"tokens": [TOKEN]}
    return site


async def get(daemon, path, token=TOKEN):
    [listening] = [line for line in daemon.logged("listening") if line["stage"] == "admin"]
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with aiohttp.request("GET", listening["endpoints"][0] + path, headers=headers) as answer:
        return answer.status, answer.headers, await answer.text()


async def measure(daemon):
    """Return every sample by its name and labels."""
    status, headers, text = await get(daemon, "/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain")
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, *sorted(sample.labels.items())): sample.value for sample in samples}


async def until(daemon, is_so):
    """Wait until the samples are so, and return them."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not is_so(samples := await measure(daemon)):
            pass
    return samples


async def test_a_bounce_is_measured_on_its_whole_way(watched, receiver):
    daemon = await watched.start()
    raw = dsn("ann@example.com", status="5.1.1", said="550 5.1.1 <ann@example.com>: no such user here")
    await send(daemon.port, raw)
    await receiver.until_events(1)
    delivered = ("bounced_deliveries_total", ("result", "delivered"), ("sink", "app"))
    samples = await until(daemon, lambda found: found.get(delivered) == 1)
    reason = receiver.events[0]["data"]["reason"]
    bounce = (("fault", "recipient"), ("provider", ""), ("reason", reason), ("type", "hard"))
    assert samples["bounced_bounces_total", *bounce] == 1
    assert samples["bounced_messages_accepted_total",] == 1
    assert samples["bounced_accepted_bytes_total",] >= len(raw)
    assert samples["bounced_messages_read_total", ("kind", "bounce")] == 1
    assert samples["bounced_events_total", ("type", "bounced.bounce")] == 1
    assert samples["bounced_read_seconds_count",] == 1
    assert samples["bounced_commit_seconds_count",] == samples["bounced_commit_operations_count",] > 0
    assert samples["bounced_delivery_seconds_count", ("sink", "app")] == 1
    assert samples["bounced_connections_total", ("protocol", "esmtp")] == 1
    assert samples["bounced_store_writable",] == 1
    assert samples["bounced_flow_stuck", ("stage", "parse")] == 0
    assert samples["bounced_sink_failing", ("sink", "app")] == 0


async def test_metrics_hold_nothing_that_a_stranger_wrote(watched, receiver):
    daemon = await watched.start()
    async with await Session.open(daemon.port) as session:
        session.writer.write(b"MAIL FROM:<secret@stranger.example>\r\nRCPT TO:<who@elsewhere.example>\r\n")
        await session.reply()
        await session.reply()
    await send(daemon.port, dsn("ann@stranger.example"))
    await receiver.until_events(1)
    _, _, text = await get(daemon, "/metrics")
    assert "stranger" not in text
    assert "elsewhere" not in text
    assert 'bounced_refusals_total{reply="550 5.7.1 Not a recipient here"} 1.0' in text


async def test_an_open_session_is_counted_until_it_ends(watched):
    daemon = await watched.start()
    sessions = ("bounced_sessions", ("protocol", "esmtp"))
    async with await Session.open(daemon.port):
        assert (await measure(daemon))[sessions] == 1
    await until(daemon, lambda found: found[sessions] == 0)


async def test_a_sink_that_fails_is_measured_and_leaves_the_daemon_ready(watched, receiver):
    receiver.status = 503
    daemon = await watched.start()
    await send(daemon.port, dsn("ann@example.com"))
    failing = ("bounced_sink_failing", ("sink", "app"))
    samples = await until(daemon, lambda found: found[failing] == 1)
    assert samples["bounced_deliveries_total", ("result", "retry"), ("sink", "app")] >= 1
    status, _, text = await get(daemon, "/readyz", token="")
    assert status == 200
    assert '"sinks": {"all": 1, "failing": 1}' in text
    assert "app" not in text


async def test_what_waits_is_measured_with_the_age_of_the_oldest(watched, receiver):
    receiver.status = 503
    daemon = await watched.start()
    await send(daemon.port, dsn("ann@example.com"), dsn("bob@example.com"))
    await daemon.until_logged("delivery_failed", count=2)
    assert await daemon.stop() == 0
    daemon = await watched.start()  # it measures when it starts, and then every 15 seconds
    samples = await until(daemon, lambda found: found.get(("bounced_backlog_deliveries", ("sink", "app"))) == 2)
    assert samples["bounced_oldest_undelivered_seconds", ("sink", "app")] > 0
    assert samples["bounced_dead_deliveries", ("sink", "app")] == 0
    assert samples["bounced_backlog_messages",] == 0


async def test_diagnostics_that_no_rule_knows_and_quarantine_are_counted(watched, receiver):
    daemon = await watched.start(module="tests.daemon.fragile")
    await send(daemon.port, dsn("ann@example.com", status="5.0.0", said="550 xyzzy plugh"))
    await send(daemon.port, dsn("bob@example.com", header=BAD))
    await receiver.until_events(2)
    samples = await until(daemon, lambda found: found["bounced_quarantined_total",] == 1)
    assert samples["bounced_unknown_diagnostics_total",] == 1
    assert samples["bounced_messages_read_total", ("kind", "bounce")] == 1


@asynccontextmanager
async def held_up(daemon):
    async with await Session.open(daemon.port) as session:
        await session.begin()
        session.writer.write(f"{ENDLESS}\r\n\r\nHello\r\n.\r\n".encode())
        yield


async def test_a_flow_that_stands_still_is_not_alive_and_not_ready(watched):
    daemon = await watched.start(module="tests.daemon.fragile", WATCHDOG_USEC="1000000")
    assert (await get(daemon, "/healthz", token=""))[0] == 200
    assert (await get(daemon, "/readyz", token=""))[0] == 200
    async with held_up(daemon):
        await daemon.until_logged("flow_stuck")
        status, _, text = await get(daemon, "/healthz", token="")
        assert (status, text) == (503, '{"status": "stuck", "stage": "parse"}')
        assert (await get(daemon, "/readyz", token=""))[0] == 503
        assert (await measure(daemon))["bounced_flow_stuck", ("stage", "parse")] == 1


async def test_a_store_that_refuses_is_alive_and_not_ready(watched, tmp_path):
    daemon = await watched.start(WATCHDOG_USEC="4000000")
    database = sqlite3.connect(tmp_path / "data" / "bounced.db", isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    async with asyncio.timeout(DEADLINE_SECONDS):
        while (answer := await get(daemon, "/readyz", token=""))[0] == 200:
            pass
    assert '"store": "not writable"' in answer[2]
    assert (await get(daemon, "/healthz", token=""))[0] == 200
    database.execute("ROLLBACK")
    database.close()
    async with asyncio.timeout(DEADLINE_SECONDS):
        while (await get(daemon, "/readyz", token=""))[0] != 200:
            pass


async def test_metrics_need_a_token(watched):
    daemon = await watched.start()
    assert (await get(daemon, "/metrics", token=""))[0] == 401


async def test_reloads_are_counted_by_what_came_of_them(watched):
    daemon = await watched.start()
    daemon.signal(SIGHUP)
    await daemon.until_logged("reloaded")
    watched.sections["receive"]["hostnam"] = "mx"
    assert watched.config.exists()
    daemon.signal(SIGHUP)
    await daemon.until_logged("not_reloaded")
    samples = await measure(daemon)
    assert samples["bounced_reloads_total", ("result", "done")] == 1
    assert samples["bounced_reloads_total", ("result", "refused")] == 1
