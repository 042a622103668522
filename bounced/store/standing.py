"""How recipients stand, for whoever asks and whoever knows better."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from bounced.escalate import State
from bounced.store import erasure, recall, recipients
from bounced.store.archive import Read
from bounced.store.recipients import Clearing, Decay, Import, Memory
from bounced.store.records import ImportedRecipient, StoredRecipient
from bounced.store.retention import BATCH
from bounced.store.writer import Writer


class Recipients:
    """Tells how recipients stand, and writes what mail does not say of them.

    Args:
        read: Asks the database.
        writer: Writes to it.
        memory: By what recipients are judged, and how they are called.
        clock: Tells the time in UTC.
    """

    def __init__(self, read: Read, writer: Writer, memory: Memory, clock: Callable[[], datetime]) -> None:
        self._read, self._writer, self._clock, self._names = read, writer, clock, memory.names
        self._clear = partial(recipients.clear, memory)
        self._import = partial(recipients.take_over, memory)

    async def fetch(self, address: str) -> StoredRecipient | None:
        """Return how a recipient stands, with the audit trail; None where nothing is known."""
        return await self._read(recall.fetch_recipient, self._names.look_up(address), self._clock())

    async def check(self, addresses: Sequence[str]) -> dict[str, StoredRecipient]:
        """Return how those of up to 1,000 addresses stand that are known, by the addresses as they were given."""
        names = {address: self._names.look_up(address) for address in addresses}
        found = await self._read(recall.fetch_recipients, set(names.values()), self._clock())
        return {address: found[name] for address, name in names.items() if name in found}

    async def list(
        self,
        *,
        state: State | None = None,
        reason: str | None = None,
        since: datetime | None = None,
        contains: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> tuple[list[StoredRecipient], str | None]:
        """Return recipients in the order of their addresses, and the cursor of the next page.

        Args:
            state: Only those that stand so.
            reason: Only those whose latest bounce has this reason.
            since: Only those that have stood so from this time on or later.
            contains: Only those whose address has this in it; of a pseudonym, nothing useful.
            cursor: Where the page before ended; None for the first.
            limit: How many at most.
        """
        return await self._read(recall.list_recipients, state, reason, since, contains, cursor, limit, self._clock())

    async def clear(self, address: str, *, by: str, note: str | None = None) -> bool:
        """Let nothing that was before count against a recipient, but say who did so; return whether he was known."""
        return await self._writer.run(self._clear, Clearing(address, by, note, self._clock()))

    async def take_over(self, entries: Sequence[ImportedRecipient], *, by: str) -> int:
        """Take over a suppression list, in batches; return how many lines name an address."""
        now, pieces = self._clock(), range(0, len(entries), BATCH)
        return sum([await self._writer.run(self._import, Import(entries[at : at + BATCH], by, now)) for at in pieces])

    async def erase(self, address: str) -> int:
        """Erase all that is known of an address, also where others are spoken of; return how many rows are gone."""
        person = await self._read(erasure.find_person, self._names, address)
        erased, last = 0, ""
        while ids := await self._read(erasure.find_messages, person, last):
            erased += await self._writer.run(erasure.erase_messages, replace(person, message_ids=ids))
            last = ids[-1]
        return erased + await self._writer.run(erasure.erase_recipient, person)

    async def decay(self) -> int:
        """Make recipients active again whose soft bounces are too old to count; return how many."""
        return await self._writer.run_in_batches(recipients.decay, Decay(self._clock()))
