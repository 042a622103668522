"""Where a broker is, as its URL says, and what errors tell."""

from pathlib import Path

import pytest

from bounced.deliver.broker import Broker, Scheme, TlsFiles
from bounced.errors import ConfigurationError

SCHEME = Scheme("queue", "queues", 1000, 2000)


def parse(url, **options):
    return Broker.parse(url, SCHEME, sink="app", **options)


@pytest.mark.parametrize(
    ("url", "hosts", "path", "user", "password"),
    [
        ("queue://a.example", (("a.example", 1000),), "", None, None),
        ("queues://a.example", (("a.example", 2000),), "", None, None),
        ("queue://a.example:7,b.example", (("a.example", 7), ("b.example", 1000)), "", None, None),
        ("queue://[::1]:7/mail%2Fbox", (("::1", 7),), "mail/box", None, None),
        ("queue://ann@a.example/", (("a.example", 1000),), "", "ann", None),
        ("queue://ann:p%40ss:w@a.example", (("a.example", 1000),), "", "ann", "p@ss:w"),
        ("queue://:token@a.example", (("a.example", 1000),), "", None, "token"),
    ],
)
def test_a_url_says_where_a_broker_is_and_who_we_are(url, hosts, path, user, password):
    broker = parse(url)
    assert (broker.hosts, broker.path, broker.user, broker.password) == (hosts, path, user, password)
    assert (broker.tls is not None) == url.startswith("queues:")


def test_a_password_given_apart_goes_first():
    assert parse("queue://ann:old@a.example", password="new").password == "new"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.example",
        "http://u:s3cret@a.example",
        "queue://",
        "queue://u:s3cret@a.example:x",
        "queue://a,",
        "queue://a:0",
        "queue://a?tls=no",
    ],
)
def test_what_is_no_such_url_is_refused_without_being_repeated(url):
    with pytest.raises(ConfigurationError) as caught:
        parse(url)
    assert caught.value.where == 'sink "app", url'
    assert "queue://" in caught.value.remedy
    assert "s3cret" not in f"{caught.value} {caught.value.remedy}"


def test_certificates_without_tls_are_a_mistake():
    with pytest.raises(ConfigurationError, match="says no TLS"):
        parse("queue://a.example", files=TlsFiles(ca_file=Path("ca.crt")))


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_certificate_that_cannot_be_used_is_a_mistake(tmp_path, content):
    if content:
        (tmp_path / "ca.crt").write_text(content)
    with pytest.raises(ConfigurationError, match="cannot use the certificates"):
        parse("queues://a.example", files=TlsFiles(ca_file=tmp_path / "ca.crt"))


def test_the_password_is_not_in_the_text_of_a_broker():
    assert "s3cret" not in repr(parse("queue://ann:s3cret@a.example"))


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConnectionRefusedError(111, "Connect call failed"), "cannot connect: Connect call failed"),
        (TimeoutError(), "no answer in time"),
        (ValueError("bad s3cret\x1b[31m\nline"), "ValueError: bad ***?[31m?line"),
        (ValueError("x" * 1000), ("ValueError: " + "x" * 1000)[:200]),
    ],
)
def test_an_error_is_one_short_printable_line_without_the_password(error, text):
    assert parse("queue://ann:s3cret@a.example").explain(error).startswith(text)
    assert len(parse("queue://a.example").explain(error)) <= 200
