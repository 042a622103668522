import pytest

from bounced.parse.header import read_content_type, read_headers


def header(raw):
    headers, body = read_headers(raw, max_bytes=1 << 16)
    return headers, raw[body:]


def test_names_are_compared_without_case_and_the_first_field_counts():
    headers, body = header(b"Subject: one\nSUBJECT: two\n\nbody")
    assert headers.get("subject") == "one"
    assert headers.get("from") is None
    assert ("subject" in headers, "from" in headers) == (True, False)
    assert body == b"body"


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (b"A: 1\n\nbody", b"body"),
        (b"A: 1\nno field\nbody", b"no field\nbody"),
        (b"From me Mon Nov 23\nA: 1\n\nbody", b"body"),
        (b">From me\nA: 1\n\nbody", b"body"),
        (b"A: 1", b""),
        (b"A: 1\nFrom me", b""),
        (b"A:\n 1\n\n", b""),
        (b"A : 1\n\nbody", b"body"),
    ],
)
def test_a_header_ends_where_the_fields_end(raw, body):
    headers, rest = header(raw)
    assert (headers.get("a"), rest) == ("1", body)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"one\n two\n\tthree", "one two three"),
        (b"=?utf-8?q?gr=C3=BCn?=", "grün"),
        (b"=?utf-8?B?Z3LDvG4=?=", "grün"),
        (b"=?utf-8?B?Z3LDvG4?=", "grün"),
        (b"=?iso-8859-1*de?q?gr=FCn?=", "grün"),
        (b"=?utf-8?q?a_b?= =?utf-8?q?c?=", "a bc"),
        (b"=?utf-8?q?a?= b", "a b"),
        (b"=?utf-8?q?a?=\n =?utf-8?q?b?=", "ab"),
        (b"=?utf-8?x?a?=", "=?utf-8?x?a?="),
        (b"=?utf-8?q?100%=?=", "100%="),
        ("grün".encode(), "grün"),
        (b"gr\xfcn", "grün"),
    ],
)
def test_a_value_is_unfolded_and_decoded(value, text):
    assert header(b"Subject: " + value + b"\n\n")[0].get("subject") == text


@pytest.mark.parametrize(
    ("value", "full", "parameters"),
    [
        ("Text/HTML; Charset=UTF-8", "text/html", {"charset": "UTF-8"}),
        ('multipart/report; boundary="a;b"; boundary=c', "multipart/report", {"boundary": "a;b"}),
        ("multipart/report;boundary*=x", "multipart/report", {"boundary": "x"}),
        ("multipart / report", "multipart/report", {}),
        ("nonsense", "text/plain", {}),
        ("a/b/c", "text/plain", {}),
        ("", "text/plain", {}),
        (None, "text/plain", {}),
    ],
)
def test_a_content_type_is_read(value, full, parameters):
    content_type = read_content_type(value)
    assert (content_type.full, content_type.parameters) == (full, parameters)
