import codecs

import pytest

from bounced.parse.charset import decode


@pytest.mark.parametrize(
    ("octets", "charset", "text"),
    [
        (b"plain", None, "plain"),
        ("grün".encode(), None, "grün"),
        ("grün".encode("cp1252"), None, "grün"),
        ("grün".encode("cp1252"), "us-ascii", "grün"),
        ("grün".encode("cp1252"), "utf-8", "grün"),
        ("“grün”".encode("cp1252"), "iso-8859-1", "“grün”"),
        ("Почта".encode("koi8-r"), "KOI8-R", "Почта"),
        ("Пошта".encode("koi8-u"), "koi8-u", "Пошта"),
        ("宛先".encode("iso2022_jp"), None, "宛先"),
        ("宛先".encode("cp932"), "shift_jis", "宛先"),
        ("退信".encode("gb18030"), "gb2312", "退信"),
        ("grün".encode(), "uft-8", "grün"),
        ("grün".encode(), "'utf8'", "grün"),
        ("Почта".encode("koi8-r"), "koi8-r\x00", "Почта"),
        (b"gr+APw-n", "unicode-1-1-utf-7", "grün"),
        (b"+2AA-", "utf-7", "\ufffd"),
        ("grün".encode(), "no-such-charset", "grün"),
        ("grün".encode(), "grün", "grün"),
        ("grün".encode(), "x" * 100, "grün"),
        (b"\xe5\xae", "gb2312", "瀹"),
        (b"gr\xe5", "gb2312", "grå"),
        ("grün, grün, grün, grün, grün".encode() + b"\xc3", None, "grün, grün, grün, grün, grün\ufffd"),
    ],
)
def test_octets_become_text(octets, charset, text):
    assert decode(octets, charset) == text


@pytest.mark.parametrize(
    "charset", ["hex", "zip", "zlib", "bz2", "uu", "quopri", "rot13", "idna", "punycode", "undefined"]
)
def test_only_codecs_for_text_are_used(charset):
    assert codecs.lookup(charset)
    assert decode(b"61-62", charset) == "61-62"


def test_what_fits_no_guess_is_marked():
    assert decode(b"\x1b$B\xff\xff", None).endswith("\ufffd")
