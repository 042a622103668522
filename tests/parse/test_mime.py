from binascii import b2a_uu

import pytest

from bounced.parse.mime import Part


@pytest.mark.parametrize(
    ("encoding", "body", "content"),
    [
        ("base64", b"Z3LDvG4=\n", "grün".encode()),
        ("BASE64 ", b"Z3LD\n!!vG4", "grün".encode()),
        ("base64", b"Z", b""),
        ("quoted-printable", b"gr=C3=BCn=\n", "grün".encode()),
        ("x-uuencode", b"begin 644 f\n" + b2a_uu(b"green") + b"\xffnonsense\n\nend\n", b"green"),
        ("8bit", "grün".encode(), "grün".encode()),
        ("x-unknown", b"=67", b"=67"),
    ],
)
def test_a_transfer_encoding_is_undone(encoding, body, content):
    assert Part(f"Content-Transfer-Encoding: {encoding}\n\n".encode() + body).content() == content


@pytest.mark.parametrize(
    ("boundary", "body", "parts"),
    [
        ("b", b"--b\n\none\n--b\n\ntwo\n--b--\nepilogue", [b"one", b"two"]),
        ("b", b"preamble\n--b\n\none\n--b  \n\ntwo", [b"one", b"two"]),
        ("b", b"--b\n\none\n--b-1\n--bee\n--b--", [b"one\n--b-1\n--bee"]),
        ("b", b"--b--\n", []),
        ("b", b"", []),
        ("b", b"--other\n\none\n--other--\n", [b"one"]),
        ("", b"--other\n\none\n--other--\n", [b"one"]),
        ("b", b"--b", [b""]),
    ],
)
def test_a_multipart_is_cut_at_its_delimiters(boundary, body, parts):
    head = f'Content-Type: multipart/mixed; boundary="{boundary}"\n\n'.encode()
    assert [part.body for part in Part(head + body).children()] == parts


def test_a_digest_holds_messages():
    digest = Part(b"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: one\n\n--b--\n")
    (child,) = digest.children()
    assert child.content_type.full == "message/rfc822"
    assert child.enclosed().headers.get("subject") == "one"


def test_a_leaf_has_no_parts():
    assert Part(b"\n--b\n\none\n--b--\n").children() == ()


def test_the_line_ends_of_an_encoded_message_do_not_show():
    body = b"Subject: one=0D=0A two=0D=0A=0D=0A"
    assert (
        Part(b"Content-Transfer-Encoding: quoted-printable\n\n" + body).enclosed().headers.get("subject") == "one two"
    )


def test_a_returned_message_is_not_walked_into():
    raw = b"Content-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n"
    assert [part.content_type.full for part in Part(raw).walk()] == ["message/rfc822"]
