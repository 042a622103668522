import pytest

from bounced.classify import Providers
from bounced.model import Provider

ACME, OTHER = Provider("acme", "Acme Mail", None), Provider("other", "Other", None)
KNOWN = Providers({"acme.example": ACME, "mx.other.example": OTHER}, [("acme says", ACME), ("other's filter", OTHER)])


@pytest.mark.parametrize(
    ("host", "text", "provider"),
    [
        ("acme.example", "", ACME),
        ("MX1.Acme.Example.", "", ACME),
        ("mx.other.example", "acme says no", OTHER),
        ("notacme.example", "", None),
        ("other.example", "", None),
        ("example", "", None),
        (None, "550 Acme  says no", ACME),
        ("mx.example.com", "the other's filter said no", OTHER),
        (None, "no", None),
        (None, "", None),
    ],
)
def test_a_provider_is_known_by_its_host_else_by_its_words(host, text, provider):
    assert KNOWN.recognise(host, text) == provider


def test_nobody_is_known_without_packs():
    assert Providers({}, []).recognise("mx.acme.example", "acme says no") is None


def test_a_host_of_a_provider_can_be_asked_for():
    assert KNOWN.host_of(ACME) == "acme.example"
    assert KNOWN.host_of(Provider("nobody", "Nobody", None)) is None
