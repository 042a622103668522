"""A clock that jumps while the daemon runs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.daemon import shifted
from tests.daemon.mail import dsn, send

RECIPIENTS = {f"user{number}@example.com" for number in range(20)}


class Clock:
    """Where the clock of a daemon stands."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.go(hours=0)

    def go(self, *, hours: int) -> None:
        changed = self._file.with_suffix(".new")
        changed.write_text(str(hours))
        changed.rename(self._file)

    async def start(self, site):
        return await site.start(module=shifted.__name__, **{shifted.FILE: str(self._file)})


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path / "clock")


@pytest.fixture
def site(site):
    site.sections["store"]["lease_seconds"] = 3  # the store is looked through three times in this
    return site


async def test_a_clock_that_is_set_back_puts_off_no_retry(site, receiver, clock):
    clock.go(hours=24)
    daemon = await clock.start(site)
    await receiver.go_away()
    await send(daemon.port, dsn("ann@example.com"))
    await daemon.until_logged("delivery_failed")
    clock.go(hours=0)
    await receiver.come_back()
    told = await receiver.until_recipient("ann@example.com")
    assert datetime.fromisoformat(told["time"]) > datetime.now(UTC) + timedelta(hours=23)


async def test_a_clock_that_was_ahead_before_a_crash_puts_off_nothing(site, receiver, clock):
    clock.go(hours=24)
    daemon = await clock.start(site)
    receiver.hang()
    await send(daemon.port, *map(dsn, RECIPIENTS))
    await daemon.kill()
    receiver.answer_again()
    clock.go(hours=0)
    await clock.start(site)
    await receiver.until(lambda: receiver.recipients == RECIPIENTS)


@pytest.mark.parametrize("hours", [-24, 24])
async def test_a_clock_that_jumps_loses_nothing_and_changes_no_id(site, receiver, clock, hours):
    daemon = await clock.start(site)
    receiver.hang()
    await send(daemon.port, *map(dsn, RECIPIENTS))
    await receiver.until_requests(1)
    clock.go(hours=hours)
    await send(daemon.port, dsn("ann@example.com"))
    receiver.answer_again()
    await receiver.until(lambda: receiver.recipients == RECIPIENTS | {"ann@example.com"})
    assert len({event["id"] for event in receiver.events}) == len(receiver.recipients)
    assert await daemon.stop() == 0
