"""Ids that follow from content, so that a repeat has the same."""

import hashlib
from base64 import b32encode


def identifier(prefix: str, *parts: bytes) -> str:
    """Derive a stable id from `parts`; lengths are hashed too, so parts cannot run together."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return prefix + b32encode(digest.digest()[:16]).decode().rstrip("=").lower()
