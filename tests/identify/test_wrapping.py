"""BATV and SRS: what is put around an address comes off again, and only with its secret counts as proven."""

import hmac
from base64 import b64encode
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounced.errors import ConfigurationError
from bounced.identify import BatvKey, Wrapping, quoting
from bounced.identify.wrapping import Unwrapped, make_batv, make_srs0, make_srs1, unwrap

KEY, OTHER_KEY = BatvKey("0", b"secret"), BatvKey("0", b"other")
SECRET = b"srs secret"
TODAY = date(2026, 11, 23)
KNOWN = Wrapping((KEY,), (SECRET,))
HOST = "forwarder.example.net"

addresses = st.builds(
    quoting.join,
    st.text('abcXYZ019=+-/. "\\üñ', min_size=1, max_size=20).filter(lambda text: text[:1] != '"'),
    st.sampled_from(["example.org", "bücher.example"]),
)
days = st.dates(date(2020, 1, 1), date(2100, 1, 1))


@given(addresses, days)
def test_batv_undoes_itself(address, today):
    tagged = make_batv(address, KEY, expires=today + timedelta(7))
    assert unwrap(tagged, KNOWN, today=today) == Unwrapped(address, has_tag=True, is_verified=True)
    assert unwrap(tagged, Wrapping(), today=today) == Unwrapped(address, has_tag=True)


@given(addresses, days)
def test_srs_undoes_itself_once_and_twice(address, today):
    once = make_srs0(address, "first.example.net", SECRET, today=today)
    assert unwrap(once, KNOWN, today=today) == Unwrapped(address)
    twice = make_srs1(once, HOST, SECRET)
    assert unwrap(twice, KNOWN, today=today) == Unwrapped(address)
    assert unwrap(twice, Wrapping(), today=today) == Unwrapped(address)


def test_the_second_forwarder_cannot_prove_what_the_first_one_wrote():
    once = make_srs0("ann@example.org", "first.example.net", b"of another", today=TODAY)
    assert unwrap(make_srs1(once, HOST, SECRET), KNOWN, today=TODAY).address == "ann@example.org"


def test_both_can_be_around_one_address():
    tagged = make_batv("ann@example.org", KEY, expires=TODAY)
    forwarded = make_srs0(tagged, HOST, SECRET, today=TODAY)
    assert unwrap(forwarded, KNOWN, today=TODAY) == Unwrapped("ann@example.org", has_tag=True, is_verified=True)


def test_no_address_is_unwrapped_for_ever():
    address = "ann@example.org"
    for _ in range(5):
        address = make_batv(address, KEY, expires=TODAY)
    assert unwrap(address, KNOWN, today=TODAY).address.startswith("prvs=")


@pytest.mark.parametrize("days", [-30, -1])
def test_a_tag_that_has_expired_is_not_proven(days):
    tagged = make_batv("ann@example.org", KEY, expires=TODAY + timedelta(days))
    assert unwrap(tagged, KNOWN, today=TODAY) == Unwrapped("ann@example.org", has_tag=True)
    assert unwrap(tagged, KNOWN, today=None).is_verified


def test_a_tag_of_another_key_is_not_proven():
    for key in (OTHER_KEY, BatvKey("1", KEY.secret)):
        tagged = make_batv("ann@example.org", key, expires=TODAY)
        assert unwrap(tagged, KNOWN, today=TODAY) == Unwrapped("ann@example.org", has_tag=True)


def test_a_tag_is_good_for_its_address_only():
    tagged = make_batv("ann@example.org", KEY, expires=TODAY)
    assert not unwrap(tagged.replace("ann", "ben"), KNOWN, today=TODAY).is_verified


def test_srs_that_is_not_proven_stays_on_where_its_secret_is_known():
    forged = make_srs0("ann@example.org", HOST, b"of another", today=TODAY)
    old = make_srs0("ann@example.org", HOST, SECRET, today=TODAY - timedelta(22))
    for address in (forged, old, make_srs1(forged, HOST, b"of another")):
        assert unwrap(address, KNOWN, today=TODAY) == Unwrapped(address)
    assert unwrap(old, KNOWN, today=None) == Unwrapped("ann@example.org")


def test_case_lost_on_the_way_harms_neither():
    tagged = make_batv("ann@example.org", KEY, expires=TODAY)
    assert unwrap(tagged.replace("prvs", "PRVS"), KNOWN, today=TODAY).is_verified
    forwarded = make_srs0("ann@example.org", HOST, SECRET, today=TODAY)
    assert unwrap(forwarded.lower(), KNOWN, today=TODAY) == Unwrapped("ann@example.org")


def test_srs_is_hashed_as_other_implementations_do():
    """Mail::SRS: four characters of base64 of HMAC-SHA1 over time stamp (20780 days), host and user in lower case."""
    mac = hmac.new(SECRET, b"jmexample.organn", "sha1").digest()
    expected = f"SRS0={b64encode(mac).decode()[:4]}=JM=Example.org=Ann@{HOST}"
    assert make_srs0("Ann@Example.org", HOST, SECRET, today=date(2026, 11, 23)) == expected


@given(st.text() | st.text("prvsSRS01=+-K\u212a\u017f@.2z", max_size=60))
def test_any_address_is_unwrapped_or_not(address):
    assert unwrap(address, KNOWN, today=TODAY).address is not None


@pytest.mark.parametrize("text", ["", "secret", "0:", "10:secret", "a:secret", "²:secret"])
def test_a_key_is_a_digit_and_a_secret(text):
    with pytest.raises(ConfigurationError) as caught:
        BatvKey.parse(text)
    assert "secret:" not in str(caught.value)
    assert BatvKey.parse(" 3:se:cret\n") == BatvKey("3", b"se:cret")
