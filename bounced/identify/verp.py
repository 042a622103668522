"""Make and check signed return paths: what a bounce answers, proven without a table of what was sent.

A sender needs nothing but this module, which imports nothing but the standard
library::

    from datetime import UTC, datetime
    from bounced.identify import verp

    keys = [verp.Key.parse("a:…")]
    today = datetime.now(UTC).date()
    address = verp.make("order-4711", domain="bounce.example.com", keys=keys, today=today)

An address is ``b+<key id><day><packing><content><mac>@domain``. All behind
the plus is base32 (RFC 4648 section 6) in lower case and without padding, so
relays may change its case. ``docs/verp.md`` gives every octet.
"""

import hmac
import re
from base64 import b32decode, b32encode, b64decode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Self
from uuid import UUID

from bounced.errors import AddressError, ConfigurationError

DEFAULT_PREFIX = "b"
PREFIX_PATTERN = "^[a-z0-9-]{1,16}$"  # what survives a relay that changes its case
DEFAULT_DAYS = 35  # some relays go on trying for 30

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_EPOCH = date(2026, 1, 1)
_DAY_LENGTH = 3  # enough until 2115
_MAC_LENGTH = 16  # 80 bits
_LOCAL_PART_LENGTH = 64  # RFC 5321 section 4.5.3.1.1
_SECRET_LENGTH = 16
_BODY = re.compile(rf"([a-z2-7])([a-z2-7]{{{_DAY_LENGTH}}})([ituex])([a-z2-7]+)([a-z2-7]{{{_MAC_LENGTH}}})")
_PLAIN = re.compile("[a-z2-7]+")
_UUID = re.compile("[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


class _Packing(StrEnum):
    """How the content is to be read."""

    PLAIN = "i"  # an id of base32 characters as it is
    TEXT = "t"  # an id as UTF-8
    UUID = "u"  # the 16 octets of a UUID
    ENCODED = "e"  # id, NUL, recipient
    ENCRYPTED = "x"  # the same, encrypted


class Refusal(StrEnum):
    """Why an address proves nothing."""

    NOT_OURS = "not_ours"  # it has not the form of a signed address
    UNKNOWN_KEY = "unknown_key"
    BAD_MAC = "bad_mac"
    EXPIRED = "expired"
    MALFORMED = "malformed"  # signed with our key, but by a sender that packs wrongly


@dataclass(frozen=True, slots=True)
class Key:
    """A secret that sender and daemon share, and the one character that names it in addresses."""

    id: str
    secret: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``<key id>:<secret in base64>``.

        Raises:
            ConfigurationError: It has another form; the text is not repeated, it may be a secret.
        """
        id_, colon, encoded = text.strip().partition(":")
        try:
            secret = b64decode(encoded, validate=True)
        except ValueError:
            secret = b""
        if not colon or len(id_) != 1 or id_ not in _ALPHABET or len(secret) < _SECRET_LENGTH:
            raise ConfigurationError(
                "a key is one character of a-z2-7, a colon, and at least 16 octets in base64",
                where="verp.keys",
                remedy='make one with: echo "a:$(openssl rand -base64 32)"',
            )
        return cls(id_, secret)


@dataclass(frozen=True, slots=True)
class Token:
    """What a signed address holds.

    Attributes:
        id: What the sender put in.
        recipient: Whom the message was sent to; None where the address does not hold it.
        expires: The last day on which it is valid.
        key_id: Which key signed it.
    """

    id: str
    recipient: str | None
    expires: date
    key_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """An address that proves nothing; of one that has only expired the token is known."""

    reason: Refusal
    token: Token | None = None


def make(
    id_: str,
    *,
    domain: str,
    keys: Sequence[Key],
    today: date,
    recipient: str | None = None,
    is_encrypted: bool = False,
    prefix: str = DEFAULT_PREFIX,
    days: int = DEFAULT_DAYS,
) -> str:
    """Make a return path that nobody without the key can make.

    Without a recipient, and not encrypted, there is room for 41 characters of
    the base32 alphabet, a UUID, or 25 octets of any other text; otherwise id
    and recipient share 24 octets.

    Args:
        id_: What is to come back with the bounce.
        domain: Where bounces go; an internationalised one as ``xn--…``.
        keys: The first one signs.
        today: The day, in UTC.
        recipient: Whom the message is for, to be carried in the address.
        is_encrypted: Whether nobody but us may read what the address holds.
        prefix: What stands before the plus: up to 16 characters of a-z, 0-9 and ``-``.
        days: How long a bounce may take.

    Raises:
        AddressError: It cannot be made, most often because 64 octets are too few.
    """
    if not re.fullmatch(PREFIX_PATTERN, prefix):
        raise AddressError("the prefix has other characters than a-z, 0-9 and -, or more than 16 of them")
    if not re.fullmatch("[!-?A-~]+", domain):
        raise AddressError("the domain must be ASCII; write an internationalised one as xn--…")
    key = keys[0]
    packing, content = _pack(id_, recipient, is_encrypted=is_encrypted)
    head = key.id + _write_day(today + timedelta(days)) + packing
    mac = _sign(key, head, domain, content)
    local_part = f"{prefix}+{head}{_write_content(key, packing, content, mac)}{mac}"
    excess = len(local_part) - _LOCAL_PART_LENGTH
    if excess > 0:
        raise AddressError(f"the local part is {excess} octets too long; use a shorter id, or leave the recipient out")
    return f"{local_part}@{domain}"


def check(address: str, keys: Sequence[Key], *, today: date, prefix: str = DEFAULT_PREFIX) -> Token | Refused:
    """Say what an address proves on a given day, whatever became of its case.

    Args:
        address: The recipient of a bounce, without brackets.
        keys: Any of them may have signed.
        today: The day, in UTC.
        prefix: What stands before the plus.
    """
    local_part, _, domain = address.lower().rpartition("@")
    body = _BODY.fullmatch(local_part.removeprefix(f"{prefix}+"))
    is_ours = address.isascii() and local_part.startswith(f"{prefix}+") and len(local_part) <= _LOCAL_PART_LENGTH
    if not body or not is_ours:
        return Refused(Refusal.NOT_OURS)
    key_id, day, packing, text, mac = body.groups()
    key = next((key for key in keys if key.id == key_id), None)
    if key is None:
        return Refused(Refusal.UNKNOWN_KEY)
    content = _read_content(key, _Packing(packing), text, mac)
    expected = _sign(key, key_id + day + packing, domain, content or b"")
    if content is None or not hmac.compare_digest(expected, mac):
        return Refused(Refusal.BAD_MAC)
    try:
        token = Token(*_unpack(_Packing(packing), content), _read_day(day), key_id)
    except ValueError:
        return Refused(Refusal.MALFORMED)
    return token if today <= token.expires else Refused(Refusal.EXPIRED, token)


def _sign(key: Key, head: str, domain: str, content: bytes) -> str:
    """Return the MAC; `head` has a fixed length and a domain no NUL, so that nothing can run together."""
    message = f"{head}{domain.lower()}\0".encode() + content
    return _encode(hmac.digest(key.secret, message, "sha256")[: _MAC_LENGTH * 5 // 8])


def _pack(id_: str, recipient: str | None, *, is_encrypted: bool) -> tuple[_Packing, bytes]:
    if not id_ or "\0" in id_ or "\0" in (recipient or ""):
        raise AddressError("an id has at least one character, and neither id nor recipient a NUL")
    try:
        if recipient is not None or is_encrypted:
            packing = _Packing.ENCRYPTED if is_encrypted else _Packing.ENCODED
            return packing, f"{id_}\0{recipient or ''}".encode()
        if _PLAIN.fullmatch(id_):
            return _Packing.PLAIN, id_.encode()
        if _UUID.fullmatch(id_):
            return _Packing.UUID, UUID(id_).bytes
        return _Packing.TEXT, id_.encode()
    except UnicodeEncodeError as error:
        raise AddressError("id and recipient must be text that UTF-8 can hold") from error


def _unpack(packing: _Packing, content: bytes) -> tuple[str, str | None]:
    """Return id and recipient; raises ValueError where `make` would never have packed them so."""
    if packing is _Packing.UUID:
        return str(UUID(bytes=content)), None
    if packing in (_Packing.PLAIN, _Packing.TEXT):
        return content.decode(), None
    id_, recipient = content.decode().split("\0")
    return id_, recipient or None


def _write_content(key: Key, packing: _Packing, content: bytes, mac: str) -> str:
    if packing is _Packing.PLAIN:
        return content.decode()
    return _encode(_encrypt(key, content, mac) if packing is _Packing.ENCRYPTED else content)


def _read_content(key: Key, packing: _Packing, text: str, mac: str) -> bytes | None:
    """Return the content, or None where `text` is no base32 as we write it: one content has one form."""
    if packing is _Packing.PLAIN:
        return text.encode()
    try:
        content = b32decode(text.upper() + "=" * (-len(text) % 8))
    except ValueError:
        return None
    if _encode(content) != text:
        return None
    return _encrypt(key, content, mac) if packing is _Packing.ENCRYPTED else content


def _encrypt(key: Key, content: bytes, mac: str) -> bytes:
    """Encrypt or decrypt: add a key stream that the MAC of the plain content begins (as SIV does, RFC 5297).

    The MAC differs with content, day and domain, and so no stream is used for
    two contents. What is equal on the same day gives the same address. One
    block of 32 octets is enough, because a local part holds no more.
    """
    stream = hmac.digest(hmac.digest(key.secret, b"encrypt", "sha256"), mac.encode(), "sha256")
    return bytes(octet ^ mask for octet, mask in zip(content, stream, strict=False))


def _write_day(day: date) -> str:
    number = (day - _EPOCH).days
    if not 0 <= number < 32**_DAY_LENGTH:
        raise AddressError(f"{day} is not between {_EPOCH} and {_EPOCH + timedelta(32**_DAY_LENGTH - 1)}")
    return "".join(_ALPHABET[number >> shift & 31] for shift in (10, 5, 0))


def _read_day(text: str) -> date:
    number = 0
    for character in text:
        number = number * 32 + _ALPHABET.index(character)
    return _EPOCH + timedelta(number)


def _encode(octets: bytes) -> str:
    return b32encode(octets).decode().rstrip("=").lower()
