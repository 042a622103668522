"""Sign webhooks as the Standard Webhooks specification 1.0 says.

Knows keys and octets; keeps secrets out of every text.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence

from bounced.errors import ConfigurationError

_PREFIX = "whsec_"
_MIN_KEY_BYTES, _MAX_KEY_BYTES = 24, 64


def read_secrets(secrets: Sequence[str], *, sink: str) -> tuple[bytes, ...]:
    """Decode the secrets of `sink` into keys.

    Raises:
        ConfigurationError: A secret is malformed; the text says which one, not what it is.
    """
    return tuple(
        _read_secret(secret, where=f'sink "{sink}", secrets, number {number}')
        for number, secret in enumerate(secrets, start=1)
    )


def _read_secret(secret: str, *, where: str) -> bytes:
    encoded = secret.removeprefix(_PREFIX)
    try:
        # The padding may be left out, as the specification's own libraries allow.
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except ValueError:
        key = b""
    if encoded == secret or not _MIN_KEY_BYTES <= len(key) <= _MAX_KEY_BYTES:
        raise ConfigurationError(
            f'not "{_PREFIX}" followed by {_MIN_KEY_BYTES} to {_MAX_KEY_BYTES} octets in base64',
            where=where,
            remedy=f'write "{_PREFIX}" and what "openssl rand -base64 32" prints',
        )
    return key


def sign(keys: Sequence[bytes], *, webhook_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of the ``webhook-signature`` header: one signature per key, in their order."""
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    digests = (hmac.digest(key, signed, hashlib.sha256) for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
