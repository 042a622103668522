"""Signed return paths: whoever has not the key can make none, and the mail on its way may change their case only."""

import string
import subprocess
import sys
from base64 import b32decode
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bounced.errors import AddressError, ConfigurationError
from bounced.identify import verp
from bounced.identify.verp import Key, Refusal, Refused, Token

OLD, NEW = Key("a", b"the old secret of 32 octets or so"), Key("b", b"the new secret of 32 octets or so")
TODAY = date(2026, 11, 23)
DOMAIN = "bounce.example.com"
DOCUMENT = Path(__file__).parents[2] / "docs" / "verp.md"
EXAMPLE_KEY = Key("a", bytes(range(32)))

ids = st.one_of(
    st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=1, max_size=41),
    st.uuids().map(str),
    st.text(min_size=1, max_size=25).filter(
        lambda text: "\0" not in text and len(text.encode("utf-8", "replace")) <= 25
    ),
)
recipients = st.tuples(
    st.text(string.ascii_letters + "=+'\" ü", min_size=1, max_size=6),
    st.text(string.ascii_lowercase, min_size=1, max_size=6),
).map("@".join)
short_ids = st.text(string.printable, min_size=1, max_size=4)


def make(id_="order-4711", **options):
    return verp.make(id_, **({"domain": DOMAIN, "keys": [OLD], "today": TODAY} | options))


def check(address, keys=(OLD,), today=TODAY, **options):
    return verp.check(address, keys, today=today, **options)


def reason_of(address, **options):
    result = check(address, **options)
    return result.reason if isinstance(result, Refused) else None


@st.composite
def addresses(draw):
    if draw(st.booleans()):
        return make(draw(ids))
    return make(draw(short_ids), recipient=draw(recipients), is_encrypted=draw(st.booleans()))


@given(ids)
@example("0")
@example("A")
@example("123e4567-e89b-12d3-a456-426614174000")
@example("123E4567-E89B-12D3-A456")
def test_an_id_comes_back_as_it_was(id_):
    assert check(make(id_)) == Token(id_, None, TODAY + timedelta(35), "a")


@given(short_ids, recipients, st.booleans())
def test_id_and_recipient_come_back_as_they_were(id_, recipient, is_encrypted):
    address = make(id_, recipient=recipient, is_encrypted=is_encrypted)
    assert check(address) == Token(id_, recipient, TODAY + timedelta(35), "a")


def test_an_id_alone_can_be_encrypted_too():
    assert check(make("4711", is_encrypted=True)) == Token("4711", None, TODAY + timedelta(35), "a")


@given(addresses())
def test_an_address_is_lower_case_base32_and_fits_into_a_local_part(address):
    local_part, _, domain = address.partition("@")
    assert domain == DOMAIN
    assert len(local_part) <= 64
    assert local_part.startswith("b+")
    assert set(local_part[2:]) <= set("abcdefghijklmnopqrstuvwxyz234567")


@given(addresses(), st.randoms(use_true_random=False))
def test_case_may_be_lost_on_the_way(address, chance):
    changed = "".join(chance.choice([sign.upper(), sign.lower()]) for sign in address)
    assert check(changed) == check(address)


@given(addresses(), st.data())
def test_any_other_change_of_one_character_is_refused(address, data):
    place = data.draw(st.integers(0, len(address) - 1))
    sign = data.draw(st.sampled_from(string.printable) | st.characters())
    changed = address[:place] + sign + address[place + 1 :]
    assert (reason_of(changed, keys=[OLD, NEW]) is None) == (changed.isascii() and changed.lower() == address)


@given(addresses(), st.data())
def test_a_character_more_or_less_is_refused(address, data):
    place = data.draw(st.integers(0, len(address) - 1))
    assert reason_of(address[:place] + address[place + 1 :])
    assert reason_of(address[:place] + data.draw(st.sampled_from("abcz27@.+")) + address[place:])


@given(addresses())
def test_the_token_is_worth_nothing_at_another_domain(address):
    assert reason_of(address.replace(DOMAIN, "bounce.example.net")) is Refusal.BAD_MAC


@given(addresses())
def test_the_token_is_worth_nothing_to_another_secret_of_the_same_name(address):
    assert reason_of(address, keys=[Key("a", NEW.secret)]) is Refusal.BAD_MAC


def test_no_packing_can_pass_for_another():
    address = make("abcdefgh")
    for packing in "tuex":
        assert reason_of(address.replace("iabcdefgh", f"{packing}abcdefgh")) is Refusal.BAD_MAC


@pytest.mark.parametrize("days", [1, 35, 365])
def test_an_address_is_valid_up_to_its_last_day_and_known_after_it(days):
    address = make(days=days)
    last = TODAY + timedelta(days)
    token = Token("order-4711", None, last, "a")
    assert check(address, today=last) == token
    assert check(address, today=last + timedelta(1)) == Refused(Refusal.EXPIRED, token)


def test_the_life_of_a_forged_address_tells_nothing():
    assert check(make(days=1, keys=[Key("a", NEW.secret)]), today=TODAY + timedelta(9)) == Refused(Refusal.BAD_MAC)


def test_days_reach_beyond_2100_and_no_further_than_three_characters():
    assert check(make(today=date(2100, 12, 31)), today=date(2101, 1, 1)).expires == date(2101, 2, 4)
    for today in (date(2025, 1, 1), date(2115, 12, 31)):
        with pytest.raises(AddressError, match="is not between 2026-01-01 and 2115-"):
            make(today=today)


def test_while_keys_change_both_are_good_and_the_first_signs():
    before, during = make(), make(keys=[NEW, OLD])
    assert check(before, keys=[NEW, OLD]).key_id == "a"
    assert check(during, keys=[NEW, OLD]).key_id == "b"
    assert reason_of(during) is Refusal.UNKNOWN_KEY
    assert reason_of(before, keys=[NEW]) is Refusal.UNKNOWN_KEY


def test_the_prefix_can_be_another():
    address = make(prefix="returns")
    assert address.startswith("returns+")
    assert check(address, prefix="returns").id == "order-4711"
    assert reason_of(address) is Refusal.NOT_OURS


@pytest.mark.parametrize(
    "address",
    [
        "",
        "@",
        "b+@bounce.example.com",
        "ann@example.org",
        "b+ann=example.org@bounce.example.com",
        "b+" + "a" * 70 + "@x.example",
    ],
)
def test_what_has_not_our_form_is_not_ours(address):
    assert reason_of(address) is Refusal.NOT_OURS


@given(st.text() | st.text("b+@ituexa2", min_size=20))
def test_no_address_at_all_makes_the_check_fail(address):
    assert reason_of(address)


def content_of(address):
    text = address.partition("@")[0][7:-16]
    return b32decode(text.upper() + "=" * (-len(text) % 8))


def test_what_an_address_carries_can_be_read_by_anyone_unless_it_is_encrypted():
    encoded, encrypted = (make("4711", recipient="ann@example.org", is_encrypted=flag) for flag in (False, True))
    assert content_of(encoded) == b"4711\0ann@example.org"
    assert len(encrypted) == len(encoded)
    assert b"ann" not in content_of(encrypted)


def test_two_encrypted_addresses_share_no_key_stream():
    one, other = (content_of(make(id_, recipient="ann@example.org", is_encrypted=True)) for id_ in ("1", "2"))
    assert one[2:] != other[2:]


@pytest.mark.parametrize(
    ("id_", "options", "said"),
    [
        ("a" * 42, {}, "1 octets too long"),
        ("A" * 26, {}, "too long"),
        ("4711", {"recipient": "a.long.local.part@example.org"}, "too long"),
        ("", {}, "at least one character"),
        ("a\0b", {}, "NUL"),
        ("a", {"recipient": "a\0b@example.org"}, "NUL"),
        ("\ud800", {}, "UTF-8"),
        ("a", {"domain": "bücher.example"}, "xn--"),
        ("a", {"domain": ""}, "ASCII"),
        ("a", {"prefix": "Bounces"}, "the prefix has"),
        ("a", {"prefix": "b@"}, "the prefix has"),
        ("a", {"prefix": ""}, "the prefix has"),
    ],
)
def test_what_cannot_be_made_is_said(id_, options, said):
    with pytest.raises(AddressError, match=said):
        make(id_, **options)


@pytest.mark.parametrize("packing", ["t", "u", "e", "x"])
def test_a_sender_that_packs_wrongly_is_told_from_a_forger(packing):
    head, content = f"aajd{packing}", b"\xff\xfe"
    mac = verp._sign(OLD, head, DOMAIN, content)  # noqa: SLF001 - the only way to sign what make refuses
    text = verp._write_content(OLD, verp._Packing(packing), content, mac)  # noqa: SLF001
    assert reason_of(f"b+{head}{text}{mac}@{DOMAIN}", today=date(2026, 1, 2)) is Refusal.MALFORMED


@pytest.mark.parametrize(
    "text", ["", "a", "a:", ":c2VjcmV0", "ab:" + "QUFB" * 8, "0:" + "QUFB" * 8, "a:" + "QUFB" * 5, "a:!"]
)
def test_a_key_that_cannot_be_used_is_refused_without_telling_it(text):
    with pytest.raises(ConfigurationError) as caught:
        Key.parse(text)
    assert "QUFB" not in f"{caught.value} {caught.value.remedy} {caught.value.__cause__}"


def test_a_key_is_read_and_not_shown():
    key = Key.parse(" a:MDEyMzQ1Njc4OWFiY2RlZg== \n")
    assert key == Key("a", b"0123456789abcdef")
    assert "0123" not in repr(key)


def test_the_worked_example_of_the_documentation_is_right():
    plain = verp.make("order-4711", domain=DOMAIN, keys=[EXAMPLE_KEY], today=TODAY)
    sealed = verp.make(
        "4711", domain=DOMAIN, keys=[EXAMPLE_KEY], today=TODAY, recipient="ann@example.org", is_encrypted=True
    )
    text = DOCUMENT.read_text(encoding="utf-8")
    assert f"`{plain}`" in text
    assert f"`{sealed}`" in text


def test_the_program_in_the_documentation_makes_the_same_address():
    text = DOCUMENT.read_text(encoding="utf-8")
    program = text.split("<!-- standalone -->\n```python\n")[1].split("```")[0]
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout
    assert said.strip() == verp.make("order-4711", domain=DOMAIN, keys=[EXAMPLE_KEY], today=TODAY)


def test_a_sender_imports_no_part_of_the_daemon():
    program = (
        "import sys; import bounced.identify.verp;"
        "print(*{name.partition('.')[0] for name in sys.modules} & {'aiohttp', 'aiosmtpd', 'sqlalchemy', 'pydantic',"
        " 'structlog', 'typer', 'asyncio', 'flufl', 'uvloop', 'alembic'})"
    )
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, capture_output=True, check=True, text=True, cwd=DOCUMENT.parents[1]).stdout == "\n"
