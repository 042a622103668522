import pytest

from bounced.parse.address import find_address, read_typed_address


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("rfc822; ann@example.com", "ann@example.com"),
        ("rfc822;<ann@example.com>", "ann@example.com"),
        ("RFC822; Ann <ann@example.com>", "ann@example.com"),
        ("rfc/822; ann@example.com", "ann@example.com"),
        ("LOCAL;<ann@example.com>", "ann@example.com"),
        ("ann@example.com", "ann@example.com"),
        ('rfc822; "ann b"@example.com', '"ann b"@example.com'),
        ("rfc822; <@relay.example.net,@mx.example.net:ann@example.com>", "ann@example.com"),
        ("rfc822; 'ann@example.com'", "ann@example.com"),
        ("rfc822; \u2018ann@example.com\u2019", "ann@example.com"),
        ("rfc822; ann@example.com.", "ann@example.com"),
        ("utf-8; ülle@bücher.example", "ülle@bücher.example"),
        (r"utf-8; \x{FC}lle@example.com", "ülle@example.com"),
        (r"utf-8; \x{1F600}@example.com", "\U0001f600@example.com"),
        ("rfc822; ann", None),
        ("rfc822; '@example.com", None),
        ("rfc822;", None),
        ("", None),
        ("rfc822; |/usr/bin/filter", None),
    ],
)
def test_a_typed_address(value, address):
    assert read_typed_address(value) == address


@pytest.mark.parametrize("escape", [r"\x{D800}", r"\x{110000}"])
def test_an_escape_that_is_no_character_is_not_undone(escape):
    assert read_typed_address(f"utf-8; {escape}ann@example.com") == f"{escape[1:]}ann@example.com"


def test_a_path_is_no_domain():
    assert find_address("/home/ann@example.com/mail") == "/home/ann@example.com"


def test_an_address_holds_no_control_characters():
    assert find_address("a\x00\x1b\x9bnn@example.com\x07") == "nn@example.com"
    assert find_address("ann@example.com\x9b") == "ann@example.com"
    assert find_address('"a\x9bnn"@example.com') is None
