"""Pages as they go over the wire: who gets them, what is around them, and what forms may do."""

import asyncio
import re
from datetime import UTC, datetime

import aiohttp
import pytest

from bounced.escalate import State
from bounced.store import DeliveryState, Settlement
from bounced.tallies import summarize
from tests.admin.conftest import TOKEN
from tests.daemon.mail import dsn

READER = "a-token-that-may-only-read"
HTML = {"Accept": "text/html,application/xhtml+xml"}
PAGES = ["/", "/?period=week", "/?period=month", "/events", "/search", "/recipients", "/deliveries", "/unknown"]


class Browser:
    """Asks as a browser does: keeps cookies, follows nothing by itself."""

    def __init__(self, session):
        self._session = session

    async def get(self, path, **headers):
        async with self._session.get(path, headers=headers, allow_redirects=False) as answer:
            return answer, await answer.text()

    async def post(self, path, **options):
        async with self._session.post(path, allow_redirects=False, **options) as answer:
            return answer, await answer.text()

    async def log_in(self, token, following="/"):
        _, form = await self.get("/login")
        fields = {"form_key": key_in(form), "token": token, "next": following}
        return await self.post("/login", data=fields)


def key_in(page):
    return re.search(r'name="form_key" value="([^"]+)"', page)[1]


@pytest.fixture
async def open_browser(serve):
    async with serve(TOKEN, read_tokens=(READER,)) as server:
        sessions = []

        def open_():
            # Cookies of a host by its address are kept only by a jar that is told so.
            jar = aiohttp.CookieJar(unsafe=True)
            sessions.append(aiohttp.ClientSession(f"http://{server.address}", headers=HTML, cookie_jar=jar))
            return Browser(sessions[-1])

        yield open_
        await asyncio.gather(*(session.close() for session in sessions))


@pytest.fixture
async def browser(open_browser):
    browser = open_browser()
    await browser.log_in(TOKEN)
    return browser


@pytest.fixture
async def reader(open_browser):
    browser = open_browser()
    await browser.log_in(READER)
    return browser


@pytest.mark.parametrize("path", PAGES)
async def test_strangers_are_led_to_the_login_and_back(open_browser, path):
    answer, _ = await open_browser().get(path)
    assert answer.status == 303
    location = answer.headers["Location"]
    assert location.startswith("/login")
    browser = open_browser()
    _, form = await browser.get(location)
    following = re.search(r'name="next" value="([^"]*)"', form)[1].replace("&amp;", "&")
    answer, _ = await browser.post("/login", data={"form_key": key_in(form), "token": TOKEN, "next": following})
    assert answer.headers["Location"] == path


@pytest.mark.parametrize("path", PAGES)
async def test_pages_are_whole_and_for_nobody_else(browser, path):
    answer, page = await browser.get(path)
    assert (answer.status, answer.content_type) == (200, "text/html")
    assert page.rstrip().endswith("</html>")
    assert "None" not in page
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|(?:src|href)=.?https?:", page)


async def test_the_cookie_is_out_of_reach_for_others(open_browser):
    browser = open_browser()
    answer, _ = await browser.log_in(TOKEN)
    cookie = answer.cookies["bounced_session"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/")
    assert 0 < int(cookie["max-age"]) <= 12 * 3600
    assert not cookie["secure"]


async def test_behind_a_proxy_with_tls_the_cookie_is_for_tls_only(open_browser):
    browser = open_browser()
    _, form = await browser.get("/login")
    fields, headers = {"form_key": key_in(form), "token": TOKEN}, {"X-Forwarded-Proto": "https"}
    answer, _ = await browser.post("/login", data=fields, headers=headers)
    assert answer.cookies["bounced_session"]["secure"]


@pytest.mark.parametrize("token", ["", "no-token-of-ours", TOKEN + "x", "x" * 1001])
async def test_what_is_no_token_lets_nobody_in(open_browser, token):
    browser = open_browser()
    answer, page = await browser.log_in(token)
    assert answer.status in (400, 403)
    assert "bounced_session" not in answer.cookies
    assert token not in page or not token
    assert (await browser.get("/"))[0].status == 303


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:alert(1)", "", "evil"]
)
async def test_the_login_leads_to_no_other_site(open_browser, elsewhere):
    answer, _ = await open_browser().log_in(TOKEN, following=elsewhere)
    assert (answer.status, answer.headers["Location"]) == (303, "/")


async def test_a_login_form_of_another_site_is_refused(open_browser):
    browser = open_browser()
    answer, _ = await browser.post("/login", data={"form_key": "x", "token": TOKEN})
    assert (answer.status, "bounced_session" in answer.cookies) == (403, False)
    _, form = await open_browser().get("/login")
    answer, _ = await browser.post("/login", data={"form_key": key_in(form), "token": TOKEN})
    assert (answer.status, "bounced_session" in answer.cookies) == (403, False)


async def test_who_logs_out_is_out_also_with_the_old_cookie(open_browser):
    browser = open_browser()
    answer, _ = await browser.log_in(TOKEN)
    name = answer.cookies["bounced_session"].value
    _, page = await browser.get("/")
    assert (await browser.post("/logout", data={"form_key": key_in(page)}))[0].status == 303
    answer, _ = await open_browser().get("/", Cookie=f"bounced_session={name}")
    assert answer.status == 303


@pytest.mark.parametrize("form_key", [None, "", "x"])
async def test_a_form_of_another_site_changes_nothing(browser, store, suppress, form_key):
    await suppress("ann@example.com")
    fields = {} if form_key is None else {"form_key": form_key}
    answer, page = await browser.post("/recipients/ann%40example.com/clear", data=fields)
    assert (answer.status, answer.content_type) == (403, "text/html")
    assert "load the page again" in page
    assert (await store.recipients.fetch("ann@example.com")).state is State.SUPPRESSED
    assert (await browser.post("/logout", data=fields))[0].status == 403


async def test_the_key_of_somebody_else_is_none(open_browser, browser, store, suppress):
    await suppress("ann@example.com")
    other = open_browser()
    await other.log_in(TOKEN)
    _, page = await other.get("/")
    answer, _ = await browser.post("/recipients/ann%40example.com/clear", data={"form_key": key_in(page)})
    assert answer.status == 403


async def test_a_session_is_no_key_to_the_api(browser):
    answer, _ = await browser.get("/api/v1/recipients")
    assert (answer.status, answer.content_type) == (401, "application/problem+json")


async def test_who_may_only_read_is_shown_no_forms_and_changes_nothing(reader, store, tell, suppress):
    await suppress("ann@example.com")
    [event_id] = await tell(dsn("ben@example.com"))
    await store.settle(Settlement.dead((event_id, "app"), 1, error="400"))
    for path in ("/recipients", "/recipients/ann%40example.com", "/deliveries", f"/events/{event_id}"):
        answer, page = await reader.get(path)
        assert answer.status == 200
        assert re.findall(r'method="post" action="([^"]+)"', page) == ["/logout"]
    _, page = await reader.get("/")
    for path in ("/recipients/ann%40example.com/clear", "/deliveries/retry", f"/events/{event_id}/retry"):
        answer, _ = await reader.post(path, data={"form_key": key_in(page), "sink": "app"})
        assert answer.status == 403
    assert (await store.recipients.fetch("ann@example.com")).state is State.SUPPRESSED
    assert len(await store.list_deliveries(state=DeliveryState.DEAD)) == 1


async def test_a_program_with_a_token_may_read_pages_and_send_no_forms(open_browser, suppress):
    await suppress("ann@example.com")
    browser = open_browser()
    answer, _ = await browser.get("/recipients", Authorization=f"Bearer {TOKEN}")
    assert answer.status == 200
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert (await browser.post("/recipients/ann%40example.com/clear", data={}, headers=headers))[0].status == 403


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/events/evt_none",
        "/recipients/nobody",
        "/events?type=x",
        "/deliveries?state=x",
        "/events?cursor=x",
        "/messages/msg_none/source",
        "/recipients?state=x",
        "/events?about=%00",
    ],
)
async def test_what_is_wrong_is_said_on_a_page(browser, path):
    answer, page = await browser.get(path)
    assert (answer.status // 100, answer.content_type) == (4, "text/html")
    assert "</html>" in page


async def test_the_style_is_for_everybody_and_kept_by_browsers(open_browser):
    browser = open_browser()
    _, form = await browser.get("/login")
    answer, style = await browser.get(re.search(r'rel="stylesheet" href="([^"]+)"', form)[1])
    assert (answer.status, answer.content_type) == (200, "text/css")
    assert "immutable" in answer.headers["Cache-Control"]
    assert not re.search(r"https?:|@import|url\(", style)


async def test_without_any_token_the_pages_say_which_key_is_missing(serve):
    async with serve() as server, aiohttp.request("GET", f"http://{server.address}/", headers=HTML) as answer:
        assert (answer.status, answer.content_type) == (403, "text/html")
        assert "admin.tokens" in await answer.text()


async def test_what_has_just_come_is_on_the_first_page(browser, store, tell):
    await tell(dsn("ann@example.com"), at=datetime.now(UTC))
    while await store.count_events(summarize):
        pass
    _, page = await browser.get("/")
    assert "Nothing is wrong" in page
    assert re.search(r"<b>1</b>\s*hard bounces", page)
    assert "user unknown 1." in page
    assert "test.example" in page


async def test_pages_of_a_list_follow_one_another(browser, suppress):
    await suppress(*(f"r{number:03}@example.com" for number in range(120)))
    path, seen = "/recipients?state=suppressed&contains=r", []
    while path:
        _, page = await browser.get(path)
        seen += re.findall(r'<a href="/recipients/(r\d+)%40example.com"', page)
        link = re.search(r'rel="next" href="([^"]+)"', page)
        path = link and "/recipients" + link[1].replace("&amp;", "&")
    assert seen == [f"r{number:03}" for number in range(120)]
