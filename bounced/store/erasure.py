"""Erase all that is known of one address.

A message about others too loses what is known of this one: its raw content, whatever the report
and the events of the others say of him, and his own events. The rest stays with the others. What
is accepted and not read yet is not known to concern anybody.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, or_, select, update

from bounced.model import Envelope
from bounced.model.address import recipient_key
from bounced.store.pseudonym import Names
from bounced.store.redaction import Redaction, find_recipient
from bounced.store.rows import dump_envelope, load_envelope
from bounced.store.schema import content, event, mention, message, recipient, recipient_fact

_BATCH = 100
_select_events = select(event.c.id, event.c.message_id, event.c.recipient, event.c.document)
_select_messages = select(message.c.id, message.c.report, message.c.envelope)
_CLEAN_MESSAGE = (
    update(message)
    .where(message.c.id == bindparam("this"))
    .values(report=bindparam("clean_report"), envelope=bindparam("clean_envelope"))
)
_CLEAN_EVENT = update(event).where(event.c.id == bindparam("this")).values(document=bindparam("clean_document"))


@dataclass(frozen=True, slots=True)
class Erasure:
    """Whom to erase.

    Attributes:
        name: What the tables of recipients call him.
        redaction: Takes his address out; None where a pseudonym was asked for, and no event tells the address.
        message_ids: Some of the messages that may concern him.
    """

    name: str
    redaction: Redaction | None
    message_ids: Sequence[str] = ()

    def clean(self, text: str | None) -> str | None:
        """Return stored JSON without him."""
        return self.redaction.clean(text) if self.redaction and text is not None else text


def find_person(connection: Connection, names: Names, question: str) -> Erasure:
    """Return whom an address means, or a pseudonym, whose address the events about it still tell."""
    name = names.look_up(question)
    if names.name(question) == name:
        return Erasure(name, Redaction(Names(None).name(question)))
    documents = connection.scalars(select(event.c.document).where(event.c.recipient == name).limit(1))
    keys = [key for document in documents if (key := find_recipient(document))]
    return Erasure(name, Redaction(keys[0]) if keys else None)


def find_messages(connection: Connection, person: Erasure, after: str) -> list[str]:
    """Return the ids of messages behind `after` that may concern a recipient, in order, a bounded number."""
    facts = select(recipient_fact.c.message_id).where(recipient_fact.c.recipient == person.name)
    is_told = func.lower(event.c.recipient) == person.name
    concerned: list[ColumnElement[bool]] = [message.c.id.in_(facts)]
    for needle in person.redaction.needles if person.redaction else ():
        is_told |= func.lower(event.c.document).contains(needle, autoescape=True)
        concerned.append(func.lower(message.c.report).contains(needle, autoescape=True))
    concerned.append(message.c.id.in_(select(event.c.message_id).where(is_told)))
    query = select(message.c.id).where(message.c.id > after, or_(*concerned)).order_by(message.c.id)
    return list(connection.scalars(query.limit(_BATCH)))


def erase_messages(connection: Connection, erasures: Sequence[Erasure]) -> list[int]:
    """Take recipients out of messages, and delete messages about nobody else; return how many rows are gone.

    CRASH HERE: these are done; who asks again gets the rest.
    """
    return [_erase_messages(connection, erasure) for erasure in erasures]


def _erase_messages(connection: Connection, erasure: Erasure) -> int:
    ids = erasure.message_ids
    gone, concerned = _erase_events(connection, erasure)
    facts = select(recipient_fact.c.message_id, recipient_fact.c.recipient).where(recipient_fact.c.message_id.in_(ids))
    of_others = set(connection.scalars(select(event.c.message_id).where(event.c.message_id.in_(ids)).distinct()))
    for message_id, name in connection.execute(facts):
        (concerned if name == erasure.name else of_others).add(message_id)
    cleaned = []
    for id_, report, envelope in connection.execute(_select_messages.where(message.c.id.in_(ids))).all():
        report_without = erasure.clean(report)
        if report_without != report:
            concerned.add(id_)
        if id_ in concerned & of_others:
            cleaned.append(
                {"this": id_, "clean_report": report_without, "clean_envelope": _without_addresses(envelope)}
            )
    if cleaned:
        connection.execute(_CLEAN_MESSAGE, cleaned)
    gone += connection.execute(delete(content).where(content.c.message_id.in_(concerned & of_others))).rowcount
    return gone + connection.execute(delete(message).where(message.c.id.in_(concerned - of_others))).rowcount


def _erase_events(connection: Connection, erasure: Erasure) -> tuple[int, set[str]]:
    """Delete the events about him, clean the others; return how many are gone, and which messages were concerned."""
    own, cleaned, concerned = [], [], set()
    rows = connection.execute(_select_events.where(event.c.message_id.in_(erasure.message_ids)))
    for id_, message_id, about, document in rows.all():
        without = erasure.clean(document)
        if about is not None and recipient_key(about) == erasure.name:
            own.append(id_)
        elif without != document:
            cleaned.append({"this": id_, "clean_document": without})
        else:
            continue
        concerned.add(message_id)
    if cleaned:
        connection.execute(_CLEAN_EVENT, cleaned)
    _erase_mentions(connection, erasure, concerned)
    return connection.execute(delete(event).where(event.c.id.in_(own))).rowcount, concerned


def _erase_mentions(connection: Connection, erasure: Erasure, message_ids: Collection[str]) -> None:
    """Let nobody find an event of these messages by the address, such as an id in a return path that is one."""
    if erasure.redaction:
        is_told = mention.c.event_id.in_(select(event.c.id).where(event.c.message_id.in_(message_ids)))
        words = connection.scalars(select(mention.c.value).where(is_told).distinct()).all()
        own = [word for word in words if erasure.redaction.is_named_in(word)]
        connection.execute(delete(mention).where(is_told, mention.c.value.in_(own)))


def _without_addresses(envelope: str) -> str:
    """A return path and ORCPT may hold the address in any form; when it came stays."""
    return dump_envelope(Envelope("", (), load_envelope(envelope).received_at))


def erase_recipient(connection: Connection, erasures: Sequence[Erasure]) -> list[int]:
    """Delete recipients with their facts; return how many rows that are.

    CRASH HERE: nothing is left of them.
    """
    return [_erase_recipient(connection, erasure.name) for erasure in erasures]


def _erase_recipient(connection: Connection, name: str) -> int:
    facts = connection.execute(delete(recipient_fact).where(recipient_fact.c.recipient == name)).rowcount
    return facts + connection.execute(delete(recipient).where(recipient.c.address == name)).rowcount
