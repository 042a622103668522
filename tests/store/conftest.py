from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
import sqlalchemy

from bounced.escalate import Fact, FactKind
from bounced.model import Envelope, Event, EventType, Fault, Kind, Message
from bounced.store import Conclusion, Escalation, Store

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Clock:
    """A time that passes only when a test says so."""

    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now

    def pass_(self, **units):
        self.now += timedelta(**units)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path}/data/bounced.db?timeout=0.2"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request):
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
async def open_store(clock):
    """Open stores that are closed at the end of the test."""
    async with AsyncExitStack() as stack:

        async def open_(url, *, owner="one", lease_seconds=60, **options):
            store = await Store.open(url, owner=owner, lease_seconds=lease_seconds, clock=clock, **options)
            return await stack.enter_async_context(store)

        yield open_


@pytest.fixture
async def store(url, open_store):
    return await open_store(url)


@pytest.fixture
def listen():
    """Listen to an event of every engine, for this test only."""
    listeners = []

    def listen_(name, function):
        listeners.append((sqlalchemy.Engine, name, function))
        sqlalchemy.event.listen(*listeners[-1])

    yield listen_
    for listener in listeners:
        sqlalchemy.event.remove(*listener)


@pytest.fixture
def make_message():
    def make(
        number=1, *, raw=b"Subject: Undelivered Mail\r\n\r\nNo such user.\r\n", recipient="bounces+{}@example.com"
    ):
        envelope = Envelope(
            sender="",
            recipients=(recipient.format(number),),
            received_at=START,
            client="192.0.2.1",
            helo="mx.example.net",
            mail_parameters=("RET=HDRS",),
            rcpt_parameters=(("NOTIFY=NEVER",),),
        )
        return Message.of(envelope, raw)

    return make


@pytest.fixture
def conclude_as():
    """Return a conclusion with one event per recipient, each for every sink."""

    def make(
        message, *, recipients=("ann@example.com",), sinks=("app",), leased=(), document="{}", report="{}", **more
    ):
        events = tuple(
            Event(
                Event.derive_id(message.id, EventType.BOUNCE, recipient),
                EventType.BOUNCE,
                recipient,
                "bounced.bounce.hard.suppress",
                document,
            )
            for recipient in recipients
        )
        deliveries = tuple((event.id, sink) for event in events for sink in sinks)
        going_on = frozenset(key for key in deliveries if key[1] in leased)
        return Conclusion(message.id, Kind.BOUNCE, report, events, deliveries, going_on, **more)

    return make


@pytest.fixture
def bounce(store, clock):
    """Let a message come back now, or as it is said, and conclude it; return the conclusion."""
    numbers = count()

    async def bounce_(*addresses, kind=FactKind.HARD, at=None, on=store, **more):
        at = at or clock.now
        message = Message.of(Envelope("", (f"bounces+{next(numbers)}@example.com",), at), b"back")
        strong = {"reason": "user_unknown", "fault": Fault.RECIPIENT} if kind is FactKind.HARD else {}
        facts = tuple(Fact(address, message.id, at, kind, **strong | more) for address in addresses)
        events = tuple(
            Event(Event.derive_id(message.id, EventType.BOUNCE, each), EventType.BOUNCE, each, "bounced.bounce", "{}")
            for each in addresses
        )
        deliveries = tuple((event.id, "app") for event in events)
        conclusion = Conclusion(
            message.id, Kind.BOUNCE, "{}", events, deliveries, facts=facts, escalation=Escalation(tell, ("app", "log"))
        )
        await on.accept(message, lease=True)
        assert await on.conclude(conclusion)
        return conclusion

    return bounce_


def tell(fact, epoch):
    """Make the event that a recipient has become undeliverable."""
    id_ = Event.derive_id(epoch, EventType.UNDELIVERABLE, fact.recipient)
    return Event(id_, EventType.UNDELIVERABLE, fact.recipient, EventType.UNDELIVERABLE, "{}")
