"""What every reader of a growing file does: wait for bytes that are still coming, and tell a file from another one."""

import os

import pytest

from runicorn.storage import layout, reader
from runicorn.storage.files import LocalFiles
from runicorn.storage.follow import NewEvents, NewPoints, NewText, Replaced, RunFollower, news
from runicorn.storage.points import PointStore
from runicorn.storage.records import pack

OLD = 1_700_000_000


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Folder:
    """One run's folder, written by hand, and two that read it as it grows: a store, and a follower from the start."""

    def __init__(self, root):
        self.root = root
        self.path = root / "runs" / "r"
        self.path.mkdir(parents=True)
        (self.path / "metrics.keys").write_bytes(layout.encode_key("loss"))
        self.records = self.path / "metrics.bin"
        self.clock = Clock()
        self.files = LocalFiles(root)
        self.store = PointStore(self.files, monotonic=self.clock)
        self.follower = RunFollower("r", {}, monotonic=self.clock)
        self.followed = []

    def steps(self):
        found = self.store.read("r", ["loss"]).columns
        return found["loss"].step.tolist() if "loss" in found else []

    def fresh(self):
        found = PointStore(self.files).read("r", ["loss"]).columns
        return found["loss"].step.tolist() if "loss" in found else []

    def live(self):
        """Return the steps that a live view shows."""
        for _, item in news(self.files, [self.follower]):
            if isinstance(item, Replaced):
                self.followed = []
            elif isinstance(item, NewPoints):
                self.followed += [step for steps, _, _ in item.metrics.values() for step in steps]
        return self.followed


def data(*steps, value=0.5):
    return b"".join(pack(0, step, 1000.0 + step, value) for step in steps)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def test_a_file_that_was_replaced_in_its_own_inode_is_another_one(folder):
    folder.records.write_bytes(data(*range(100)))
    assert folder.steps() == folder.live() == list(range(100))
    inode = folder.records.stat().st_ino
    folder.records.write_bytes(data(*range(500, 650), value=7.0))  # longer than the old one
    assert folder.records.stat().st_ino == inode
    assert folder.steps() == folder.live() == list(range(500, 650))


def test_a_file_that_only_begins_like_the_old_one_is_another_one(folder):
    folder.records.write_bytes(data(*range(100)))
    assert folder.steps() == folder.live() == list(range(100))
    folder.records.write_bytes(data(*range(50), *range(300, 400)))  # a restart from step 50
    assert folder.steps() == folder.live() == [*range(50), *range(300, 400)]


def test_a_file_that_was_copied_is_the_same_one(folder):
    folder.records.write_bytes(data(*range(100)))
    folder.live()
    told = []
    copy = folder.path / "copy"
    copy.write_bytes(data(*range(103)))
    copy.replace(folder.records)
    for _, item in news(folder.files, [folder.follower]):
        told.append(item)
    assert [item.metrics["loss"][0] for item in told] == [[100, 101, 102]]


def test_a_follower_that_comes_back_is_told_that_the_file_is_another_one(folder):
    folder.records.write_bytes(data(*range(10)))
    folder.live()
    offsets, heads = dict(folder.follower.offsets), folder.follower.heads
    folder.records.write_bytes(data(*range(20, 50)))
    kinds = [type(item) for _, item in news(folder.files, [RunFollower("r", offsets, heads)])]
    assert kinds == [Replaced, NewPoints]


class OlderLooks(LocalFiles):
    """Tells the sizes of files as they were at an earlier look, as two ways to one disk may; bytes are those of now."""

    def __init__(self, root):
        super().__init__(root)
        self.older = None

    def look(self, folders):
        found = super().look(folders)
        return found if self.older is None else self.older

    def keep(self, folders):
        self.older = super().look(folders)


@pytest.mark.parametrize("resumed", [False, True])
def test_a_look_that_is_older_than_what_was_read_tells_of_no_other_file(folder, resumed):
    files = OlderLooks(folder.root)
    folder.files, folder.store = files, PointStore(files, monotonic=folder.clock)
    folder.records.write_bytes(data(*range(3)))
    (folder.path / "console.log").write_bytes(b"one\n")
    files.keep(["runs/r"])
    older, files.older = files.older, None
    with folder.records.open("ab") as file:
        file.write(data(*range(3, 8)))
    with (folder.path / "console.log").open("ab") as file:
        file.write(b"two\n")
    assert folder.steps() == folder.live() == list(range(8))
    if resumed:
        folder.follower = RunFollower("r", dict(folder.follower.offsets), folder.follower.heads)
    files.older = older
    assert [item for _, item in news(files, [folder.follower])] == []
    assert folder.steps() == list(range(8))
    files.older = None
    with folder.records.open("ab") as file:
        file.write(data(*range(8, 10)))
    assert folder.steps() == folder.live() == list(range(10))


@pytest.mark.parametrize("size", [0, 32, 70, 5 * 32])
def test_a_file_that_was_cut_is_another_one(folder, size):
    folder.records.write_bytes(data(*range(10)))
    assert folder.steps() == folder.live() == list(range(10))
    os.truncate(folder.records, size)
    expected = list(range(size // 32))
    assert folder.steps() == folder.live() == expected
    assert folder.fresh() == expected
    with folder.records.open("r+b") as file:
        file.seek(size // 32 * 32)
        file.write(data(*range(20, 40)))
    assert folder.steps() == folder.live() == [*expected, *range(20, 40)]


def test_zeros_before_the_data_are_waited_for(folder):
    folder.records.write_bytes(data(*range(11)) + bytes(9 * 32))
    assert folder.steps() == folder.live() == list(range(11))
    with folder.records.open("r+b") as file:
        file.seek(11 * 32)
        file.write(data(*range(11, 16)))
    assert folder.steps() == folder.live() == list(range(16))
    with folder.records.open("r+b") as file:
        file.seek(16 * 32)
        file.write(data(*range(16, 20)))
    assert folder.steps() == folder.live() == list(range(20))
    assert folder.store.stats("r").skipped == 0


def test_a_hole_that_is_filled_before_long_loses_nothing(folder):
    whole = data(*range(30))
    folder.records.write_bytes(whole[: 10 * 32] + bytes(10 * 32) + whole[20 * 32 :])
    assert folder.steps() == folder.live() == list(range(10))
    folder.records.write_bytes(whole)
    assert folder.steps() == folder.live() == list(range(30))


def test_a_hole_that_stays_is_damage_and_one_that_is_filled_after_all_is_not(folder):
    whole = data(*range(30))
    holed = whole[: 10 * 32] + bytes(10 * 32) + whole[20 * 32 :]
    folder.records.write_bytes(holed)
    assert folder.steps() == folder.live() == list(range(10))
    folder.clock.now += 11
    assert folder.steps() == folder.live() == [*range(10), *range(20, 30)]
    assert folder.store.stats("r").skipped == 10
    folder.clock.now += 3600
    folder.records.write_bytes(whole)
    assert folder.steps() == folder.live() == list(range(30))
    assert folder.store.stats("r").skipped == 0


@pytest.mark.parametrize("hours", [0.1, 5, 300])
def test_a_hole_that_is_filled_without_any_change_of_time_or_size_is_seen_within_twice_its_age(folder, hours):
    whole = data(*range(30))
    folder.records.write_bytes(whole[: 10 * 32] + bytes(10 * 32) + whole[20 * 32 :])
    os.utime(folder.records, (OLD, OLD))
    assert folder.steps() == folder.live() == [*range(10), *range(20, 30)]
    folder.clock.now += hours * 3600
    assert folder.steps() == folder.live() == [*range(10), *range(20, 30)]
    with folder.records.open("r+b") as file:
        file.write(whole)
    os.utime(folder.records, (OLD, OLD))
    folder.clock.now += hours * 3600 + 1
    assert folder.steps() == folder.live() == list(range(30))


def test_zeros_in_a_file_that_rests_are_damage_at_once(folder):
    folder.records.write_bytes(data(*range(10)) + bytes(320) + data(*range(20, 30)))
    os.utime(folder.records, (OLD, OLD))
    assert folder.steps() == [*range(10), *range(20, 30)]
    assert folder.store.stats("r").skipped == 10


def test_a_value_of_zero_at_the_end_is_no_hole(folder):
    folder.records.write_bytes(data(1, 2, value=0.0))
    assert folder.steps() == folder.live() == [1, 2]


def test_a_name_that_comes_after_its_records_is_waited_for(folder):
    (folder.path / "metrics.keys").write_bytes(b"")
    folder.records.write_bytes(data(1))
    assert list(news(folder.files, [folder.follower])) == []
    (folder.path / "metrics.keys").write_bytes(layout.encode_key("loss"))
    ((_, found),) = news(folder.files, [folder.follower])
    assert found.metrics["loss"][0] == [1]
    folder.records.write_bytes(data(1) + pack(5, 2, 1.0, 0.5))
    assert list(news(folder.files, [folder.follower])) == []
    folder.clock.now += 3
    ((_, found),) = news(folder.files, [folder.follower])
    assert list(found.metrics) == ["unnamed/5"]


def test_a_name_with_bytes_that_are_still_coming_is_waited_for(folder):
    names = layout.encode_key("loss") + layout.encode_key("accuracy")
    (folder.path / "metrics.keys").write_bytes(names[:7] + bytes(len(names) - 8) + b"\n")
    folder.records.write_bytes(data(1) + pack(1, 1, 1.0, 0.5))
    assert set(folder.store.stats("r").metrics) == {"loss", "unnamed/1"}
    (folder.path / "metrics.keys").write_bytes(names)
    assert set(folder.store.stats("r").metrics) == {"loss", "accuracy"}


@pytest.mark.parametrize("file", ["console.log", "events.jsonl"])
def test_text_waits_for_zeros_as_well(folder, file):
    line = b'{"type": "text"}\n'
    (folder.path / file).write_bytes(line + bytes(len(line)))

    def live():
        return [
            item.text if isinstance(item, NewText) else item.events
            for _, item in news(folder.files, [folder.follower])
            if isinstance(item, NewText | NewEvents)
        ]

    first = live()
    assert len(first) == 1
    assert reader.read_text(folder.files, f"runs/r/{file}", 0, 1000).end == len(line)
    (folder.path / file).write_bytes(line * 2)
    assert live() == first
    assert reader.read_text(folder.files, f"runs/r/{file}", 0, 1000).end == 2 * len(line)


def test_output_that_was_replaced_is_told_anew(folder):
    (folder.path / "console.log").write_bytes(b"one\n" * 50)
    list(news(folder.files, [folder.follower]))
    (folder.path / "console.log").write_bytes(b"two\n" * 90)
    told = [item for _, item in news(folder.files, [folder.follower])]
    assert [type(item) for item in told] == [Replaced, NewText]
    assert told[1].text == "two\n" * 90


def test_output_that_was_cut_is_told_anew(folder):
    (folder.path / "console.log").write_bytes(b"one\ntwo")
    list(news(folder.files, [folder.follower]))
    os.truncate(folder.path / "console.log", 4)
    told = [item for _, item in news(folder.files, [folder.follower])]
    assert told == [Replaced("console.log"), NewText(0, 4, "one\n")]
    with (folder.path / "console.log").open("ab") as file:
        file.write(b"three\n")
    ((_, more),) = news(folder.files, [folder.follower])
    assert (more.text, more.start) == ("three\n", 4)
