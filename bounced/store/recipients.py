"""What is remembered of recipients: facts are added, and the standing follows from all of them.

Whoever touches recipients locks their rows in the order of their names, so
that daemons on one PostgreSQL wait for each other and never crosswise.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, exists, select, update

from bounced.escalate import (
    DECAYED,
    Fact,
    FactKind,
    Policy,
    Standing,
    State,
    find_surplus,
    judge,
)
from bounced.model import Fault
from bounced.model.address import recipient_key
from bounced.store.bulk import Bulk, insert_all_new
from bounced.store.pseudonym import Names
from bounced.store.records import ImportedRecipient
from bounced.store.schema import insert_new, is_one_of, recipient, recipient_fact

_BATCH = 500
_FIELDS = ("state", "why", "reason", "since", "first_bounce_at", "last_bounce_at", "counts", "days", "decays_at")
_update_all = Bulk(
    lambda _: (
        update(recipient)
        .where(recipient.c.address == bindparam("name"))
        .values({field: bindparam(f"{field}_") for field in (*_FIELDS, "updated_at")})
    )
)
_insert_recipients = Bulk(
    lambda dialect: insert_new(dialect, recipient).values(
        {"address": bindparam("name")} | {field: bindparam(f"{field}_") for field in (*_FIELDS, "updated_at")}
    )
)
_insert_facts = insert_all_new(recipient_fact)


# Made once for each kind of database: to make a statement costs more than to run it.
@cache
def _select_known(database: str) -> Select[str]:
    return select(recipient.c.address).where(is_one_of(recipient.c.address, database))


@cache
def _select_to_lock(database: str) -> Select[str, str]:
    query = select(recipient.c.address, recipient.c.state).where(is_one_of(recipient.c.address, database))
    return query.order_by(recipient.c.address).with_for_update()


@cache
def _select_facts(database: str) -> Select[Any]:
    query = select(recipient_fact).where(is_one_of(recipient_fact.c.recipient, database))
    return query.order_by(recipient_fact.c.occurred_at.desc())


_FORGET = delete(recipient_fact).where(
    recipient_fact.c.recipient == bindparam("name"),
    recipient_fact.c.message_id == bindparam("from_message"),
    recipient_fact.c.kind == bindparam("of_kind"),
)


@dataclass(frozen=True, slots=True)
class Memory:
    """By what policy recipients are judged, and what they are called."""

    policy: Policy
    names: Names


@dataclass(frozen=True, slots=True)
class Crossing:
    """A recipient that has just become undeliverable: by which bounce, and since which sign of life."""

    fact: Fact
    epoch: str


@dataclass(frozen=True, slots=True)
class Clearing:
    """A wish to forget what counts against a recipient."""

    address: str
    by: str
    note: str | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Import:
    """A piece of somebody's suppression list."""

    entries: Sequence[ImportedRecipient]
    by: str
    now: datetime


def remember(memory: Memory, connection: Connection, facts: Sequence[Fact], now: datetime) -> list[Crossing]:
    """Add facts, judge whom they concern, and tell who has just become undeliverable."""
    return _remember_all(memory, connection, _believed(memory, facts), now)


def replace_facts(
    memory: Memory, connection: Connection, message_id: str, facts: Sequence[Fact], now: datetime
) -> list[Crossing]:
    """Let a message say something else than it did; judge whom it concerned and whom it concerns now."""
    is_said = recipient_fact.c.message_id == message_id
    concerned = connection.scalars(select(recipient_fact.c.recipient).where(is_said).distinct()).all()
    connection.execute(delete(recipient_fact).where(is_said))
    return _remember_all(memory, connection, dict.fromkeys(concerned, ()) | _believed(memory, facts), now)


def _believed(memory: Memory, facts: Sequence[Fact]) -> dict[str, Sequence[Fact]]:
    """Return the facts that the policy believes, by the names of their recipients."""
    by_name: dict[str, list[Fact]] = {}
    for fact in facts:
        if memory.policy.believes(fact):
            by_name.setdefault(memory.names.name(fact.recipient), []).append(fact)
    return {**by_name}


def _remember_all(
    memory: Memory, connection: Connection, by_name: Mapping[str, Sequence[Fact]], now: datetime
) -> list[Crossing]:
    names = sorted(by_name)
    return [
        crossing
        for start in range(0, len(names), _BATCH)
        for crossing in _remember(
            memory, connection, {name: by_name[name] for name in names[start : start + _BATCH]}, now
        )
    ]


def _remember(
    memory: Memory, connection: Connection, new: Mapping[str, Sequence[Fact]], now: datetime
) -> list[Crossing]:
    known, after = _insert_unknown(memory, connection, new, now)
    before = _lock(connection, known)
    _insert_facts.run(connection, [_fact_row(name, fact) for name, facts in new.items() for fact in facts])
    all_facts = {**new, **fetch_facts(connection, known)}
    after |= {name: judge(all_facts[name], memory.policy, now) for name in known}
    _update_all.run(connection, [_standing_row(name, after[name], now) for name in known])
    _forget_surplus(memory, connection, all_facts)
    crossings = []
    for name, standing in after.items():
        # What an operator imports is no news to anybody.
        bounces = [fact for fact in new[name] if fact.kind in (FactKind.HARD, FactKind.SOFT)]
        if bounces and standing.state is State.UNDELIVERABLE and before.get(name) != State.UNDELIVERABLE:
            crossings.append(Crossing(bounces[-1], standing.epoch))
    return crossings


def _insert_unknown(
    memory: Memory, connection: Connection, new: Mapping[str, Sequence[Fact]], now: datetime
) -> tuple[list[str], dict[str, Standing]]:
    """Insert the recipients that nobody knows; return the others, and how those stand that are new."""
    stored = set(connection.scalars(_select_known(connection.dialect.name), {"values": list(new)}))
    standings = {name: judge(facts, memory.policy, now) for name, facts in new.items() if name not in stored}
    if not standings:
        return list(new), {}
    with connection.begin_nested() as attempt:
        rows = [_standing_row(name, standing, now) for name, standing in standings.items()]
        if _insert_recipients.run(connection, rows) == len(rows):
            return [name for name in new if name in stored], standings
        # Another daemon has just inserted one of them. Ours must not count as known with the standing they get here.
        attempt.rollback()
    nothing_known = judge((), memory.policy, now)
    _insert_recipients.run(connection, [_standing_row(name, nothing_known, now) for name in standings])
    return list(new), {}


def _lock(connection: Connection, names: Sequence[str]) -> dict[str, str]:
    """Lock recipients in their order, and return how they stood."""
    if not names:
        return {}
    return dict(connection.execute(_select_to_lock(connection.dialect.name), {"values": list(names)}).all())


def fetch_facts(connection: Connection, names: Sequence[str]) -> dict[str, list[Fact]]:
    """Return the facts of each of `names`, the latest first."""
    found: dict[str, list[Fact]] = {name: [] for name in names}
    if not names:
        return found
    for row in connection.execute(_select_facts(connection.dialect.name), {"values": list(names)}):
        name, message_id, kind, occurred_at, reason, fault, code, is_weak, verified, state, by, note = row
        found[name].append(
            Fact(
                name,
                message_id,
                occurred_at,
                FactKind(kind),
                reason,
                fault and Fault(fault),
                code,
                is_weak,
                verified,
                state and State(state),
                by,
                note,
            )
        )
    return found


def _forget_surplus(memory: Memory, connection: Connection, known: Mapping[str, Sequence[Fact]]) -> None:
    surplus = [
        {"name": name, "from_message": fact.message_id, "of_kind": fact.kind}
        for name, facts in known.items()
        for fact in find_surplus(facts, memory.policy)
    ]
    if surplus:
        connection.execute(_FORGET, surplus)


def clear(memory: Memory, connection: Connection, clearings: Sequence[Clearing]) -> list[bool]:
    """Clear recipients; tell for each whether it was known.

    CRASH HERE: it is cleared and nobody was told; to clear again changes nothing but the audit trail.
    """
    return [_clear(memory, connection, clearing) for clearing in clearings]


def _clear(memory: Memory, connection: Connection, clearing: Clearing) -> bool:
    name = memory.names.look_up(clearing.address)
    if not connection.scalar(select(exists().where(recipient.c.address == name))):
        return False
    now = clearing.now
    act = Fact(name, f"clear/{now.isoformat()}", now, FactKind.CLEARED, by=clearing.by, note=clearing.note)
    _remember(memory, connection, {name: [act]}, now)
    return True


def take_over(memory: Memory, connection: Connection, imports: Sequence[Import]) -> list[int]:
    """Take over pieces of suppression lists; tell for each how many lines named an address.

    CRASH HERE: this piece is there; who imports the list again adds nothing
    twice where it says since when.
    """
    return [_take_over(memory, connection, piece) for piece in imports]


def _take_over(memory: Memory, connection: Connection, piece: Import) -> int:
    facts = [fact for entry in piece.entries if (fact := _imported(entry, piece))]
    remember(memory, connection, facts, piece.now)
    return len(facts)


def _imported(entry: ImportedRecipient, piece: Import) -> Fact | None:
    key = recipient_key(entry.address)
    if key is None:
        return None
    since = entry.since or piece.now
    return Fact(
        key,
        f"import/{entry.state}/{since.isoformat()}",
        since,
        FactKind.IMPORTED,
        entry.reason,
        state=entry.state,
        by=piece.by,
        note=entry.note,
    )


@dataclass(frozen=True, slots=True)
class Decay:
    """The time at which soft bounces that are too old are forgiven."""

    now: datetime


def decay(connection: Connection, decays: Sequence[Decay]) -> list[int]:
    """Make a batch of recipients active again whose soft bounces no longer count.

    CRASH HERE: this batch is active; the next round takes the rest.
    """
    return [_decay(connection, each.now) for each in decays]


def _decay(connection: Connection, now: datetime) -> int:
    old = select(recipient.c.address).where(recipient.c.decays_at <= now).order_by(recipient.c.address).limit(_BATCH)
    values = {"state": State.ACTIVE, "why": DECAYED, "since": recipient.c.decays_at, "decays_at": None}
    return connection.execute(
        update(recipient).where(recipient.c.address.in_(old.with_for_update(skip_locked=True))).values(values)
    ).rowcount


def _fact_row(name: str, fact: Fact) -> dict[str, Any]:
    return {
        "recipient": name,
        "message_id": fact.message_id,
        "kind": fact.kind,
        "occurred_at": fact.occurred_at,
        "reason": fact.reason,
        "fault": fact.fault,
        "code": fact.code,
        "is_weak": fact.is_weak,
        "verified": fact.verified,
        "state": fact.state,
        "by": fact.by,
        "note": fact.note,
    }


def _standing_row(name: str, standing: Standing, now: datetime) -> dict[str, Any]:
    return {
        "name": name,
        "state_": standing.state,
        "why_": standing.why,
        "reason_": standing.reason,
        "since_": standing.since,
        "first_bounce_at_": standing.first_bounce_at,
        "last_bounce_at_": standing.last_bounce_at,
        "counts_": json.dumps(standing.counts),
        "days_": standing.days,
        "decays_at_": standing.decays_at,
        "updated_at_": now,
    }
