"""Which addresses a sink may connect to.

Whoever can set a webhook's URL, or answers for its name in DNS, must not be
able to make this host talk to its neighbours. So the check is made on the very
address that is about to be connected to, never on a name or an earlier answer.
"""

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

# RFC 6890 section 2.2.2: not global, where clouds keep services for their hosts; older Pythons know a part of it only.
_PROTOCOL_ASSIGNMENTS = IPv4Network("192.0.0.0/24")
# RFC 3587 section 3: global unicast addresses are given out from this block only, so far.
_GLOBAL_UNICAST = IPv6Network("2000::/3")
# RFC 6052 section 2.1: how a host with IPv6 only reaches IPv4.
_NAT64 = IPv6Network("64:ff9b::/96")


class PrivateAddressError(OSError):
    """The address is not one of the public internet; it was not connected to."""


def is_public(text: str) -> bool:
    """Whether `text` is an address of the public internet; what cannot be read is not."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    match address:
        case IPv4Address():
            return _is_public_ipv4(address)
        case IPv6Address(ipv4_mapped=IPv4Address() as mapped):
            return _is_public_ipv4(mapped)
        case IPv6Address() if address in _NAT64:
            return _is_public_ipv4(IPv4Address(address.packed[-4:]))
        case IPv6Address(sixtofour=None, teredo=None):
            return address in _GLOBAL_UNICAST and address.is_global
        case _:  # 6to4 and Teredo lead to whatever IPv4 address they carry
            return False


def _is_public_ipv4(address: IPv4Address) -> bool:
    """Whether `address` is public; ``is_global`` knows carrier-grade NAT, but calls some multicast global."""
    is_special = address.is_multicast or address.is_reserved or address in _PROTOCOL_ASSIGNMENTS
    return address.is_global and not is_special


def open_public_socket(
    address_info: tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]],
) -> socket.socket:
    """Make the socket for an address about to be connected to.

    Raises:
        PrivateAddressError: The address is not public.
    """
    family, type_, protocol, _, address = address_info
    if not is_public(address[0]):
        raise PrivateAddressError(f"{address[0]} is not a public address: set allow_private_addresses = true")
    return socket.socket(family, type_, protocol)
