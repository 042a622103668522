"""Read what a proxy says of its client (the PROXY protocol, versions 1 and 2).

The header is believed only where the connection comes from a proxy of ours,
and there it has to be; whether it does is decided elsewhere.
"""

from typing import NamedTuple

from bounced.receive.networks import Address, read_address, unpack_address
from bounced.receive.replies import RefusedError

_PREFIX_1 = b"PROXY "
_MAX_LENGTH_1 = 107  # section 2.1
_SIGNATURE_2 = b"\r\n\r\n\x00\r\nQUIT\n"
_HEAD_LENGTH_2 = 16
_MAX_LENGTH_2 = 4096
_LOCAL, _PROXY = 0x20, 0x21  # the version and the command
_ADDRESS_LENGTHS = {0x11: 4, 0x21: 16}  # TCP over IPv4, over IPv6


class Header(NamedTuple):
    """For whom a proxy connects, None for itself, and how many octets it took to say so."""

    client: Address | None
    length: int


def read_header(octets: bytes) -> Header | None:
    """Read the header at the start of a connection; None where more has to come.

    Raises:
        RefusedError: There is none, or it says nothing that we understand.
    """
    if octets.startswith(_SIGNATURE_2):
        return _read_2(octets)
    if octets.startswith(_PREFIX_1):
        return _read_1(octets)
    if _SIGNATURE_2.startswith(octets) or _PREFIX_1.startswith(octets):
        return None
    raise _refusal()


def _read_1(octets: bytes) -> Header | None:
    line, end, _ = octets[:_MAX_LENGTH_1].partition(b"\r\n")
    if not end:
        if len(octets) < _MAX_LENGTH_1:
            return None
        raise _refusal()
    length = len(line) + len(end)
    match line.decode("ascii", "replace").split(" "):
        case ["PROXY", "UNKNOWN", *_]:
            return Header(None, length)
        case ["PROXY", "TCP4" | "TCP6", source, _, _, _]:
            return Header(_read_source(source), length)
        case _:
            raise _refusal()


def _read_source(text: str) -> Address:
    try:
        return read_address(text)
    except ValueError:
        raise _refusal() from None


def _read_2(octets: bytes) -> Header | None:
    if len(octets) < _HEAD_LENGTH_2:
        return None
    command, family = octets[12], octets[13]
    length = _HEAD_LENGTH_2 + int.from_bytes(octets[14:16])
    if command not in {_LOCAL, _PROXY} or length > _MAX_LENGTH_2:
        raise _refusal()
    if len(octets) < length:
        return None
    if command == _LOCAL:
        return Header(None, length)
    return Header(_unpack_source(octets[_HEAD_LENGTH_2:length], family), length)


def _unpack_source(block: bytes, family: int) -> Address | None:
    size = _ADDRESS_LENGTHS.get(family)
    if size is None:
        return None  # such as a unix socket: the proxy's own business
    if len(block) < 2 * size + 4:
        raise _refusal()
    return unpack_address(block[:size])


def _refusal() -> RefusedError:
    return RefusedError("421 4.7.0 No valid PROXY header", is_final=True)
