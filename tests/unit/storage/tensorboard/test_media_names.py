"""Media are known by the events that name them, and each byte of these is read once."""

import json
import os

import pytest

from runicorn.storage.files import LocalFiles
from runicorn.storage.tensorboard.media_names import MAX_NAMES, MediaNames

PATH = "events.jsonl"


class CountingFiles(LocalFiles):
    """LocalFiles that tells how many bytes were read."""

    read_bytes = 0

    def read(self, path, offset=0, length=None):
        data = super().read(path, offset, length)
        self.read_bytes += len(data)
        return data


def line(number, **more):
    return json.dumps({"items": [{"file": f"media/in_{number}.png"}], **more}, separators=(",", ":")).encode() + b"\n"


@pytest.fixture
def files(tmp_path):
    return CountingFiles(tmp_path)


@pytest.fixture
def events(tmp_path):
    return tmp_path / PATH


def append(events, data):
    with events.open("ab") as file:
        file.write(data)


def test_a_file_that_is_not_there_names_nothing(files):
    assert MediaNames().of(files, PATH) == ()


def test_names_come_in_their_order_and_what_is_appended_is_read_once(files, events):
    events.write_bytes(b"".join(line(number) for number in range(5)))
    media = MediaNames()
    assert media.of(files, PATH) == tuple(f"media/in_{number}.png" for number in range(5))
    for number in range(5, 50):
        append(events, line(number))
        assert len(media.of(files, PATH)) == number + 1
        assert media.of(files, PATH)[-1] == f"media/in_{number}.png"
    assert files.read_bytes == events.stat().st_size


def test_what_names_no_media_is_read_once_as_well(files, events):
    media = MediaNames()
    for _ in range(20):
        append(events, b'{"text":"%s"}\n' % (b"x" * 50_000))
        assert media.of(files, PATH) == ()
    assert files.read_bytes == events.stat().st_size


def test_a_line_that_is_being_written_counts_once_it_is_whole(files, events):
    whole = line(1, text="x" * 700_000)
    media = MediaNames()
    append(events, line(0) + whole[:-1])
    assert media.of(files, PATH) == ("media/in_0.png",)
    append(events, whole[-1:])
    assert media.of(files, PATH) == ("media/in_0.png", "media/in_1.png")


def test_a_file_that_begins_anew_is_read_anew(files, events, tmp_path):
    events.write_bytes(line(0))
    media = MediaNames()
    media.of(files, PATH)
    (tmp_path / "other").write_bytes(line(7) + line(8))
    (tmp_path / "other").replace(events)
    assert media.of(files, PATH) == ("media/in_7.png", "media/in_8.png")
    os.truncate(events, len(line(7)))
    assert media.of(files, PATH) == ("media/in_7.png",)


def test_no_more_is_read_than_is_shown(files, events):
    events.write_bytes(b"".join(line(number) for number in range(50 * MAX_NAMES)))
    media = MediaNames()
    assert len(media.of(files, PATH)) == MAX_NAMES
    append(events, line(0))
    media.of(files, PATH)
    assert files.read_bytes < events.stat().st_size / 5


def test_what_is_kept_of_many_runs_is_bounded(files, tmp_path):
    media = MediaNames()
    for number in range(1000):
        (tmp_path / f"{number}.jsonl").write_bytes(line(number))
        assert media.of(files, f"{number}.jsonl") == (f"media/in_{number}.png",)
    assert len(media._known) < 500
