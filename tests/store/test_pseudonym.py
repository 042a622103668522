"""A store that is told to know no addresses writes none into its tables of recipients and events."""

import pytest

from bounced.escalate import FactKind, State
from bounced.store import ImportedRecipient, engine

pytestmark = pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
ANN = "ann@example.com"


def columns_of(url):
    """Return all that is written where pseudonyms are due."""
    reading = engine.reading_engine(engine.parse_url(url))
    queries = ("SELECT * FROM recipient", "SELECT * FROM recipient_fact", "SELECT recipient FROM event")
    with reading.connect() as connection:
        rows = [str(row) for query in queries for row in connection.exec_driver_sql(query)]
    reading.dispose()
    return rows


async def test_no_address_is_written_and_every_question_is_answered(url, open_store, bounce, clock):
    store = await open_store(url, pseudonymize=True)
    for _ in range(5):
        clock.pass_(days=1)
        await bounce("Ann@Example.com", kind=FactKind.SOFT, on=store)
    await store.recipients.take_over([ImportedRecipient("ben@example.com", State.SUPPRESSED)], by="list")
    rows = columns_of(url)
    assert len(rows) == 2 + 6 + 6
    assert not [row for row in rows if "example.com" in row.lower()]

    found = await store.recipients.check([ANN, "ben@example.com", "nobody@example.com"])
    assert {address: each.state for address, each in found.items()} == {
        ANN: State.UNDELIVERABLE,
        "ben@example.com": State.SUPPRESSED,
    }
    name = found[ANN].address
    assert name.startswith("hmac:")
    assert (await store.recipients.fetch(name)).state is State.UNDELIVERABLE
    clock.pass_(days=1)
    assert await store.recipients.clear(name, by="api")
    assert (await store.recipients.fetch(ANN)).state is State.ACTIVE
    assert await store.recipients.erase(ANN) > 0
    assert len(columns_of(url)) == 2


async def test_a_store_that_begins_to_pseudonymize_renames_what_it_has_and_stays_so(url, store, open_store, bounce):
    await bounce(ANN)
    await store.close()
    await (await open_store(url, pseudonymize=True)).close()
    assert not [row for row in columns_of(url) if "example.com" in row]
    store = await open_store(url)
    assert len((await store.recipients.fetch(ANN)).facts) == 1
    await bounce("ben@example.com", on=store)
    assert not [row for row in columns_of(url) if "example.com" in row]


async def test_two_databases_have_different_pseudonyms(url, tmp_path, open_store, bounce):
    names = set()
    for each in (url, f"sqlite:///{tmp_path}/other.db"):
        store = await open_store(each, pseudonymize=True)
        await bounce(ANN, on=store)
        names.add((await store.recipients.fetch(ANN)).address)
    assert len(names) == 2
