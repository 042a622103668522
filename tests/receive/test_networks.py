"""Who counts as one client, and who is in a network."""

import pytest

from bounced.errors import ConfigurationError
from bounced.receive import Networks
from bounced.receive.networks import client_network, read_address


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2", True),
    ],
)
def test_a_client_is_an_ipv4_address_or_an_ipv6_64(one, other, is_same):
    assert (client_network(read_address(one)) == client_network(read_address(other))) == is_same


@pytest.mark.parametrize(
    ("address", "is_in"),
    [
        ("192.0.2.7", True),
        ("::ffff:192.0.2.7", True),
        ("192.0.3.7", False),
        ("2001:db8::7", True),
        ("2001:db8:1::7", False),
    ],
)
def test_an_address_is_in_a_network(address, is_in):
    assert (read_address(address) in Networks(["192.0.2.0/24", "2001:db8::/48"], where="here")) == is_in


@pytest.mark.parametrize("text", ["", "example.com", "192.0.2.1/24", "192.0.2.0/33", "192.0.2"])
def test_what_is_no_network_is_a_configuration_error(text):
    with pytest.raises(ConfigurationError) as caught:
        Networks([text], where="receive.limits.trusted")
    assert caught.value.where == "receive.limits.trusted"
    assert caught.value.remedy
