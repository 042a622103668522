from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bounced.model import Action, Envelope, Event, EventType, Finding, Kind, Message, Outcome, Reply, Status
from bounced.model.address import is_same_mailbox, recipient_key, spellings

NOW = datetime(2026, 11, 23, 9, 33, 53, tzinfo=UTC)
# What an SMTP command line can hold.
addresses = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zs"]), max_size=12)
contents = st.tuples(addresses, st.lists(addresses, max_size=3).map(tuple), st.binary(max_size=12))


def message(sender, recipients, raw, **rest):
    return Message.of(Envelope(sender, recipients, **({"received_at": NOW} | rest)), raw)


@given(contents, contents)
@example(("ab", (), b"c"), ("a", (), b"bc"))
@example(("a", ("b",), b""), ("a", (), b"b"))
@example(("", (), b"1"), ("", (), b""))
def test_messages_have_one_id_exactly_where_envelope_and_content_are_one(first, second):
    assert (message(*first).id == message(*second).id) == (first == second)


@given(contents)
def test_when_and_from_where_a_message_came_does_not_change_its_id(content):
    later = message(*content, received_at=NOW + timedelta(days=1), client="192.0.2.1", helo="mx.example.com")
    assert message(*content).id == later.id


def test_the_size_of_a_cut_message_is_part_of_its_id():
    envelope = Envelope("", (), NOW)
    whole, cut = Message.of(envelope, b"abc"), Message.of(envelope, b"abc", size=9)
    assert (whole.size, cut.size) == (3, 9)
    assert whole.id != cut.id


def test_the_octets_of_a_message_are_not_shown():
    assert "secret" not in repr(message("", (), b"secret"))


names = st.none() | st.text(min_size=1, max_size=8)
sources = st.tuples(st.text(max_size=8), st.sampled_from(EventType), names)


@given(sources, sources)
@example(("msg_1", EventType.DELAY, "a"), ("msg_1", EventType.DELAY, "b"))
@example(("msg_1", EventType.DELAY, None), ("msg_1", EventType.DELAY, "a"))
def test_events_have_one_id_exactly_where_message_type_and_recipient_are_one(first, second):
    assert (Event.derive_id(*first) == Event.derive_id(*second)) == (first == second)


def test_ids_can_be_told_apart_by_people():
    assert message("", (), b"").id.startswith("msg_")
    assert Event.derive_id("msg_1", EventType.BOUNCE, None).startswith("evt_")


@pytest.mark.parametrize("text", ["5.1.1", "4.0.0", "2.1.5", "5.7.509"])
def test_a_status_is_written_as_it_is_read(text):
    assert str(Status.parse(text)) == text


def test_only_the_class_of_an_undefined_status_means_anything():
    assert [Status.parse(text).is_undefined for text in ("5.0.0", "5.0.1", "5.1.0")] == [True, False, False]


def test_a_reply_of_class_4_is_transient():
    assert [Reply(code).is_transient for code in (421, 499, 550)] == [True, True, False]
    assert str(Reply(550)) == "550"


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        (Action.FAILED, Kind.BOUNCE),
        (None, Kind.BOUNCE),
        (Action.DELAYED, Kind.DELAY),
        (Action.DELIVERED, Kind.SUCCESS),
        (Action.RELAYED, Kind.SUCCESS),
        (Action.EXPANDED, Kind.SUCCESS),
    ],
)
def test_what_was_done_says_what_an_outcome_is(action, kind):
    assert Outcome("ann@example.com", Finding("ann@example.com", action=action), None).kind is kind


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("Ann@Example.COM", "ann@example.com"),
        (" ann@example.com\n", "ann@example.com"),
        ("ann@example.com.", "ann@example.com"),
        ('"Ann..B"@example.com', "ann..b@example.com"),
        ('"ann b"@example.com', '"ann b"@example.com'),
        ('"ann@b"@example.com', '"ann@b"@example.com'),
        ("ann@BÜCHER.example", "ann@xn--bcher-kva.example"),
        ("ann@bu\u0308cher.example", "ann@xn--bcher-kva.example"),
        ("ann@XN--BCHER-KVA.example", "ann@xn--bcher-kva.example"),
        ("jürgen@faß.example", "jürgen@xn--fa-hia.example"),
        (f"ann@{'ü' * 60}.example", f"ann@{'ü' * 60}.example"),
        ("nobody", "nobody"),
        ("@example.com.", "@example.com."),
        ("ann@.", "ann@."),
        ("", None),
        ("a" * 309 + "@example.com", None),
    ],
)
def test_an_address_is_known_in_one_form(address, key):
    assert recipient_key(address) == key


@given(addresses, addresses)
@example("0", "")
@example("ann", "xn--bcher-kva.example")
@example("ann", "xn--example-.com")
@example("ann", "xn--\xff.example")
@example("ann", "xn--99999999999999.example")
def test_every_spelling_of_an_address_is_known_in_one_form(local_part, domain):
    key = recipient_key(f"{local_part}@{domain}")
    assert all(recipient_key(spelling) == key == recipient_key(key) for spelling in spellings(key))


def test_texts_may_quote_an_address_and_write_its_domain_in_unicode():
    assert set(spellings("ann@xn--bcher-kva.example")) == {
        "ann@xn--bcher-kva.example",
        "ann@bücher.example",
        '"ann"@xn--bcher-kva.example',
        '"ann"@bücher.example',
    }


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("ann@example.com", "Ann@Example.com", True),
        ("ann@example.com", "ann+news@example.com", True),
        ("ann@example.com", "ann@mx1.example.com", True),
        ("ann@example.com", "ANN", True),
        ("ann@bücher.example", "ann@xn--bcher-kva.example", True),
        ("ann@example.com", "ann@example.org", False),
        ("ann@example.com", "ann@com", False),
        ("ann@example.com", "ben@example.com", False),
        ("ann@example.com", "ben", False),
        ("+ann@example.com", "+ben@example.com", False),
    ],
)
def test_addresses_of_one_mailbox(one, other, is_same):
    assert is_same_mailbox(one, other) == is_same_mailbox(other, one) == is_same
