import pytest

from bounced.classify import RuleSet
from bounced.model import Provider

ACME, OTHER = Provider("acme", "Acme Mail", None), Provider("other", "Other", None)
KNOWN = RuleSet([], {"acme.example": ACME, "mx.other.example": OTHER}, [("acme says", ACME), ("other's filter", OTHER)])


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
    assert KNOWN.recognise(host, KNOWN.find_words(text)) == provider


def test_nobody_is_known_without_packs():
    rules = RuleSet([])
    assert rules.recognise("mx.acme.example", rules.find_words("acme says no")) is None


def test_a_host_of_a_provider_can_be_asked_for():
    assert KNOWN.host_of(ACME) == "acme.example"
    assert KNOWN.host_of(Provider("nobody", "Nobody", None)) is None
