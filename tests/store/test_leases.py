"""Who works on what, and what happens to it when he dies."""

import asyncio
from datetime import timedelta
from itertools import chain

import pytest

from bounced.model import Message
from bounced.store import Settlement

pytestmark = pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)


async def accept(store, messages, *, lease=False):
    assert all(await asyncio.gather(*(store.accept(message, lease=lease) for message in messages)))


async def test_a_leased_message_is_not_claimed_until_its_lease_ran_out(store, make_message, clock):
    await accept(store, [make_message()], lease=True)
    assert await store.next_message_due() == clock.now + timedelta(seconds=60)
    clock.pass_(seconds=59)
    assert await store.claim_messages(10) == []
    clock.pass_(seconds=1)
    [claimed] = await store.claim_messages(10)
    assert (claimed.message, claimed.attempts) == (make_message(), 2)


async def test_a_waiting_message_is_claimed_once(store, make_message):
    await accept(store, [make_message()])
    [claimed] = await store.claim_messages(10)
    assert claimed.attempts == 1
    assert await store.claim_messages(10) == []


async def test_the_longest_waiting_come_first_up_to_the_limit(store, make_message, clock):
    messages = [make_message(number) for number in range(5)]
    for message in messages:
        await store.accept(message, lease=False)
        clock.pass_(seconds=1)
    assert [each.message for each in await store.claim_messages(3)] == messages[:3]
    assert [each.message for each in await store.claim_messages(3)] == messages[3:]


async def test_a_claim_is_bounded_in_bytes_but_never_empty(store, make_message, clock):
    for number in range(3):
        await store.accept(make_message(number, raw=b"x" * 1000), lease=False)
        clock.pass_(seconds=1)
    assert len(await store.claim_messages(10, max_bytes=2000)) == 2
    assert len(await store.claim_messages(10, max_bytes=1)) == 1


async def test_suspects_come_alone_and_after_the_fresh(store, make_message, clock):
    await accept(store, [make_message(number) for number in range(3)], lease=True)
    clock.pass_(minutes=2)
    await accept(store, [make_message(number) for number in range(3, 6)])
    assert [each.attempts for each in await store.claim_messages(10)] == [1, 1, 1]
    assert [[each.attempts for each in await store.claim_messages(10)] for _ in range(4)] == [[2], [2], [2], []]


async def test_a_process_that_is_killed_often_does_not_bring_one_message_to_its_limit(store, make_message):
    tried = []
    for number in range(10):
        await accept(store, [make_message(number)], lease=True)
        await store.release_own()
        tried += [each.attempts for each in await store.claim_messages(10)]
    assert tried == [2] * 10


async def test_attempts_count_every_start_so_that_the_caller_can_quarantine(store, make_message):
    await accept(store, [make_message()], lease=True)
    attempts = []
    for _ in range(3):
        await store.release_own()
        attempts += [each.attempts for each in await store.claim_messages(10)]
    assert attempts == [2, 3, 4]


async def test_what_is_left_unfinished_in_order_was_not_begun(store, make_message, conclude_as):
    await accept(store, [make_message(1), make_message(2)], lease=True)
    await store.conclude(conclude_as(make_message(2), leased=("app",)))
    for _ in range(5):
        assert await store.release_own(is_ending=True) == 2
        assert [each.attempts for each in await store.claim_messages(10)] == [1]
        assert [each.attempt for each in await store.claim_deliveries("app", 10)] == [1]


async def test_renewed_leases_last(store, make_message, conclude_as, clock):
    await accept(store, [make_message(1), make_message(2)], lease=True)
    concluded = conclude_as(make_message(2), leased=("app",))
    await store.conclude(concluded)
    for _ in range(3):
        clock.pass_(seconds=50)
        assert await store.renew({make_message(1).id}, {"app": {concluded.events[0].id}}) == 2
    assert await store.claim_messages(10) == []
    assert await store.claim_deliveries("app", 10) == []


async def test_what_its_owner_does_not_hold_comes_back_though_the_owner_lives(store, make_message, conclude_as, clock):
    await accept(store, [make_message(1), make_message(2), make_message(3)], lease=True)
    await store.conclude(conclude_as(make_message(2), leased=("app",)))
    clock.pass_(seconds=50)
    assert await store.renew({make_message(3).id}, {"app": set()}) == 1
    clock.pass_(seconds=50)
    assert [each.message.id for each in await store.claim_messages(10)] == [make_message(1).id]
    assert len(await store.claim_deliveries("app", 10)) == 1


async def test_what_a_clock_that_was_ahead_put_off_is_due(store, make_message, conclude_as, clock):
    clock.pass_(days=1)
    await accept(store, [make_message(1)])
    await accept(store, [make_message(2), make_message(3)], lease=True)
    sinks = ("leased", "retried", "dead")
    concluded = conclude_as(make_message(3), sinks=sinks, leased=sinks)
    await store.conclude(concluded)
    event_id = concluded.events[0].id
    await store.settle(Settlement.retry((event_id, "retried"), 1, after=timedelta(hours=1), error="503"))
    await store.settle(Settlement.dead((event_id, "dead"), 1, error="404"))
    clock.pass_(days=-1)
    assert await store.renew(set(), {}) == 0
    assert {each.message.id for each in await store.claim_messages(10)} == {make_message(1).id}
    assert {each.message.id for each in await store.claim_messages(10)} == {make_message(2).id}
    for sink, attempts in {"leased": [2], "retried": [2], "dead": []}.items():
        assert [each.attempt for each in await store.claim_deliveries(sink, 10)] == attempts


async def test_what_a_clock_that_is_right_put_off_stays_so(url, open_store, make_message, conclude_as, clock):
    one, two = await open_store(url, owner="one"), await open_store(url, owner="two")
    clock.pass_(seconds=45)  # that of the other is ahead by less than a lease
    await accept(two, [make_message(1), make_message(2)], lease=True)
    sinks, later = ("leased", "retried"), clock.now + timedelta(days=1)
    concluded = conclude_as(make_message(2), sinks=sinks, leased=sinks)
    await two.conclude(concluded)
    await two.settle(Settlement.retry((concluded.events[0].id, "retried"), 1, after=timedelta(days=1), error="503"))
    clock.pass_(seconds=-45)
    await one.renew(set(), {})
    assert await one.claim_messages(10) == []
    assert [await one.claim_deliveries(sink, 10) for sink in sinks] == [[], []]
    assert await one.next_delivery_due("retried") == later


async def test_nobody_renews_the_lease_of_another(url, open_store, make_message, clock):
    one, two = await open_store(url, owner="one"), await open_store(url, owner="two")
    await accept(one, [make_message(1)], lease=True)
    assert await two.renew({make_message(1).id}, {}) == 0


async def test_release_gives_back_only_what_is_ones_own(url, open_store, make_message, conclude_as):
    one, two = await open_store(url, owner="one"), await open_store(url, owner="two")
    await accept(one, [make_message(1), make_message(2)], lease=True)
    await one.conclude(conclude_as(make_message(2), leased=("app",)))
    assert await two.release_own() == 0
    assert await one.release_own() == 2
    assert len(await two.claim_messages(10)) == 1
    assert len(await two.claim_deliveries("app", 10)) == 1


async def test_two_owners_never_get_the_same_row(url, open_store, make_message, conclude_as):
    patient = url.replace("timeout=0.2", "timeout=20")  # each waits for the commits of the other
    stores = [await open_store(patient, owner=owner) for owner in ("one", "two")]
    messages = [make_message(number) for number in range(100)]
    await accept(stores[0], messages)

    async def claim_all(claim):
        taken = []
        while batch := await claim():
            taken += batch
        return taken

    claimed = await asyncio.gather(*(claim_all(lambda store=store: store.claim_messages(5)) for store in stores))
    assert sorted(each.message.id for each in chain(*claimed)) == sorted(message.id for message in messages)
    await asyncio.gather(*(stores[0].conclude(conclude_as(message)) for message in messages))
    sent = await asyncio.gather(*(claim_all(lambda store=store: store.claim_deliveries("app", 5)) for store in stores))
    assert sorted(each.event.id for each in chain(*sent)) == sorted({each.event.id for each in chain(*sent)})
    assert sum(map(len, sent)) == 100


async def test_two_owners_may_accept_the_same_mail_at_once(url, open_store, make_message):
    patient = url.replace("timeout=0.2", "timeout=20")  # each waits for the commits of the other
    stores = [await open_store(patient, owner=owner) for owner in ("one", "two")]
    messages = [make_message(number) for number in range(100)]
    offers = [store.accept(message, lease=True) for message in messages for store in stores]
    assert sum(await asyncio.gather(*offers)) == 100


async def test_a_message_cut_short_keeps_the_size_it_had(store, make_message):
    whole = make_message()
    await store.accept(Message.of(whole.envelope, whole.raw, size=10**10), lease=False)
    [claimed] = await store.claim_messages(1)
    assert claimed.message.size == 10**10


async def test_a_clock_that_jumps_ahead_gives_work_twice_and_concludes_it_once(store, make_message, conclude_as, clock):
    await accept(store, [make_message()], lease=True)
    clock.pass_(days=1)
    [claimed] = await store.claim_messages(10)
    assert claimed.message == make_message()
    conclusion = conclude_as(make_message())
    assert [await store.conclude(conclusion) for _ in range(2)] == [True, False]
    assert len(await store.claim_deliveries("app", 10)) == 1


async def test_a_clock_that_jumps_back_holds_up_no_new_mail_and_a_restart_frees_the_old(store, make_message, clock):
    await accept(store, [make_message(1)], lease=True)
    clock.pass_(days=-1)
    assert await store.claim_messages(10) == []
    await accept(store, [make_message(2)])
    assert [each.message.id for each in await store.claim_messages(10)] == [make_message(2).id]
    assert await store.release_own() == 2
    taken = [*await store.claim_messages(10), *await store.claim_messages(10)]
    assert {each.message.id for each in taken} == {make_message(1).id, make_message(2).id}
