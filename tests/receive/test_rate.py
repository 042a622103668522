"""How often within a minute, in bounded memory."""

import tracemalloc

from bounced.receive.rate import Rate


def test_one_client_may_so_often_within_a_minute():
    rate = Rate(2)
    assert [rate.allows(b"ann", now) for now in (0, 1, 59, 60, 61, 62)] == [True, True, False, True, True, False]


def test_one_client_is_not_counted_for_another():
    rate = Rate(1)
    assert [rate.allows(client, 0) for client in (b"ann", b"ben", b"ann")] == [True, True, False]


def test_any_number_of_clients_takes_no_more_memory():
    rate = Rate(1, max_clients=1000)
    tracemalloc.start()
    assert all(rate.allows(number.to_bytes(8), 0) for number in range(100_000))
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert used < 1_000_000
