import json
import os
import resource
from contextlib import contextmanager
from dataclasses import replace

import pytest

from bounced.deliver.jsonl import JsonlFile, JsonlStream
from bounced.model import Delivered, Failed


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.jsonl"


@pytest.fixture
def file(path):
    return JsonlFile("file", path)


async def test_a_new_file_is_readable_by_its_owner_only(file, path, make_events):
    await file.send(make_events(1))
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_file_that_exists_is_continued_and_keeps_its_mode(file, path, make_events):
    path.write_text("old\n")
    path.chmod(0o640)
    [event] = make_events(1)
    await file.send([event])
    assert path.read_text() == f"old\n{event.document}\n"
    assert path.stat().st_mode & 0o777 == 0o640


async def test_an_event_is_one_line_for_every_reader(file, path, make_events):
    [event] = make_events(1)
    said = "a\x7f\x85b\x9b31mc\N{LINE SEPARATOR}d\N{RIGHT-TO-LEFT OVERRIDE}\\u2028\N{GREEK SMALL LETTER ALPHA}"
    await file.send([replace(event, document=json.dumps({"said": said}, ensure_ascii=False))])
    [line] = path.read_text().splitlines()
    assert line.replace("\N{GREEK SMALL LETTER ALPHA}", "").isascii()
    assert json.loads(line) == {"said": said}


async def test_after_rotation_a_new_file_is_begun(file, path, make_events):
    first, second = make_events(2)
    await file.send([first])
    path.rename(path.with_suffix(".1"))
    await file.send([second])
    assert path.with_suffix(".1").read_text() == f"{first.document}\n"
    assert path.read_text() == f"{second.document}\n"


async def test_a_line_torn_by_a_crash_is_ended_first(file, path, make_events):
    path.write_text('{"id": "evt_')
    [event] = make_events(1)
    await file.send([event])
    assert path.read_text() == f'{{"id": "evt_\n{event.document}\n'


@contextmanager
def little_space():
    """Let no file of this process grow beyond 1000 octets, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_when_space_runs_out_the_batch_fails_and_is_written_again_later(file, path, make_events):
    events = make_events(100)
    with little_space():
        results = await file.send(events)
    assert results == [Failed(f"cannot write to {path}: File too large")] * 100
    assert path.stat().st_size == 1000
    assert await file.send(events) == [Delivered()] * 100
    assert path.read_text().splitlines()[-100:] == [event.document for event in events]


async def test_what_cannot_be_synced_is_not_delivered(file, path, make_events, monkeypatch):
    def fail(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    [result] = await file.send(make_events(1))
    assert result == Failed(f"cannot write to {path}: No space left on device")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
async def test_only_a_regular_file_is_written(file, path, make_events, make):
    make(path)
    [result] = await file.send(make_events(1))
    assert isinstance(result, Failed)


async def test_a_reader_that_went_away_is_a_failure(pipe, make_events):
    reading, writing = pipe
    os.close(reading)
    [result] = await JsonlStream("stream", writing).send(make_events(1))
    assert result == Failed("cannot write to the stream: Broken pipe")


async def test_a_line_torn_by_a_reader_that_stalled_is_ended_first(pipe, make_events):
    reading, writing = pipe
    stream = JsonlStream("stream", writing, timeout_seconds=0.05, batch_size=5000)
    events = make_events(5000)
    assert {type(result) for result in await stream.send(events)} == {Failed}
    torn = os.read(reading, 1 << 20)
    assert await stream.send(events[:1]) == [Delivered()]
    *_, cut, whole = (torn + os.read(reading, 1 << 20)).decode().splitlines()
    assert cut != events[0].document
    assert json.loads(whole)["id"] == "evt_0"
