"""What the store remembers of recipients, whichever database it is in."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from bounced.escalate import FactKind, Policy, State, Threshold
from bounced.model import Event, EventType
from bounced.store import ImportedRecipient

pytestmark = pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
ANN, BEN = "ann@example.com", "ben@example.com"


async def told(store):
    """Return the sinks that are told of undeliverable recipients, with how often."""
    deliveries = await store.list_deliveries(limit=10_000)
    return Counter((each.sink, each.recipient) for each in deliveries if each.type == EventType.UNDELIVERABLE)


class TestConclude:
    async def test_a_bounce_changes_its_recipient(self, store, bounce, clock):
        await bounce(ANN)
        stored = await store.recipients.fetch("Ann@Example.com")
        assert (stored.address, stored.state, stored.reason) == (ANN, State.SUPPRESSED, "user_unknown")
        assert (stored.since, stored.counts, stored.days) == (clock.now, {"hard": 1}, 1)
        assert [each.kind for each in stored.facts] == [FactKind.HARD]
        assert await store.recipients.fetch(BEN) is None

    async def test_a_recipient_that_becomes_undeliverable_is_told_once(self, store, bounce, clock):
        for _ in range(8):
            clock.pass_(hours=12)
            await bounce(ANN, kind=FactKind.SOFT)
        assert (await store.recipients.fetch(ANN)).state is State.UNDELIVERABLE
        assert await told(store) == {("app", ANN): 1, ("log", ANN): 1}
        stored = await store.fetch_event(Event.derive_id("", EventType.UNDELIVERABLE, ANN))
        assert stored.event.type is EventType.UNDELIVERABLE

    async def test_a_repeat_of_a_conclusion_counts_once(self, store, bounce):
        conclusion = await bounce(ANN, kind=FactKind.SOFT)
        assert not await store.conclude(conclusion)
        assert (await store.recipients.fetch(ANN)).counts == {"soft": 1}

    @pytest.mark.parametrize("days", [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3]])
    async def test_the_order_of_arrival_does_not_matter(self, store, bounce, clock, days):
        for day in days:
            await bounce(ANN, kind=FactKind.SOFT, at=clock.now + timedelta(days=day))
        stored = await store.recipients.fetch(ANN)
        assert (stored.state, stored.since) == (State.UNDELIVERABLE, clock.now + timedelta(days=4))
        assert await told(store) == {("app", ANN): 1, ("log", ANN): 1}
        assert await store.fetch_event(Event.derive_id("", EventType.UNDELIVERABLE, ANN))

    async def test_after_a_clearing_it_is_told_again(self, store, bounce, clock):
        for _ in range(2):
            for _ in range(5):
                clock.pass_(days=1)
                await bounce(ANN, kind=FactKind.SOFT)
            clock.pass_(minutes=1)
            await store.recipients.clear(ANN, by="cli")
        assert await told(store) == {("app", ANN): 2, ("log", ANN): 2}

    async def test_many_at_once_need_few_statements(self, store, bounce, listen):
        commits, statements = [], []
        listen("commit", commits.append)
        listen("before_cursor_execute", lambda *event: statements.append(event[2]))
        await asyncio.gather(*(bounce(f"user{number}@example.com") for number in range(64)))
        assert len(commits) < 20
        assert len(statements) < 12 * len(commits)
        assert len((await store.recipients.list())[0]) == 64

    async def test_two_daemons_may_conclude_about_the_same_recipients(self, url, open_store, bounce):
        patient = url.replace("timeout=0.2", "timeout=20")  # each waits for the commits of the other
        stores = [await open_store(patient, owner=owner) for owner in ("one", "two")]
        addresses = [f"user{number}@example.com" for number in range(20)]
        await asyncio.gather(*(bounce(*addresses, kind=FactKind.SOFT, on=on) for _ in range(10) for on in stores))
        assert {each.counts["soft"] for each in (await stores[0].recipients.list())[0]} == {20}

    async def test_the_policy_is_the_one_the_store_was_opened_with(self, url, open_store, bounce, clock):
        store = await open_store(url, policy=Policy(Threshold(bounces=1, days=1), require_verified=True))
        await bounce(ANN, kind=FactKind.SOFT, verified=False, on=store)
        assert await store.recipients.fetch(ANN) is None
        await bounce(ANN, kind=FactKind.SOFT, on=store)
        assert (await store.recipients.fetch(ANN)).state is State.UNDELIVERABLE

    async def test_no_more_than_200_facts_are_kept(self, store, bounce, clock):
        for _ in range(21):
            clock.pass_(minutes=1)
            await asyncio.gather(*(bounce(ANN, kind=FactKind.SOFT) for _ in range(10)))
        assert len((await store.recipients.fetch(ANN)).facts) == 200

    async def test_an_address_that_no_database_can_hold_harms_nobody(self, store, bounce):
        await bounce("a\x00\udc80@example.com", ANN)
        assert (await store.recipients.fetch("a\x00\udc80@example.com")).state is State.SUPPRESSED
        assert (await store.recipients.fetch(ANN)).state is State.SUPPRESSED


class TestClear:
    async def test_who_cleared_stays_in_the_audit_trail(self, store, bounce, clock):
        await bounce(ANN)
        clock.pass_(days=1)
        assert await store.recipients.clear("ANN@example.com", by="api", note="she wrote to us")
        stored = await store.recipients.fetch(ANN)
        assert (stored.state, stored.why, stored.since) == (State.ACTIVE, "cleared", clock.now)
        assert (stored.facts[0].kind, stored.facts[0].by, stored.facts[0].note) == (
            FactKind.CLEARED,
            "api",
            "she wrote to us",
        )
        assert len(stored.facts) == 2

    async def test_nobody_unknown_is_cleared(self, store):
        assert not await store.recipients.clear(ANN, by="api")
        assert await store.recipients.fetch(ANN) is None


class TestDecay:
    async def test_soft_bounces_decay_in_answers_at_once_and_in_the_table_with_time(self, store, bounce, clock):
        await bounce(ANN, kind=FactKind.SOFT)
        assert await store.recipients.decay() == 0
        clock.pass_(days=30)
        assert (await store.recipients.fetch(ANN)).state is State.ACTIVE
        assert await store.recipients.list(state=State.ACTIVE) == ([], None)
        assert await store.recipients.decay() == 1
        [stored], _ = await store.recipients.list(state=State.ACTIVE)
        assert (stored.since, stored.counts) == (clock.now, {"soft": 1})


class TestImport:
    async def test_a_list_that_is_imported_twice_is_there_once(self, store, clock):
        since = clock.now - timedelta(days=400)
        entries = [
            ImportedRecipient(f"User{number}@example.com", State.SUPPRESSED, "user_unknown", since, "old system")
            for number in range(1100)
        ]
        assert await store.recipients.take_over(entries, by="ben") == 1100
        assert await store.recipients.take_over(entries, by="ben") == 1100
        stored = await store.recipients.fetch("user7@example.com")
        assert (stored.state, stored.since, stored.why) == (State.SUPPRESSED, since, "imported by ben")
        assert [(each.reason, each.by, each.note) for each in stored.facts] == [("user_unknown", "ben", "old system")]

    async def test_what_is_no_address_is_left_out(self, store):
        entries = [ImportedRecipient("", State.SUPPRESSED), ImportedRecipient(ANN, State.COMPLAINED)]
        assert await store.recipients.take_over(entries, by="ben") == 1
        assert (await store.recipients.fetch(ANN)).state is State.COMPLAINED

    async def test_an_imported_recipient_can_be_cleared(self, store, clock):
        await store.recipients.take_over([ImportedRecipient(ANN, State.UNDELIVERABLE)], by="ben")
        clock.pass_(seconds=1)
        await store.recipients.clear(ANN, by="api")
        assert (await store.recipients.fetch(ANN)).state is State.ACTIVE

    @pytest.mark.parametrize("state", [State.ACTIVE, State.SOFT_BOUNCING])
    async def test_only_what_forbids_to_send_can_be_imported(self, store, state):
        with pytest.raises(ValueError, match=state):
            ImportedRecipient(ANN, state)


class TestAsk:
    async def test_many_are_checked_at_once_by_the_spelling_of_the_question(self, store, bounce):
        await bounce(ANN, BEN)
        asked = ["Ann@Example.com", "nobody@example.com", *(f"user{number}@example.com" for number in range(998))]
        found = await store.recipients.check(asked)
        assert {address: each.state for address, each in found.items()} == {"Ann@Example.com": State.SUPPRESSED}
        assert found["Ann@Example.com"].facts == ()
        assert await store.recipients.check([]) == {}

    async def test_pages_follow_each_other_without_gap_or_overlap(self, store, bounce):
        addresses = sorted(f"user{number}@example.com" for number in range(25))
        await bounce(*addresses)
        seen, cursor = [], None
        while True:
            page, cursor = await store.recipients.list(cursor=cursor, limit=10)
            seen += [each.address for each in page]
            if cursor is None:
                break
        assert sorted(seen) == addresses
        assert len(seen) == 25

    async def test_a_page_that_ends_with_the_list_has_no_cursor(self, store, bounce):
        await bounce(ANN, BEN)
        assert (await store.recipients.list(limit=2))[1] is None

    async def test_a_list_can_be_filtered(self, store, bounce, clock):
        await bounce(ANN)
        clock.pass_(days=1)
        await bounce("b_n@example.com", kind=FactKind.SOFT, reason="mailbox_full")

        async def listed(**filters):
            return [each.address for each in (await store.recipients.list(**filters))[0]]

        assert await listed(state=State.SUPPRESSED) == [ANN]
        assert await listed(reason="mailbox_full") == ["b_n@example.com"]
        assert await listed(since=clock.now) == ["b_n@example.com"]
        assert await listed(contains="B_N@") == ["b_n@example.com"]
        assert await listed(contains="_nn") == []


class TestErase:
    async def test_all_that_is_known_of_an_address_is_gone(self, store, bounce):
        alone = await bounce("Ann@Example.com")
        shared = await bounce(ANN, BEN)
        assert await store.recipients.erase("ANN@example.com") == 7
        assert await store.recipients.fetch(ANN) is None
        assert await store.fetch_message(alone.message_id) is None
        assert {each.recipient for each in await store.list_deliveries()} == {BEN}
        assert await store.fetch_message(shared.message_id) is None  # the raw message names her
        assert (await store.recipients.fetch(BEN)).facts
        assert await store.recipients.erase(ANN) == 0
