"""The machine has no more to give: disk, descriptors, memory. Nobody is told 250 for nothing, and it goes on."""

import asyncio
import itertools
import json
import os
import re
import resource
from contextlib import suppress
from pathlib import Path

from tests.daemon.mail import Session, dsn, send

WARM_UP, MESSAGES = (10_000, 200_000) if os.environ.get("BOUNCED_LONG") == "1" else (1000, 1000)
CHUNK, LANES = 500, 10
MOST_GROWTH_KIB = 32 * 1024
PATIENT_SECONDS = 120


async def test_a_full_disk_is_a_temporary_failure_until_there_is_room_again(daemon, site, receiver):
    await send(daemon.port, dsn("before@example.com"))
    await receiver.until_recipient("before@example.com")
    largest = max(path.stat().st_size for path in (site.folder / "data").iterdir())
    # To the process a file that may not grow is as bad as a disk that is full.
    before = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (largest + 8192, before[1]))
    body = "x" * 20_000
    replies = []
    async with await Session.open(daemon.port) as session:
        while not replies or replies[-1].startswith("250 "):
            recipient = f"user{len(replies)}@example.com"
            replies.append(await session.send(dsn(recipient, header=f"X-Long: {body}")))
        assert replies[-1].startswith(("451 4.3.0", "452 4.3.1"))
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, before)
        replies[-1] = await session.send(dsn(recipient, header=f"X-Long: {body}"))
    assert all(reply.startswith("250 ") for reply in replies), replies
    taken = {f"user{number}@example.com" for number in range(len(replies))}
    await receiver.until(lambda: receiver.recipients == {"before@example.com", *taken})
    assert daemon.logged("storage_failed")
    assert daemon.logged("storage_recovered")
    assert await daemon.stop() == 0


async def test_without_descriptors_new_clients_wait_and_those_inside_are_served(daemon, receiver):
    inside = await Session.open(daemon.port)
    assert (await inside.send(dsn("first@example.com"))).startswith("250 ")
    await receiver.until_recipient("first@example.com")
    in_use = len(os.listdir(f"/proc/{daemon.pid}/fd"))  # noqa: PTH208 - counted, not walked
    before = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (in_use + 3, before[1]))
    outside = [asyncio.open_connection("127.0.0.1", daemon.port) for _ in range(20)]
    opened = [one for one in await asyncio.gather(*outside, return_exceptions=True) if isinstance(one, tuple)]
    assert (await inside.send(dsn("second@example.com"))).startswith("250 ")
    for _, writer in opened:
        writer.transport.abort()
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, before)
    inside.close()
    await _until_served(daemon.port)
    await receiver.until(lambda: receiver.recipients == {f"{name}@example.com" for name in ("first", "second", "last")})
    assert await daemon.stop() == 0


async def _until_served(port):
    """Send a message as a mail server does: again, when the connection is closed at once."""
    async with asyncio.timeout(30):
        while True:
            with suppress(ConnectionError):
                await send(port, dsn("last@example.com"))
                return


def resident_kib(pid):
    [kib] = re.findall(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(kib)


async def test_memory_does_not_grow_with_the_messages_that_were_taken(make_site, tmp_path, record_property):
    events = tmp_path / "events.jsonl"
    daemon = await make_site({"name": "file", "type": "jsonl", "path": str(events)}).start()
    numbers = itertools.count()

    async def bring(count):
        for _ in range(count // CHUNK):
            mails = [dsn(f"user{number}@example.com") for number in itertools.islice(numbers, CHUNK)]
            await asyncio.gather(*(send(daemon.port, *mails[lane::LANES]) for lane in range(LANES)))
            daemon.lines = daemon.logged("ready")  # or this process would not stay small

    await bring(WARM_UP)
    before = {pid: resident_kib(pid) for pid in (daemon.pid, await daemon.until_reading())}
    await bring(MESSAGES)
    growth = {pid: resident_kib(pid) - kib for pid, kib in before.items()}
    record_property("resident KiB, and how many more", list(zip(before.values(), growth.values(), strict=True)))
    assert max(growth.values()) < MOST_GROWTH_KIB, (before, growth)
    for _ in range(PATIENT_SECONDS):  # what came in a burst is read after it
        if events.exists() and events.read_bytes().count(b"\n") >= WARM_UP + MESSAGES:
            break
        await asyncio.sleep(1)
    assert await daemon.stop() == 0
    with events.open() as lines:
        told = {json.loads(line)["data"]["recipient"] for line in lines}
    assert len(told) == WARM_UP + MESSAGES
