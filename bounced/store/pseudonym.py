"""Know a recipient by a name that does not tell the address.

A pseudonym is HMAC-SHA256 over the address with a key that the database makes
once and keeps. Who has the database can still test a guess; who has only what
was exported from it cannot.
"""

import hmac
import re
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select, update

from bounced.model.address import recipient_key
from bounced.store.schema import UNSTORABLE, event, insert_new, recipient, setting

_PREFIX = "hmac:"
_PSEUDONYM = re.compile(_PREFIX + "[0-9a-f]{64}")
_SETTING = "pseudonym_key"


@dataclass(frozen=True, slots=True)
class Names:
    """How this database calls recipients: by their addresses, or by pseudonyms where it has a key."""

    key: bytes | None

    def name(self, address: str) -> str:
        """Return what a recipient is called in the tables."""
        clean = UNSTORABLE.sub("\ufffd", recipient_key(address) or address)
        if self.key is None:
            return clean
        return _PREFIX + hmac.digest(self.key, clean.encode(), "sha256").hex()

    def look_up(self, question: str) -> str:
        """Return the name that is asked for; a pseudonym, as lists answer it, is its own."""
        return question if self.key and _PSEUDONYM.fullmatch(question) else self.name(question)

    def in_event(self, address: str | None) -> str | None:
        """Return what the column of an event says: as the report wrote it, unless that is not to be known."""
        return address if self.key is None or address is None else self.name(address)


def read_names(connection: Connection, *, pseudonymize: bool) -> Names:
    """Return how the database calls recipients; the first that wants pseudonyms makes the key.

    A database that has a key stays with it: nobody could turn the names back.

    CRASH HERE: the key and all names are there, or none; the next start goes on.
    """
    names = _stored_names(connection)
    if names.key or not pseudonymize:
        return names
    connection.execute(insert_new(connection.dialect, setting), {"name": _SETTING, "value": secrets.token_hex(32)})
    names = _stored_names(connection)
    for column in (recipient.c.address, event.c.recipient):
        known = connection.scalars(select(column).distinct().where(column.is_not(None))).all()
        if changes := [{"old": old, "new": names.name(old)} for old in known if not _PSEUDONYM.fullmatch(old)]:
            # Facts follow their recipient (ON UPDATE CASCADE).
            change = update(column.table).where(column == bindparam("old")).values({column: bindparam("new")})
            connection.execute(change, changes)
    return names


def _stored_names(connection: Connection) -> Names:
    stored = connection.scalar(select(setting.c.value).where(setting.c.name == _SETTING))
    return Names(bytes.fromhex(stored) if stored else None)
