"""The admin server as a part of the daemon."""

import asyncio
import signal
import socket

import aiohttp

from tests.daemon.mail import DEADLINE_SECONDS, complaint, dsn, send

TOKEN = "a-token-of-some-length"
OTHER = "another-token-of-some-length"
PATH = "/api/v1/recipients/ann@example.com"


async def ask(daemon, path=PATH, token=TOKEN):
    [listening] = [line for line in daemon.logged("listening") if line["stage"] == "admin"]
    url = listening["endpoints"][0] + path
    async with aiohttp.request("GET", url, headers={"Authorization": f"Bearer {token}"}) as answer:
        return answer.status


async def test_it_answers_when_the_daemon_is_ready_and_logs_no_address(site):
    site.sections["admin"] |= {"tokens": [TOKEN]}
    daemon = await site.start()
    assert await ask(daemon, "/healthz", token="") == 200
    assert await ask(daemon) == 200
    assert await ask(daemon, token=OTHER) == 401
    assert await daemon.stop() == 0
    assert [line["status"] for line in daemon.logged("request")] == [200, 200, 401]
    assert "ann" not in str(daemon.logged("request"))


async def test_a_reload_takes_over_new_tokens(site, tmp_path):
    secret = tmp_path / "token"
    secret.write_text(TOKEN)
    site.sections["admin"] |= {"token_files": [str(secret)]}
    daemon = await site.start()
    assert await ask(daemon) == 200
    secret.write_text(OTHER)
    daemon.signal(signal.SIGHUP)
    await daemon.until_logged("reloaded")
    assert (await ask(daemon), await ask(daemon, token=OTHER)) == (401, 200)
    secret.write_text("short")
    daemon.signal(signal.SIGHUP)
    await daemon.until_logged("not_reloaded")
    assert await ask(daemon, token=OTHER) == 200


async def test_a_port_that_is_taken_is_a_configuration_error(site):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        site.sections["admin"] = {"listen": f"127.0.0.1:{taken.getsockname()[1]}"}
        finished = await site.run("run")
    assert finished.code == 78
    assert "admin.listen: cannot listen on 127.0.0.1:" in finished.err
    assert "\n  remedy: " in finished.err


async def test_it_can_be_left_out(site):
    site.sections["admin"] = {"listen": ""}
    daemon = await site.start()
    assert "admin" not in {line["stage"] for line in daemon.logged("listening")}
    assert await daemon.stop() == 0


async def totals(daemon, by="type"):
    """Return how many events of each kind there were in the last day, as the API counts them."""
    [listening] = [line for line in daemon.logged("listening") if line["stage"] == "admin"]
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.request("GET", f"{listening['endpoints'][0]}/api/v1/stats?by={by}", headers=headers) as answer:
        return {row["key"]: row["total"] for row in (await answer.json())["series"]}


async def until_counted(daemon, expected, by="type"):
    async with asyncio.timeout(DEADLINE_SECONDS):
        while (found := await totals(daemon, by)) != expected:
            assert sum(found.values()) <= sum(expected.values())
            await asyncio.sleep(0.05)


async def test_what_comes_in_is_counted_once_also_by_a_daemon_that_is_killed(site):
    site.sections["admin"] |= {"tokens": [TOKEN]}
    daemon = await site.start()
    await send(daemon.port, *(dsn(f"r{number}@example.com") for number in range(20)))
    await until_counted(daemon, {"bounced.bounce": 20})
    await send(daemon.port, *(dsn(f"s{number}@example.com") for number in range(20)), complaint("cleo@example.com"))
    await daemon.kill()
    daemon = await site.start()
    await until_counted(daemon, {"bounced.bounce": 40, "bounced.complaint": 1})


async def test_bounces_are_counted_by_the_campaign_of_the_mail_that_failed(site, receiver):
    site.sections["admin"] |= {"tokens": [TOKEN], "campaign_header": "X-Campaign-ID"}
    daemon = await site.start()
    subject = b"Subject: The November issue"
    await send(daemon.port, dsn().replace(subject, b"X-Campaign-Id: november\r\n" + subject), dsn("ben@example.com"))
    await until_counted(daemon, {"november": 1}, by="campaign")
    assert await totals(daemon, by="domain") == {"test.example": 2}
