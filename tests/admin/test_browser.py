"""The dashboard in Debian's Chromium, without JavaScript, as people use it."""

import re
import shutil
from datetime import UTC, datetime

import pytest
from playwright.async_api import async_playwright, expect

from bounced.escalate import State
from bounced.store import DeliveryState, Settlement
from bounced.tallies import summarize
from tests.admin.conftest import TOKEN
from tests.daemon.mail import complaint, dsn

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CHROMIUM = shutil.which("chromium")
HOSTILE = (
    "550 5.1.1 <script>document.title='owned'</script><img src=x onerror=alert(1)> "
    "\x1b[31mred\x1b[0m \N{RIGHT-TO-LEFT OVERRIDE}gnp.exe\N{POP DIRECTIONAL FORMATTING} {{ 7 * 7 }} &amp; </pre></main>"
)


@pytest.fixture
async def chromium():
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
def open_page(chromium, server):
    """Return a function that opens a page of the dashboard for somebody who has logged in."""

    async def open_(*, scripts=False, width=1280, **options):
        context = await chromium.new_context(
            base_url=f"http://{server.address}",
            java_script_enabled=scripts,
            viewport={"width": width, "height": 800},
            **options,
        )
        page = await context.new_page()
        page.asked, page.complaints = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        await page.goto("/")
        await page.get_by_label("Token").fill(TOKEN)
        await page.get_by_role("button", name="Log in").click()
        await expect(page).to_have_title("Overview · bounced")
        await page.wait_for_load_state()
        return page

    return open_


@pytest.fixture
async def page(open_page):
    return await open_page()


@pytest.fixture
def count(store):
    async def count_():
        while await store.count_events(summarize):
            pass

    return count_


async def test_people_log_in_look_around_and_log_out(page):
    await expect(page).to_have_title("Overview · bounced")
    for name in ("Events", "Recipients", "Deliveries", "Unknown texts", "Overview"):
        await page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()
        await expect(page.get_by_role("link", name=name, exact=True)).to_have_attribute("aria-current", "page")
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_label("Token")).to_be_focused()
    await page.goto("/recipients")
    await expect(page.get_by_label("Token")).to_be_visible()


async def test_a_wrong_token_is_said_and_the_page_asked_for_is_kept(chromium, server):
    context = await chromium.new_context(base_url=f"http://{server.address}", java_script_enabled=False)
    page = await context.new_page()
    await page.goto("/recipients?state=complained")
    await page.get_by_label("Token").fill("not-the-token-at-all")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("alert")).to_have_text("This token is not in force.")
    await page.get_by_label("Token").fill(TOKEN)
    await page.get_by_role("button", name="Log in").click()
    await expect(page).to_have_url(re.compile(r"/recipients\?state=complained$"))
    await expect(page.get_by_label("State")).to_have_value("complained")


async def test_the_charts_show_what_came_and_say_it_in_a_table(page, tell, count):
    now = datetime.now(UTC)
    for number in range(3):
        await tell(dsn(f"r{number}@example.com"), at=now)
    await tell(complaint("cleo@example.com"), at=now)
    await count()
    await page.reload()
    chart = page.get_by_role("figure", name="What came in")
    await expect(chart.get_by_role("img")).to_have_accessible_name(re.compile(r"bounce 3, complaint 1\.$"))
    bars = chart.locator("rect")
    await expect(bars).to_have_count(2)
    box, plot = await bars.first.bounding_box(), await chart.locator("svg").bounding_box()
    assert box["height"] == pytest.approx(plot["height"] * 3 / 4, rel=0.02)
    await chart.get_by_text("The same as a table").click()
    row = chart.get_by_role("row").last
    await expect(row.get_by_role("cell")).to_have_text(["3", "1"])
    await expect(page.get_by_role("table", name="Bounces by sending domain")).to_contain_text("test.example")


@pytest.mark.parametrize(
    "asked", ["ann@example.com", "ANN@EXAMPLE.COM", "<november.1@test.example>", "november.1@test.example"]
)
async def test_a_bounce_is_found_and_tells_why(page, tell, count, asked):
    said = "552 5.2.2 the mailbox is over quota, sorry"
    [event_id] = await tell(dsn("ann@example.com", status="5.2.2", said=said))
    await count()
    await page.get_by_role("searchbox").fill(asked)
    await page.get_by_role("button", name="Search").click()
    events = page.get_by_role("table", name="Events that were found")
    await events.get_by_role("row").nth(1).get_by_role("link").first.click()
    await expect(page).to_have_url(re.compile(f"/events/{event_id}$"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("ann@example.com")
    verdict = page.get_by_role("region", name="Verdict")
    await expect(verdict).to_contain_text("mailbox full")
    await expect(verdict).to_contain_text("texts/")
    marks = page.get_by_role("region", name="The source of the message").locator("mark")
    assert "over quota" in " ".join(await marks.all_inner_texts()).lower()
    await page.get_by_role("searchbox").fill(event_id)
    await page.get_by_role("button", name="Search").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("ann@example.com")


async def test_what_is_not_known_is_said(page):
    await page.get_by_role("searchbox").fill("nobody@example.com")
    await page.get_by_role("button", name="Search").click()
    await expect(page.get_by_role("main")).to_contain_text("Nothing is known of it")


async def test_a_dead_letter_is_sent_again_from_the_page_of_its_event(page, tell, store):
    [event_id] = await tell(dsn("ann@example.com"))
    await store.settle(Settlement.dead((event_id, "app"), 1, error="400 Bad Request"))
    await page.goto(f"/events/{event_id}")
    await page.get_by_role("button", name="Send again to app").click()
    await expect(page.get_by_role("status")).to_contain_text("due again")
    await expect(page.get_by_role("button", name="Send again")).to_have_count(0)
    assert await store.list_deliveries(state=DeliveryState.DEAD) == []


async def test_dead_letters_are_listed_and_all_sent_again(page, tell, store):
    for number in range(3):
        [event_id] = await tell(dsn(f"r{number}@example.com"))
        await store.settle(Settlement.dead((event_id, "app"), 1, error="400 Bad Request"))
    await page.goto("/")
    await expect(page.get_by_role("article")).to_contain_text("3 dead letters to app")
    await page.get_by_role("article").get_by_role("link", name="Show them").click()
    await expect(page.get_by_role("table", name="Deliveries").get_by_role("row")).to_have_count(4)
    await page.get_by_role("button", name="Send all dead letters to app again").click()
    await expect(page.get_by_role("main")).to_contain_text("There are no dead letters.")
    assert len(await store.list_deliveries(state=DeliveryState.PENDING)) == 3


async def test_a_recipient_is_cleared_with_a_note(page, tell, store):
    await tell(dsn("ann@example.com"))
    await page.goto("/recipients")
    await page.get_by_role("link", name="ann@example.com").click()
    await expect(page.get_by_role("main")).to_contain_text("Send nothing there")
    await page.get_by_label("Note").fill("asked by phone")
    await page.get_by_role("button", name="Clear this recipient").click()
    await expect(page.get_by_role("status")).to_contain_text("Cleared")
    await expect(page.get_by_role("region", name="History").get_by_role("row").nth(1)).to_contain_text("asked by phone")
    recipient = await store.recipients.fetch("ann@example.com")
    assert (recipient.state, recipient.facts[0].by) == (State.ACTIVE, "dashboard")


async def test_a_recipient_is_cleared_from_the_list(page, suppress, store):
    await suppress("a+b/c?d#e@example.com")
    await page.goto("/recipients")
    await page.get_by_role("button", name="Clear a+b/c?d#e@example.com").click()
    await expect(page.get_by_role("status")).to_contain_text("Cleared")
    assert (await store.recipients.fetch("a+b/c?d#e@example.com")).state is State.ACTIVE


@pytest.mark.parametrize("scripts", [True, False])
async def test_what_is_hostile_is_shown_and_does_nothing(open_page, tell, count, scripts, server):
    hostile = dsn('"<b>x</b>"@example.com', said=HOSTILE).replace(
        b"Subject: The November issue", f"Subject: <script>alert(2)</script> {HOSTILE}".encode()
    )
    [event_id] = await tell(hostile)
    await tell(dsn("ann@example.com", status="5.0.0", said=f"550 zork {HOSTILE}"))
    await count()
    page = await open_page(scripts=scripts)
    for path in (
        f"/events/{event_id}",
        "/events",
        "/unknown",
        "/recipients",
        "/search?q=%3Cscript%3Ealert(1)%3C/script%3E",
    ):
        await page.goto(path)
        assert "owned" not in await page.title()
        assert await page.locator("main script, main img, main b b").count() == 0
        text = await page.locator("body").inner_text()
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
        assert "49" not in text.split("{{")[-1][:10]
        await expect(page.get_by_role("contentinfo")).to_be_visible()
    await page.goto(f"/events/{event_id}")
    words = await page.get_by_role("region", name="The source of the message").inner_text()
    assert "<script>document.title='owned'</script>" in words
    assert r"\x1b[31m" in words
    assert r"\x202e" in words
    assert all(url.startswith(f"http://{server.address}/") for url in page.asked)
    assert not [each for each in page.complaints if "Content Security Policy" in each or "owned" in each]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
async def test_pages_fit_and_can_be_read(open_page, tell, store, count, scheme, width):
    [event_id] = await tell(dsn("a-rather-long-name-of-a-recipient@a-long-subdomain.example.com"), at=datetime.now(UTC))
    await store.settle(Settlement.dead((event_id, "app"), 1, error="400 Bad Request"))
    await count()
    page = await open_page(scripts=True, width=width, color_scheme=scheme)
    for path in ("/", "/events", f"/events/{event_id}", "/recipients", "/deliveries", "/unknown", "/search?q=app"):
        await page.goto(path)
        assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
        assert await page.evaluate(POOR_CONTRASTS) == [], path
        assert await page.evaluate(UNNAMED) == [], path


async def test_everything_is_reached_by_keyboard_and_seen_to_be(page):
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    focused = page.locator("main :focus")
    await expect(focused).to_have_count(1)
    await expect(focused).to_have_css("outline-style", "solid")


# The texts whose colour stands out too little from what is behind them (WCAG 1.4.3).
POOR_CONTRASTS = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const colour = parse(getComputedStyle(node).backgroundColor);
      if (colour.length < 4 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text; (text = walker.nextNode());) {
    const node = text.parentElement;
    if (!text.data.trim() || !node.checkVisibility() || node.closest("svg")) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(ground(node))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) poor.push(text.data.trim());
  }
  return poor;
}"""
# What a screen reader could not name, and tables without headers.
UNNAMED = """() => [
  ...[...document.querySelectorAll("input:not([type=hidden]), select")].filter((each) => !each.labels.length),
  ...[...document.querySelectorAll("button, a")].filter((each) => !each.innerText.trim() && !each.ariaLabel),
  ...[...document.querySelectorAll("table")].filter((each) => !each.caption || !each.querySelector("th[scope=col]")),
  ...[...document.querySelectorAll("th")].filter((each) => !each.scope),
  ...[...document.querySelectorAll("svg")].filter((each) => !each.ariaHidden && !each.querySelector("title")),
  ...(document.querySelectorAll("h1").length === 1 && document.documentElement.lang === "en" ? [] : [document.body]),
].map((each) => each.outerHTML.slice(0, 200))"""
