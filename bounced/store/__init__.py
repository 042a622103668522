"""Keep messages, events and deliveries on stable storage, in SQLite or PostgreSQL.

The store is the truth: what one of its methods has returned survives a crash
of the process and of the host. It knows rows, transactions and leases; it does
not know what a message says, who sent it, or how an event leaves the house.

Read :mod:`bounced.store.promises` for what is written when, and
:mod:`bounced.store.writer` for how many promises share one commit.
"""

from bounced.store.archive import Archive
from bounced.store.records import (
    Backlog,
    Claimed,
    Conclusion,
    DeliveryKey,
    DeliveryState,
    Escalation,
    EventFilters,
    Horizon,
    ImportedRecipient,
    MessageState,
    Position,
    Settlement,
    SinkState,
    StoredDelivery,
    StoredEvent,
    StoredMessage,
    StoredRecipient,
    Tally,
)
from bounced.store.store import Store

__all__ = [
    "Archive",
    "Backlog",
    "Claimed",
    "Conclusion",
    "DeliveryKey",
    "DeliveryState",
    "Escalation",
    "EventFilters",
    "Horizon",
    "ImportedRecipient",
    "MessageState",
    "Position",
    "Settlement",
    "SinkState",
    "Store",
    "StoredDelivery",
    "StoredEvent",
    "StoredMessage",
    "StoredRecipient",
    "Tally",
]
