"""A folder of event files becomes a run; whatever happens in between, nothing is lost and nothing is doubled."""

import contextlib
import json
import math
from pathlib import Path

import pytest
from tensorboardX.summary import hparams as hparams_of_tensorboardx
from tests.support.event_files import (
    event,
    histogram,
    image,
    plugin_value,
    png,
    restart,
    scalar,
    tensor,
    write_events,
)

from runicorn.storage import layout, records
from runicorn.storage.files import LocalFiles
from runicorn.storage.follow import RunFollower, news
from runicorn.storage.mirroring import mirrored_run
from runicorn.storage.mirroring.event_mirror import EventMirror
from runicorn.storage.mirroring.finding import walk
from runicorn.storage.points import PointStore
from runicorn.storage.tensorboard.framing import frames
from runicorn.storage.tensorboard.logdir import EventFile
from runicorn.storage.tensorboard.translate import media_range

NAME = "events.out.tfevents.1700000000.gpu7"


def losses(first, last):
    return [event(scalar("loss", step / 7), step=step, time=1_700_000_000 + step / 8) for step in range(first, last)]


class Folder:
    """A logdir with one run in it, and the place that mirrors go to."""

    def __init__(self, tmp_path):
        self.root = tmp_path / "logs"
        self.source = self.root / "exp" / "run1"
        self.home = tmp_path / "home"

    def write(self, events, name=NAME):
        return write_events(self.source / name, events)

    def mirror(self):
        return EventMirror(self.home, "exp/run1", LocalFiles(self.root), "logs")

    def files(self):
        (folder,) = [folder for folder in walk(LocalFiles(self.source)) if folder is not None] or [None]
        return folder.files if folder else ()

    def follow(self, mirror=None, **options):
        """Take in all that is there, and return the mirror."""
        mirror = mirror or self.mirror()
        for _ in range(1000):
            if not mirror.follow(self.files(), **options):
                return mirror
        raise AssertionError("it does not come to an end")

    @property
    def run(self) -> Path:
        (found,) = (self.home / layout.RUNS).iterdir()
        return found

    def read(self, name):
        return json.loads((self.run / name).read_bytes())

    def points(self, metric="loss"):
        columns = PointStore(LocalFiles(self.home)).read(self.run.name, [metric]).columns.get(metric)
        if columns is None:
            return []
        return list(zip(columns.step.tolist(), columns.time.tolist(), columns.value.tolist(), strict=True))

    def events(self):
        return [json.loads(line) for line in (self.run / layout.EVENTS_FILE).read_bytes().splitlines()]


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def steps(points):
    return [step for step, _, _ in points]


def test_scalars_keep_step_time_and_value_to_the_bit(folder):
    values = [0.1, -0.0, math.nan, math.inf, 1e-45]
    times = [1_700_000_000.123456789, 0.0, 1e18, -1.5, 2.0]
    data = zip(values, times, strict=True)
    folder.write(event(scalar("loss", v), step=2**40 + n, time=t) for n, (v, t) in enumerate(data))
    folder.follow()
    single = [float(scalar("", value).simple_value) for value in values]
    stored = (folder.run / layout.METRICS_FILE).read_bytes()
    expected = zip(times, single, strict=True)
    assert stored == b"".join(records.pack(0, 2**40 + n, time, value) for n, (time, value) in enumerate(expected))


def test_what_is_written_later_is_added(folder):
    folder.write(losses(0, 5))
    mirror = folder.follow()
    folder.write(losses(0, 9))
    folder.follow(mirror)
    assert steps(folder.points()) == list(range(9))


def test_another_process_goes_on_where_the_first_one_ended(folder):
    folder.write(losses(0, 5))
    folder.follow()
    before = (folder.run / layout.METRICS_FILE).stat().st_ino
    folder.write([*losses(0, 9), event(scalar("acc", 1.0))])
    folder.follow()
    assert steps(folder.points()) == list(range(9))
    assert len(folder.points("acc")) == 1
    assert (folder.run / layout.METRICS_FILE).stat().st_ino == before
    assert folder.read(layout.STATUS_FILE)["metrics"]["loss"]["count"] == 9


class Killed(BaseException):
    """Stands for the end of the process, which nothing catches."""


WRITES = 40


@pytest.mark.parametrize("survived", range(WRITES))
def test_a_process_that_ends_at_any_write_costs_and_doubles_nothing(folder, survived, monkeypatch):
    """The process ends after so many writes of files, each of which is the kind of thing that a kill comes between."""
    left = survived

    def counted(name, real):
        def call(*args, **kwargs):
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed(name)
            return real(*args, **kwargs)

        return call

    note = event(plugin_value("note", "text", tensor(7, [1], string_val=[b"hello"])))
    folder.write([*losses(0, 200), note, *losses(200, 400)])
    with monkeypatch.context() as patch:
        patch.setattr(mirrored_run, "replace_json", counted("replace", mirrored_run.replace_json))
        patch.setattr(mirrored_run, "create_run_folder", counted("create", mirrored_run.create_run_folder))
        patch.setattr(mirrored_run, "append", counted("append", mirrored_run.append))
        try:
            folder.follow(limit_bytes=1)  # the least that is read at once
        except Killed:
            pass
        else:
            assert survived > 10  # it got so far that all was done
    folder.follow()
    assert steps(folder.points()) == list(range(400))
    assert [each["items"] for each in folder.events()] == [[{"text": "hello"}]]
    assert (folder.run / "metrics.keys").read_bytes() == b'"loss"\n'


def test_a_follower_is_not_led_astray_by_a_second_process(folder):
    folder.write(losses(0, 5))
    folder.follow()
    files, follower = LocalFiles(folder.home), RunFollower(folder.run.name)
    assert list(news(files, [follower])) == []
    folder.write(losses(0, 8))
    folder.follow()
    assert [new.metrics["loss"][0] for _, new in news(files, [follower])] == [[5, 6, 7]]


def test_a_copied_file_that_has_grown_goes_on(folder):
    """rsync puts a new file in the place of the old one; it is the same run all the same."""
    folder.write(losses(0, 5))
    mirror = folder.follow()
    data = folder.write(losses(0, 9), name="elsewhere")
    (folder.source / "elsewhere").unlink()
    (folder.source / "copy").write_bytes(data)
    (folder.source / "copy").replace(folder.source / NAME)
    folder.follow(mirror)
    assert steps(folder.points()) == list(range(9))


def test_a_file_that_became_another_one_begins_anew(folder):
    folder.write(losses(0, 50))
    mirror = folder.follow()
    folder.write(losses(100, 170))
    folder.follow(mirror)
    assert steps(folder.points()) == list(range(100, 170))


def test_notes_stay_when_a_run_begins_anew(folder):
    folder.write(losses(0, 50))
    mirror = folder.follow()
    (folder.run / layout.NOTES_FILE).write_text('{"name":"mine"}')
    folder.write(losses(0, 3))
    folder.follow(mirror)
    assert steps(folder.points()) == [0, 1, 2]
    assert folder.read(layout.NOTES_FILE) == {"name": "mine"}


def test_a_state_that_cannot_be_understood_begins_anew(folder):
    folder.write(losses(0, 5))
    folder.follow()
    for damage in (b"", b"{}", b"garbage", b'{"version":1,"path":"exp/run1","files":[],"stats":{}}'):
        (folder.run / mirrored_run.STATE_FILE).write_bytes(damage)
        folder.follow()
        assert steps(folder.points()) == list(range(5))


def test_points_that_a_crash_of_the_machine_took_are_read_again(folder):
    folder.write(losses(0, 5))
    folder.follow()
    (folder.run / layout.METRICS_FILE).write_bytes(b"")
    folder.follow()
    assert steps(folder.points()) == list(range(5))


def test_several_files_are_one_run_in_their_order(folder):
    folder.write(losses(0, 5), "events.out.tfevents.1700000000.a")
    folder.write(losses(5, 8), "events.out.tfevents.1700000009.a")
    folder.follow()
    assert steps(folder.points()) == list(range(8))


def text(tag, words, step):
    return event(plugin_value(tag, "text", tensor(7, [1], string_val=[words.encode()])), step=step)


def resumed(folder):
    """Write a run that was resumed at step 60, having gone on to 100 before."""
    gone = event(scalar("gone", 1.0), step=70)
    folder.write([*losses(0, 100), text("note", "kept", 5), text("note", "gone", 80), gone], "events.out.tfevents.1.a")
    folder.write([restart(60), *losses(60, 120), text("note", "again", 80)], "events.out.tfevents.2.a")


@pytest.mark.parametrize("limit_bytes", [1, 1 << 18])
def test_steps_that_a_resumed_run_abandoned_are_gone(folder, limit_bytes):
    resumed(folder)
    folder.follow(limit_bytes=limit_bytes)
    assert steps(folder.points()) == list(range(120))
    status = folder.read(layout.STATUS_FILE)
    assert (status["metrics"]["loss"]["count"], status["step"], set(status["metrics"])) == (120, 80, {"loss"})
    assert status["metrics"]["loss"]["last_step"] == 119
    assert [each["items"][0]["text"] for each in folder.events()] == ["kept", "again"]


def test_a_restart_in_the_same_file_and_one_that_comes_later_are_the_same(folder):
    folder.write(losses(0, 10))
    mirror = folder.follow()
    store = PointStore(LocalFiles(folder.home))
    assert len(store.read(folder.run.name, ["loss"]).columns["loss"].step) == 10
    folder.write([*losses(0, 10), restart(7), *losses(7, 9), restart(8), *losses(8, 11)])
    folder.follow(mirror)
    assert steps(folder.points()) == list(range(11))
    assert store.read(folder.run.name, ["loss"]).columns["loss"].step.tolist() == list(range(11))
    folder.write([*losses(0, 10), restart(7), *losses(7, 9), restart(8), *losses(8, 11), restart(0)])
    folder.follow(mirror)
    assert folder.points() == []
    status = folder.read(layout.STATUS_FILE)
    assert (status["metrics"], status["step"]) == ({}, None)


def test_what_the_abandoned_program_still_writes_is_abandoned(folder):
    folder.write(losses(0, 10), "events.out.tfevents.1.a")
    folder.write([restart(8), *losses(8, 12)], "events.out.tfevents.2.a")
    mirror = folder.follow()
    folder.write(losses(0, 20), "events.out.tfevents.1.a")
    folder.follow(mirror)
    folder.follow()  # another process
    assert sorted(steps(folder.points())) == list(range(12))


@pytest.mark.parametrize("survived", range(12))
def test_a_process_that_ends_while_it_goes_back_costs_and_doubles_nothing(folder, survived, monkeypatch):
    resumed(folder)
    left = survived

    def counted(real):
        def call(*args, **kwargs):
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return real(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        for name in ("replace_json", "create_run_folder", "append", "records_before", "events_before"):
            patch.setattr(mirrored_run, name, counted(getattr(mirrored_run, name)))
        with contextlib.suppress(Killed):
            folder.follow(limit_bytes=4096)
    folder.follow()
    assert steps(folder.points()) == list(range(120))
    assert [each["items"][0]["text"] for each in folder.events()] == ["kept", "again"]


def test_a_damaged_file_spoils_no_other(folder):
    first = folder.write(losses(0, 5), "events.out.tfevents.1.a")
    (folder.source / "events.out.tfevents.1.a").write_bytes(first + b"garbage" * 9)
    folder.write(losses(5, 8), "events.out.tfevents.2.a")
    (folder.source / "events.out.tfevents.3.a").write_bytes(b"\0" * 100)
    (folder.source / "events.out.tfevents.4.a").touch()
    folder.follow()
    assert steps(folder.points()) == list(range(8))
    assert folder.read(layout.STATUS_FILE)["warnings"] == {"damaged-event-file": 2}


def flipped(data, at):
    """Return an event file with one bit of a record turned over: in the value of a scalar."""
    _, end = frames(data).spans[at]
    broken = bytearray(data)
    broken[end - 1] ^= 0x40
    return bytes(broken)


def test_a_record_with_a_bit_turned_over_is_left_out_and_counted(folder):
    data = folder.write(losses(0, 200))
    for at in (3, 100):
        data = flipped(data, at)
    (folder.source / NAME).write_bytes(data)
    folder.follow()
    assert steps(folder.points()) == [step for step in range(200) if step not in (3, 100)]
    assert folder.read(layout.STATUS_FILE)["warnings"] == {"damaged-event": 2}
    assert folder.read(layout.STATUS_FILE)["metrics"]["loss"]["max"] < 30


def test_a_damaged_record_at_the_end_waits_and_is_counted_once_more_come(folder):
    data = folder.write(losses(0, 5))
    (folder.source / NAME).write_bytes(flipped(data, 4))
    mirror = folder.follow()
    assert steps(folder.points()) == [0, 1, 2, 3]
    assert folder.read(layout.STATUS_FILE)["warnings"] == {"damaged-event-file": 1}
    (folder.source / NAME).write_bytes(flipped(folder.write(losses(0, 8)), 4))
    folder.follow(mirror)
    assert steps(folder.points()) == [0, 1, 2, 3, 5, 6, 7]
    assert folder.read(layout.STATUS_FILE)["warnings"] == {"damaged-event-file": 1, "damaged-event": 1}


@pytest.mark.parametrize("limit_bytes", [1, 4096, 1 << 18])
def test_records_that_are_all_damaged_are_passed_over_in_pieces_of_any_size(folder, limit_bytes):
    data = folder.write(losses(0, 300))
    for at in range(299):
        data = flipped(data, at)
    (folder.source / NAME).write_bytes(data)
    folder.follow(limit_bytes=limit_bytes)
    assert steps(folder.points()) == [299]
    assert folder.read(layout.STATUS_FILE)["warnings"] == {"damaged-event": 299}


def test_a_content_that_comes_after_its_head_is_waited_for(folder):
    data = folder.write(losses(0, 9))
    start, end = frames(data).spans[-1]
    (folder.source / NAME).write_bytes(data[:start] + bytes(end + 4 - start))
    mirror = folder.follow()
    assert steps(folder.points()) == list(range(8))
    (folder.source / NAME).write_bytes(data)
    mirror.follow([EventFile(file.name, file.size_bytes, file.mtime + 1) for file in folder.files()])
    assert steps(folder.points()) == list(range(9))


def test_zeros_that_become_bytes_are_read_in_the_end(folder):
    """Network disks show a grown file's end as zeros for a moment."""
    data = folder.write(losses(0, 9))
    (folder.source / NAME).write_bytes(data[:300] + bytes(len(data) - 300))
    mirror = folder.follow()
    (folder.source / NAME).write_bytes(data)
    seen = [EventFile(file.name, file.size_bytes, file.mtime + 1) for file in folder.files()]
    mirror.follow(seen)
    assert steps(folder.points()) == list(range(9))


def test_an_empty_file_is_no_run_yet(folder):
    folder.source.mkdir(parents=True)
    (folder.source / NAME).touch()
    assert not folder.follow().exists


def test_a_record_larger_than_a_piece_is_read_whole(folder):
    words = "ä" * 300_000
    folder.write(
        [*losses(0, 2), event(plugin_value("t", "text", tensor(7, [1], string_val=[words.encode()]))), *losses(2, 4)]
    )
    folder.follow()
    assert steps(folder.points()) == list(range(4))
    (item,) = folder.events()[0]["items"]
    place = media_range(item["file"])
    data = (folder.source / NAME).read_bytes()
    assert data[place.offset : place.offset + place.length].decode() == words


def test_pictures_are_ranges_of_the_event_file(folder):
    picture = png(8, 6)
    data = folder.write([*losses(0, 3), event(image("in put/1", picture, 8, 6), step=3)])
    folder.follow()
    (logged,) = folder.events()
    (item,) = logged["items"]
    assert (logged["type"], logged["key"], logged["step"]) == ("image", "in put/1", 3)
    assert (item["width"], item["height"]) == (8, 6)
    assert item["file"].endswith(".png")
    place = media_range(item["file"])
    assert data[place.offset : place.offset + place.length] == picture


def test_histograms_are_events(folder):
    folder.write([event(histogram("h", min=0, max=2, bucket_limit=[1, 2], bucket=[3, 4]), step=7)])
    folder.follow()
    (logged,) = folder.events()
    assert logged["items"] == [{"edges": [0.0, 1.0, 2.0], "counts": [3, 4]}]


def test_hyperparameters_and_the_path_make_run_json(folder):
    _, session, _ = hparams_of_tensorboardx({"lr": 0.1, "layers": 3}, {"acc": 0.5})
    folder.write([*losses(0, 2), event(*session.value)])
    folder.follow()
    info = folder.read(layout.RUN_FILE)
    assert info["config"] == {"lr": 0.1, "layers": 3}
    assert (info["project"], info["name"], info["host"]) == ("exp", "run1", "gpu7")
    assert info["created_at"] == "2023-11-14T22:13:20.000Z"


def test_values_without_a_place_are_counted(folder):
    folder.write([*losses(0, 1), event(plugin_value("p", "pr_curves", tensor(1, [6, 2], float_val=[0.5])))])
    folder.follow()
    assert folder.read(layout.STATUS_FILE)["warnings"] == {"tensorboard-pr_curves": 1}
