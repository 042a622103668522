"""Which network a client is in, and whether that is one we know."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from bounced.errors import ConfigurationError

Address = IPv4Address | IPv6Address

_HALF = 8  # octets; whoever has one IPv6 address has a /64 of them


@lru_cache(maxsize=1024)  # most bounces come from few hosts
def read_address(text: str) -> Address:
    """Read an address; IPv4 within IPv6, as sockets for both report it, is IPv4.

    Raises:
        ValueError: It is none.
    """
    return _unmap(ip_address(text))


def unpack_address(octets: bytes) -> Address:
    """Return the address of 4 or 16 octets in the same way."""
    return _unmap(ip_address(octets))


def _unmap(address: Address) -> Address:
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def client_network(address: Address) -> bytes:
    """Return what stands for all addresses that one client can easily have: an IPv4 address, or an IPv6 /64."""
    return address.packed if isinstance(address, IPv4Address) else address.packed[:_HALF]


class Networks:
    """A set of networks.

    Args:
        texts: Addresses and networks (``192.0.2.0/24``).
        where: The key of the configuration that names them.

    Raises:
        ConfigurationError: One of them is no network.
    """

    def __init__(self, texts: Iterable[str], *, where: str) -> None:
        self._networks: list[IPv4Network | IPv6Network] = []
        for text in texts:
            try:
                self._networks.append(ip_network(text))
            except ValueError as error:
                raise ConfigurationError(
                    f"{text!r} is no network: {error}", where=where, remedy='write "192.0.2.7" or "192.0.2.0/24"'
                ) from error

    def __contains__(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


NOWHERE = Networks((), where="")
