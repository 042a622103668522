"""What goes into the store and comes out of it: values, no behaviour."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from bounced.escalate import Fact, State
from bounced.model import Envelope, Event, Kind, Message

DeliveryKey = tuple[str, str]
"""Event id and sink: what names a delivery."""

Position = tuple[datetime, str]
"""Where a page ends: the time and id of its last row; rows of one time are in the order of their ids."""


class MessageState(StrEnum):
    """How far a message has come; it never goes back."""

    WAITING = "waiting"
    CONCLUDED = "concluded"
    QUARANTINED = "quarantined"


class DeliveryState(StrEnum):
    """How far a delivery has come; only an operator brings a dead one back."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Escalation:
    """How to tell that a recipient has become undeliverable.

    Attributes:
        make_event: Writes the event, given the bounce that was one too many and the epoch that
            ends with it: the same two give the same id. Called in the writer's thread.
        sinks: Where it goes.
    """

    make_event: Callable[[Fact, str], Event]
    sinks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Conclusion:
    """All that follows from one message, to be written together or not at all.

    Attributes:
        message_id: The message that was understood.
        kind: What it is.
        report: What was read and concluded, as JSON.
        events: What is to be told.
        deliveries: Which event goes to which sink.
        leased: Those deliveries whose first attempt this process makes at once.
        facts: What it says about recipients.
        escalation: How to tell where one of the facts is one too many; None tells nobody.
        is_quarantined: Whether the message was given up because it kept crashing the pipeline.
    """

    message_id: str
    kind: Kind
    report: str = field(repr=False)
    events: tuple[Event, ...] = ()
    deliveries: tuple[DeliveryKey, ...] = ()
    leased: frozenset[DeliveryKey] = frozenset()
    facts: tuple[Fact, ...] = ()
    escalation: Escalation | None = None
    is_quarantined: bool = False


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of one attempt of a delivery; made by one of the three class methods.

    Attributes:
        event_id: The event that was sent.
        sink: Where to.
        attempt: Which attempt this was, as `Delivery.attempt` said.
        state: Where the delivery stands now.
        retry_after: How long from now the next attempt is due; set if and only if it is still pending.
        error: What went wrong, in one line; None when delivered.
    """

    event_id: str
    sink: str
    attempt: int
    state: DeliveryState
    retry_after: timedelta | None = None
    error: str | None = None

    def __post_init__(self) -> None:
        if (self.retry_after is not None) != (self.state is DeliveryState.PENDING):
            raise ValueError("a pending delivery needs retry_after, and no other may have it")

    @classmethod
    def delivered(cls, key: DeliveryKey, attempt: int) -> Self:
        """Say that the sink has confirmed the event."""
        return cls(*key, attempt, DeliveryState.DELIVERED)

    @classmethod
    def retry(cls, key: DeliveryKey, attempt: int, *, after: timedelta, error: str) -> Self:
        """Say that the attempt failed and how long to wait before the next one."""
        return cls(*key, attempt, DeliveryState.PENDING, after, error)

    @classmethod
    def dead(cls, key: DeliveryKey, attempt: int, *, error: str) -> Self:
        """Say that the attempt failed and was the last one."""
        return cls(*key, attempt, DeliveryState.DEAD, None, error)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that this process now holds the lease of; `attempts` includes the one it starts."""

    message: Message
    attempts: int


@dataclass(frozen=True, slots=True)
class EventFilters:
    """Which events are asked for; None does not restrict.

    Attributes:
        type: Only those of this type.
        message_id: Only those that follow from this message.
        about: Only those of this recipient, this Message-ID, or this id in the return path.
        since: Only those written at or after this time.
        until: Only those written before it.
        accept: Tells of an event that the others let through whether it is wanted; called in another thread.
    """

    type: str | None = None
    message_id: str | None = None
    about: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    accept: Callable[[Event], bool] | None = None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event with where it came from; `report` is the JSON of its conclusion."""

    event: Event
    message_id: str
    report: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """How far a message has come, without its octets; `report` is the JSON of its conclusion, as long as it is kept."""

    id: str
    envelope: Envelope
    size: int
    state: MessageState
    attempts: int
    kind: str | None
    report: str | None
    concluded_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """A delivery as an operator sees it.

    Attributes:
        event_id: The event on its way.
        sink: Where it goes.
        type: The event's type.
        recipient: Whom the event concerns.
        state: How far it has come.
        attempts: How many attempts were started.
        due_at: When it may be claimed next: the next attempt, or the end of the lease; None when it is over.
        lease_owner: Who is working on it now, if anybody.
        last_error: What the last failed attempt met.
        updated_at: When any of this changed last.
    """

    event_id: str
    sink: str
    type: str
    recipient: str | None
    state: DeliveryState
    attempts: int
    due_at: datetime | None
    lease_owner: str | None
    last_error: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is not finished: messages that wait, and per sink the deliveries pending and dead.

    Attributes:
        oldest: For each sink with pending deliveries, when the oldest of their events was made; no count, so
            two backlogs are the same without it.
    """

    messages: int
    pending: Mapping[str, int]
    dead: Mapping[str, int]
    oldest: Mapping[str, datetime] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class SinkState:
    """How the latest attempts to one sink went.

    Attributes:
        sink: Its name.
        is_failing: Whether the latest attempt that is known of failed.
        error: What the latest failed attempt met; None where none of the latest failed.
        failed: How many of the deliveries looked at wait for another attempt, or are dead.
        delivered_at: When the latest delivery was confirmed.
    """

    sink: str
    is_failing: bool
    error: str | None
    failed: int
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Tally:
    """How many events of one key there were in one hour."""

    hour: datetime
    key: str
    count: int


@dataclass(frozen=True, slots=True)
class StoredRecipient:
    """How a recipient stands.

    Attributes:
        address: The address in lower case; in a pseudonymous store its hash.
        state: How it stands now.
        why: The ground, in a few words.
        reason: The reason of the latest bounce or complaint.
        since: When the fact that led to the state happened.
        first_bounce_at: When the first bounce came.
        last_bounce_at: When the latest bounce came.
        counts: For each kind of fact, how many messages said so.
        days: On how many distinct days there were bounces.
        facts: The audit trail, the latest first; empty in lists.
    """

    address: str
    state: State
    why: str
    reason: str | None
    since: datetime | None
    first_bounce_at: datetime | None
    last_bounce_at: datetime | None
    counts: Mapping[str, int]
    days: int
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportedRecipient:
    """A line of somebody's suppression list.

    Attributes:
        address: Whom it concerns.
        state: `undeliverable`, `suppressed` or `complained`.
        reason: Why, in a word.
        since: Since when; None for now.
        note: Whatever else the list says.
    """

    address: str
    state: State
    reason: str | None = None
    since: datetime | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        if self.state in (State.ACTIVE, State.SOFT_BOUNCING):
            raise ValueError(f"a recipient cannot be imported as {self.state}")


@dataclass(frozen=True, slots=True)
class Horizon:
    """Before which time finished work is forgotten, for each kind of it.

    Attributes:
        messages: Raw messages.
        reports: What was read from them.
        events: What was told, with the deliveries.
        recipients: Recipients of whom nothing was heard since.
    """

    messages: datetime
    reports: datetime
    events: datetime
    recipients: datetime

    @property
    def earliest(self) -> datetime:
        """Before which nothing is left of a message, nor its id."""
        return min(self.messages, self.reports, self.events)
