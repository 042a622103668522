"""What an operator is told to look at."""

import pytest
import tomli

from bounced.admin.trouble import find_trouble
from bounced.knowledge import shipped_knowledge
from bounced.shipped import read_text
from bounced.spikes import Spike
from bounced.store import Backlog, SinkState

QUIET = Backlog(messages=3, pending={"app": 2}, dead={})


def find(backlog=QUIET, sinks=(), spikes=(), uncounted=0):
    return find_trouble(backlog, sinks, spikes, uncounted, shipped_knowledge())


def test_when_all_is_well_nothing_is_said():
    fine = SinkState("app", is_failing=False, error="503, some time ago", failed=2, delivered_at=None)
    assert find(sinks=[fine]) == []


def test_a_sink_that_takes_nothing_is_named_with_what_it_said():
    failing = SinkState("app", is_failing=True, error="503 Service Unavailable", failed=9, delivered_at=None)
    [trouble] = find(sinks=[failing])
    assert "app" in trouble.title
    assert "503 Service Unavailable" in trouble.detail
    assert trouble.path == "/deliveries?state=pending&sink=app"


def test_a_sink_that_failed_last_and_has_nothing_to_take_is_no_trouble():
    failing = SinkState("app", is_failing=True, error="400", failed=1, delivered_at=None)
    assert find(Backlog(0, {}, {}), sinks=[failing]) == []


def test_a_provider_that_blocks_is_named_with_its_page_and_what_to_do():
    [trouble] = find(spikes=[Spike("gmail", "rate_limited", count=1200, usual=4, hours=3)])
    assert trouble.title == "Gmail and Google Workspace has begun to refuse our mail"
    assert "1,200" in trouble.detail
    assert "3 h ago" in trouble.detail
    assert "slowly" in trouble.remedy
    assert trouble.postmaster.startswith("https://")
    assert trouble.path == "/events?provider=gmail&reason=rate_limited"


def test_a_fault_of_others_is_not_called_a_refusal():
    [trouble] = find(spikes=[Spike("nobody-knows", "mailbox_full", count=50, usual=4, hours=0)])
    assert trouble.title == "nobody-knows returns more mail than usual"
    assert trouble.postmaster is None


def test_the_most_urgent_stands_first():
    failing = SinkState("app", is_failing=True, error="503", failed=9, delivered_at=None)
    found = find(
        Backlog(messages=2000, pending={"app": 9000}, dead={"app": 1, "log": 2}),
        sinks=[failing],
        spikes=[Spike("gmail", "policy", 99, 0, 0)],
        uncounted=9000,
    )
    assert [trouble.title for trouble in found] == [
        "The sink app does not take events",
        "Gmail and Google Workspace has begun to refuse our mail",
        "2,000 messages wait to be read",
        "9,000 deliveries wait",
        "9,000 events are not counted yet",
        "1 dead letter to app",
        "2 dead letters to log",
    ]


@pytest.mark.parametrize("reason", tomli.loads(read_text("bounced.admin", "remedies.toml")))
def test_every_remedy_is_for_a_reason_that_exists(reason):
    assert reason in shipped_knowledge().tables.reasons
