"""Take off what mail servers put around a return path: BATV tags (draft-levine-smtp-batv) and SRS (Mail::SRS).

A tag is proven with the server's own secret, where that is known. A BATV tag
that is proven says that the mail was sent from here. SRS that is proven says
only that it was forwarded from here, not by whom it was sent.
"""

import hmac
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from bounced.errors import ConfigurationError
from bounced.identify import quoting

_ANY_CASE = re.IGNORECASE | re.ASCII | re.DOTALL
_BATV = re.compile(
    r"prvs=(?P<tag>(?P<key>[0-9])(?P<day>[0-9]{3}))(?P<mac>[0-9a-f]{6})=(?P<local>.+)",
    _ANY_CASE,
)
_SRS0_BODY = r"(?P<mac>[^=]{4,27})=(?P<stamp>[a-z2-7]{2})=(?P<domain>[^=@]+)=(?P<local>.+)"
_SRS0 = re.compile(rf"SRS0[=+-]{_SRS0_BODY}", _ANY_CASE)
_SRS1 = re.compile(
    rf"SRS1[=+-](?P<outer>[^=]{{4,27}})=(?P<host>[^=@]+)=(?P<inner>[=+-]{_SRS0_BODY})",
    _ANY_CASE,
)
_STAMPS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_UNIX_EPOCH = date(1970, 1, 1)
_BATV_CYCLE, _SRS_CYCLE = 1000, 1024
_SRS_DAYS = 21
_SRS_MAC_LENGTH = 4
_LAYERS = 4


@dataclass(frozen=True, slots=True)
class BatvKey:
    """A secret of the server that tags our mail, and its digit in the tags."""

    digit: str
    secret: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "BatvKey":
        """Read ``<digit>:<secret>``.

        Raises:
            ConfigurationError: It has another form; the text is not repeated, it may be a secret.
        """
        digit, _, secret = text.strip().partition(":")
        if not re.fullmatch("[0-9]", digit) or not secret:
            raise ConfigurationError(
                "a key is one digit, a colon and the secret", where="verp.batv_keys", remedy='write "0:secret"'
            )
        return cls(digit, secret.encode())


@dataclass(frozen=True, slots=True)
class Wrapping:
    """Which servers' secrets are known."""

    batv_keys: tuple[BatvKey, ...] = ()
    srs_secrets: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """An address without its wrapping.

    Attributes:
        address: What was wrapped.
        has_tag: Whether a BATV tag was taken off.
        is_verified: Whether such a tag was proven.
    """

    address: str
    has_tag: bool = False
    is_verified: bool = False


def unwrap(address: str, wrapping: Wrapping, *, today: date | None) -> Unwrapped:
    """Take off all that is around an address.

    SRS that is not proven although its secrets are known stays on: the
    address within is somebody's claim.

    Args:
        address: The recipient of a bounce.
        wrapping: The secrets that are known.
        today: The day, in UTC; None does not look at the age of tags.
    """
    if "=" not in address:
        return Unwrapped(address)
    has_tag = is_verified = False
    for _ in range(_LAYERS):
        local_part, domain = quoting.split(address)
        if tagged := _BATV.fullmatch(local_part):
            address = quoting.join(tagged["local"], domain)
            has_tag = True
            is_verified = is_verified or _is_proven_batv(tagged, address, wrapping.batv_keys, today)
        elif (rewritten := _SRS1.fullmatch(local_part) or _SRS0.fullmatch(local_part)) and (
            not wrapping.srs_secrets or _is_proven_srs(rewritten, wrapping.srs_secrets, today)
        ):
            address = quoting.join(rewritten["local"], rewritten["domain"])
        else:
            break
    return Unwrapped(address, has_tag, is_verified)


def make_batv(address: str, key: BatvKey, *, expires: date) -> str:
    """Return `address` with a tag that is valid up to and including a day."""
    local_part, domain = quoting.split(address)
    tag = f"{key.digit}{_days(expires) % _BATV_CYCLE:03}"
    return quoting.join(f"prvs={tag}{_batv_mac(tag, address, key)}={local_part}", domain)


def make_srs0(address: str, host: str, secret: bytes, *, today: date) -> str:
    """Return `address` as a forwarder called `host` rewrites it."""
    local_part, domain = quoting.split(address)
    high, low = divmod(_days(today) % _SRS_CYCLE, 32)
    stamp = _STAMPS[high] + _STAMPS[low]
    mac = _srs_mac(secret, stamp + domain + local_part)[:_SRS_MAC_LENGTH]
    return quoting.join(f"SRS0={mac}={stamp}={domain}={local_part}", host)


def make_srs1(srs0: str, host: str, secret: bytes) -> str:
    """Return an SRS0 address as the next forwarder rewrites it, called `host`."""
    local_part, domain = quoting.split(srs0)
    inner = local_part[len("SRS0") :]
    return quoting.join(f"SRS1={_srs_mac(secret, domain + inner)[:_SRS_MAC_LENGTH]}={domain}={inner}", host)


def _days(day: date) -> int:
    return (day - _UNIX_EPOCH) // timedelta(1)


def _batv_mac(tag: str, address: str, key: BatvKey) -> str:
    return hmac.digest(key.secret, (tag + address).encode(errors="replace"), "sha1")[:3].hex()


def _is_proven_batv(tagged: re.Match[str], address: str, keys: Sequence[BatvKey], today: date | None) -> bool:
    if today and (int(tagged["day"]) - _days(today)) % _BATV_CYCLE >= _BATV_CYCLE // 2:
        return False
    macs = [_batv_mac(tagged["tag"], address, key) for key in keys if key.digit == tagged["key"]]
    return any(hmac.compare_digest(mac, tagged["mac"].lower()) for mac in macs)


def _srs_mac(secret: bytes, text: str) -> str:
    return b64encode(hmac.digest(secret, text.lower().encode(errors="replace"), "sha1")).decode()


def _is_proven_srs(rewritten: re.Match[str], secrets: Sequence[bytes], today: date | None) -> bool:
    parts = rewritten.groupdict()
    if "outer" in parts:
        # The time stamp is that of another forwarder, who has his own idea of its age.
        given, signed = parts["outer"], parts["host"] + parts["inner"]
    else:
        given, signed = parts["mac"], parts["stamp"] + parts["domain"] + parts["local"]
        high, low = map(_STAMPS.index, parts["stamp"].upper())
        if today and (_days(today) - high * 32 - low) % _SRS_CYCLE > _SRS_DAYS:
            return False
    # Case may have been lost on the way, and Mail::SRS lets that pass too.
    macs = [_srs_mac(secret, signed)[: len(given)].lower().encode() for secret in secrets]
    return any(hmac.compare_digest(mac, given.lower().encode(errors="replace")) for mac in macs)
