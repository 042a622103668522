"""Whom we take mail for."""

import pytest

from bounced.errors import ConfigurationError
from bounced.receive import Recipients

PATTERNS = (
    "bounce@example.com",
    "bounces+*@example.com",
    "bounces.example.com",
    "müll@bücher.example",
    "Post@B.Example",
)


@pytest.mark.parametrize(
    "address",
    [
        "bounce@example.com",
        "BOUNCE@Example.COM",
        '"bounce"@example.com',
        r'"b\ounce"@example.com',
        "bounces+ann=example.org@example.com",
        "bounces+@example.com",
        "Bounces+X@EXAMPLE.com",
        '"bounces+a b"@example.com',
        "anything@bounces.example.com",
        "müll@bücher.example",
        "MÜLL@BÜCHER.example",
        "müll@xn--bcher-kva.example",
        "post@b.example",
    ],
)
def test_address_is_ours(address):
    assert Recipients(PATTERNS).accepts(address)


@pytest.mark.parametrize(
    "address",
    [
        "bounce@example.org",
        "bouncer@example.com",
        "bounces@example.com",
        "x+bounces+1@example.com",
        "bounce@sub.bounces.example.com",
        "bounces.example.com",
        "bounce",
        "postmaster",
        "postmaster@example.com",
        "bounce@example.com@example.org",
        "müll@" + "ü" * 300 + ".example",
        "bounce@ü..example",
        "bounce@",
        "@",
        "",
    ],
)
def test_address_is_not_ours(address):
    assert not Recipients(PATTERNS).accepts(address)


def test_a_label_in_a_pattern_is_its_u_label():
    assert Recipients(["xn--bcher-kva.example"]).accepts("a@bücher.example")


@pytest.mark.parametrize("pattern", ["*", "Postmaster"])
def test_postmaster_needs_no_domain_where_it_is_listed(pattern):
    assert Recipients([pattern]).accepts("PostMaster")


def test_postmaster_without_domain_is_not_every_postmaster():
    recipients = Recipients(["postmaster"])
    assert not recipients.accepts("postmaster@example.com")
    assert not recipients.accepts("postmaster@ü..example")


def test_star_is_everyone_and_no_pattern_is_nobody():
    assert Recipients(["*"]).accepts("any.one@anywhere.example")
    assert not Recipients([]).accepts("any.one@anywhere.example")


@pytest.mark.parametrize("pattern", ["", "@", "a@", "@example.com", "a@*.example.com", "*.example.com", "a b@c.de"])
def test_anything_else_is_a_configuration_error(pattern):
    with pytest.raises(ConfigurationError) as caught:
        Recipients([pattern])
    assert caught.value.where == "receive.recipients"
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("path", "recipient"),
    [
        ("<bounce@example.com>", "bounce@example.com"),
        ("<@a.example,@b.example:bounce@example.com>", "bounce@example.com"),
        (" < bounce@example.com >", "bounce@example.com"),
        ("bounce@example.com", "bounce@example.com"),
        ('<"bounce"@example.com>', '"bounce"@example.com'),
        ('<"bounces+a>b"@example.com>', '"bounces+a>b"@example.com'),
        ("<bounces+..a.@example.com>", "bounces+..a.@example.com"),
        ("<müll@bücher.example> NOTIFY=NEVER", "müll@bücher.example"),
    ],
)
async def test_rcpt_takes_what_mailers_write(start, path, recipient):
    server = await start(recipients=Recipients(PATTERNS))
    client = await server.connect()
    await client.ask("EHLO client.example")
    await client.ask("MAIL FROM:<someone@example.org> SMTPUTF8")
    assert await client.ask(f"RCPT TO:{path}") == "250 2.1.5 Ok"
    await client.ask("DATA")
    await client.ask(".")
    assert server.messages[0].envelope.recipients == (recipient,)


@pytest.mark.parametrize("path", ["<a@example.org>", "<postmaster>", "<bounce>", "<bounce@example.com@example.org>"])
async def test_rcpt_refuses_everyone_else(client, path):
    await client.ask("EHLO client.example")
    await client.ask("MAIL FROM:<>")
    assert await client.ask(f"RCPT TO:{path}") in {"550 5.7.1 Not a recipient here", "553 5.1.3 Malformed address"}
