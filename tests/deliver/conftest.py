import json
import os
from contextlib import suppress

import pytest

from bounced.model import Event, EventType
from tests.deliver.receiver import listening


@pytest.fixture
def make_events():
    """Make events whose documents are not ASCII, as diagnostics sometimes are."""

    def make(count):
        return [
            Event(
                id=f"evt_{number}",
                type=EventType.BOUNCE,
                recipient="ann@example.com",
                routing_key="bounced.bounce.hard.suppress",
                document=json.dumps({"id": f"evt_{number}", "data": "Postfach gelöscht"}, ensure_ascii=False),
            )
            for number in range(count)
        ]

    return make


@pytest.fixture
async def receiver():
    async with listening() as receiver:
        yield receiver


@pytest.fixture
def pipe():
    """Return the reading and the writing end; the test may close the reading end itself."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield reading, writing
    os.close(writing)
    with suppress(OSError):
        os.close(reading)
