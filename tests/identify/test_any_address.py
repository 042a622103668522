"""Whatever stands before and behind the @ of a return path, it is read."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from bounced.identify import VerpSettings, read_return_path, shipped_forms
from bounced.identify.verp import Key

PIECES = [
    "=",
    "+",
    "-",
    "@",
    "/",
    "#",
    ".",
    '"',
    "\\",
    "%",
    "!",
    "SRS0",
    "SRS1",
    "prvs",
    "b",
    "bounces",
    "owner",
    "example",
    "com",
    "0",
    "A" * 60,
    "\u0661",
    "\u0130",
    "é",
    " ",
    "\0",
]
SETTINGS = VerpSettings(keys=(Key("k", b"k" * 32),))


@given(st.text(max_size=80) | st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_any_address_is_read(address):
    told = read_return_path(address, SETTINGS, today=date(2026, 11, 23))
    assert told is None or not told.is_verified


@given(st.sampled_from([form.example for form in shipped_forms()]), st.data())
def test_a_spoiled_return_path_is_read(example, data):
    start = data.draw(st.integers(0, len(example)))
    address = (
        example[:start]
        + data.draw(st.sampled_from(PIECES) | st.text(max_size=4))
        + example[start + data.draw(st.integers(0, 3)) :]
    )
    told = read_return_path(address, SETTINGS, today=date(2026, 11, 23))
    assert told is None or not told.is_verified
