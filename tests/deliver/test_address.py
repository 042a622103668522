import socket

import pytest

from bounced.deliver.address import PrivateAddressError, is_public, open_public_socket


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "193.0.6.139",
        "2606:4700:4700::1111",
        "::ffff:1.1.1.1",  # IPv4-mapped
        "64:ff9b::1.1.1.1",  # NAT64
    ],
)
def test_public_addresses_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - nobody listens here
        "10.1.2.3",
        "100.64.0.1",  # carrier-grade NAT
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",  # metadata of cloud hosts
        "172.31.255.255",
        "192.0.0.192",  # metadata of other cloud hosts
        "::ffff:192.0.0.8",
        "192.0.2.1",  # documentation
        "192.168.0.1",
        "198.18.0.1",  # benchmarks
        "224.0.0.1",
        "233.252.0.1",  # multicast that is_global calls global
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",  # IPv4-compatible
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b:1::1",  # local NAT64
        "2001:db8::1",
        "2001::1",  # Teredo
        "2002:7f00:1::1",  # 6to4
        "2002:101:101::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",  # the former site-local block
        "ff02::1",
        "127.1",
        "2130706433",
        "localhost",
        "",
    ],
)
def test_all_others_are_not(address):
    assert not is_public(address)


def test_a_refusal_names_the_address_and_the_key():
    with pytest.raises(PrivateAddressError, match=r"^10\.0\.0\.1 is not .*: set allow_private_addresses = true$"):
        open_public_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 443)))


def test_a_socket_for_a_public_address_is_made():
    with open_public_socket((socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2606:4700:4700::1111", 443, 0, 0))) as made:
        assert made.family == socket.AF_INET6
