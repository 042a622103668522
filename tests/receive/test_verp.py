"""At RCPT: what configuration makes of addresses that are not genuine, on a real socket."""

from datetime import UTC, datetime, time, timedelta

import pytest

from bounced.app import Admission, make_recipe
from bounced.config import Config
from bounced.errors import ConfigurationError
from bounced.identify import BatvKey, verp
from bounced.identify.wrapping import make_batv
from bounced.knowledge import shipped_knowledge
from bounced.model import Envelope
from bounced.receive import Recipients
from tests.daemon.mail import dsn

KEY, OTHER = "a:" + "QUFB" * 8, "a:" + "QkJC" * 8
TODAY = datetime.now(UTC).date()
DOMAIN = "bounce.example.com"
PATTERNS = [DOMAIN, "bounces+*@bounce.example.com", "abuse@bounce.example.com", "bounce@example.com", "bücher.example"]
GOOD = "250 2.1.5 Ok"
REFUSED = "550 5.7.1 This address is not valid, or not any more"


def make(key=KEY, domain=DOMAIN, today=TODAY):
    return verp.make("4711", domain=domain, keys=[verp.Key.parse(key)], today=today, days=1)


def config(**section):
    section = {
        "mode": "enforce",
        "domains": [DOMAIN, "xn--bcher-kva.example"],
        "keys": [KEY],
    } | section
    return Config(receive={"recipients": PATTERNS}, verp=section)


@pytest.fixture
def ask(start):
    async def ask_(address, **section):
        server = await start(recipients=Recipients(PATTERNS), admits=Admission(config(**section)))
        client = await server.connect()
        await client.ask("EHLO client.example")
        await client.ask("MAIL FROM:<> SMTPUTF8")
        return await client.ask(f"RCPT TO:<{address}>")

    return ask_


@pytest.mark.parametrize(
    "address",
    [
        make(),
        make().upper(),
        make(domain="xn--bcher-kva.example"),
        "bounce@example.com",
        "abuse@bounce.example.com",
        "PostMaster@Bounce.example.com",
        make_batv("ann@bounce.example.com", BatvKey("0", b"secret"), expires=TODAY),
    ],
)
async def test_what_is_genuine_or_need_not_be_is_taken(ask, address):
    assert await ask(address, batv_keys=["0:secret"]) == GOOD


@pytest.mark.parametrize(
    "address",
    [
        make(OTHER),
        make("b" + KEY[1:]),
        make(today=datetime(2026, 1, 1, tzinfo=UTC).date()),
        "bounces+4711@bounce.example.com",
        "ann@bounce.example.com",
        "ann@bücher.example",
        "ann@xn--bcher-kva.example",
        make_batv("ann@bounce.example.com", BatvKey("0", b"other"), expires=TODAY),
    ],
)
async def test_what_is_not_genuine_is_refused_only_where_that_is_enforced(ask, address):
    assert await ask(address, batv_keys=["0:secret"]) == REFUSED
    assert await ask(address, mode="monitor") == GOOD
    assert await ask(address, mode="off") == GOOD


async def test_a_refused_recipient_does_not_harm_the_others(start):
    server = await start(recipients=Recipients(PATTERNS), admits=Admission(config()))
    client = await server.connect()
    await client.ask("EHLO client.example")
    await client.ask("MAIL FROM:<>")
    assert await client.ask(f"RCPT TO:<{make(OTHER)}>") == REFUSED
    assert await client.ask(f"RCPT TO:<{make()}>") == GOOD
    await client.ask("DATA")
    assert (await client.ask("Subject: bounce\r\n\r\n.")).startswith("250 ")
    assert server.messages[0].envelope.recipients == (make(),)


def test_keys_and_mode_can_be_renewed():
    admission = Admission(config())
    assert not admission(make(OTHER))
    admission.renew(config(keys=[KEY, "b" + OTHER[1:]]))
    assert admission(make("b" + OTHER[1:]))
    with pytest.raises(ConfigurationError):
        admission.renew(config(keys=["not a key"]))
    assert admission(make())
    admission.renew(config(mode="off"))
    assert admission(make(OTHER))


@pytest.mark.parametrize(("day", "is_verified"), [(TODAY, True), (TODAY + timedelta(2), False)])
def test_a_message_is_read_by_its_envelope_and_by_the_day_on_which_it_came(day, is_verified):
    moment = datetime.combine(day, time(23, 59), UTC)
    read = make_recipe(config(mode="monitor")).using(shipped_knowledge())
    understanding = read(dsn("ann@example.org"), Envelope("", (make(),), moment))
    assert [(one.verp.id, one.verp.is_verified) for one in understanding.outcomes] == [("4711", is_verified)]
    assert read(dsn("ann@example.org"), None).verp is None
