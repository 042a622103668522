"""Look up recipients; nothing here writes."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from bounced.escalate import DECAYED, Fact, State
from bounced.store.recipients import fetch_facts
from bounced.store.records import StoredRecipient
from bounced.store.schema import is_one_of, recipient

_select = select(
    recipient.c.address,
    recipient.c.state,
    recipient.c.why,
    recipient.c.reason,
    recipient.c.since,
    recipient.c.first_bounce_at,
    recipient.c.last_bounce_at,
    recipient.c.counts,
    recipient.c.days,
    recipient.c.decays_at,
)


def fetch_recipient(connection: Connection, name: str, now: datetime) -> StoredRecipient | None:
    """Return how a recipient stands, with the audit trail."""
    row = connection.execute(_select.where(recipient.c.address == name)).one_or_none()
    return _to_recipient(row, now, fetch_facts(connection, [name])[name]) if row else None


def fetch_recipients(connection: Connection, names: Collection[str], now: datetime) -> dict[str, StoredRecipient]:
    """Return how those of `names` stand that are known."""
    query = _select.where(is_one_of(recipient.c.address, connection.dialect.name))
    rows = connection.execute(query, {"values": list(names)})
    return {row.address: _to_recipient(row, now) for row in rows}


def list_recipients(
    connection: Connection,
    state: State | None,
    reason: str | None,
    since: datetime | None,
    contains: str | None,
    after: str | None,
    limit: int,
    now: datetime,
) -> tuple[list[StoredRecipient], str | None]:
    """Return the recipients that follow `after` in the order of names, and where to go on."""
    query = _select.order_by(recipient.c.address).limit(limit + 1)
    if state is not None:
        query = query.where(recipient.c.state == state)
    if reason is not None:
        query = query.where(recipient.c.reason == reason)
    if since is not None:
        query = query.where(recipient.c.since >= since)
    if contains is not None:
        query = query.where(recipient.c.address.contains(contains.lower(), autoescape=True))
    if after is not None:
        query = query.where(recipient.c.address > after)
    found = [_to_recipient(row, now) for row in connection.execute(query)]
    return found[:limit], found[limit - 1].address if len(found) > limit else None


def _to_recipient(row: Sequence[Any], now: datetime, facts: Sequence[Fact] = ()) -> StoredRecipient:
    """Read a recipient; one whose bounces have decayed since the row was written is active."""
    address, state, why, reason, since, first, last, counts, days, decays_at = row
    if decays_at is not None and decays_at <= now:
        state, why, since = State.ACTIVE, DECAYED, decays_at
    return StoredRecipient(
        address, State(state), why, reason, since, first, last, json.loads(counts), days, tuple(facts)
    )
