"""An event file that grows by a little costs a little to follow, however much of it there is."""

import json
import os
from itertools import count

import pytest
from tests.support.event_files import event, image, plugin_value, png, restart, scalar, tensor
from tests.support.io_counts import counting_io, needs_io_counts

from runicorn.storage import layout
from runicorn.storage.files import LocalFiles
from runicorn.storage.mirroring.event_mirror import EventMirror, file_names
from runicorn.storage.mirroring.finding import walk
from runicorn.storage.mirroring.mirrored_run import STATE_FILE
from runicorn.storage.mirroring.pacing import LONGEST_SECS
from runicorn.storage.points import PointStore
from runicorn.storage.tensorboard.framing import framed

pytestmark = needs_io_counts

GROWTHS = 30
METRICS = 3000
# The count itself reads /proc, about 200 bytes each time; a head of 64 bytes tells that a file is the same one.
FEW_BYTES = GROWTHS * 2000


def record(*values, step=0):
    return framed(event(*values, step=step).SerializeToString())


class Growing:
    """A run's folder with one event file that is appended to, and the mirror that follows it. now: its clock."""

    def __init__(self, tmp_path):
        self.home = tmp_path / "home"
        self.root = tmp_path / "logs"
        self.source = self.root / "run1"
        self.source.mkdir(parents=True)
        self.file = self.source / "events.out.tfevents.1700000000.gpu7"
        self.now = 1000.0
        self.mirror = self.open()
        self._ticks = count(1)

    def open(self):
        return EventMirror(self.home, "run1", LocalFiles(self.root), "logs", monotonic=lambda: self.now)

    def append(self, data):
        """Append, with a modification time that differs however fast this goes."""
        with self.file.open("ab") as file:
            file.write(data)
        moment = 1_700_000_000 + next(self._ticks)
        os.utime(self.file, (moment, moment))

    def follow(self):
        (folder,) = [folder for folder in walk(LocalFiles(self.source)) if folder is not None]
        while self.mirror.follow(folder.files):
            pass

    @property
    def run(self):
        (found,) = (self.home / layout.RUNS).iterdir()
        return found

    def count(self, metric="m0"):
        stats = PointStore(LocalFiles(self.home)).stats(self.run.name).metrics.get(metric)
        return stats.count if stats else 0


@pytest.fixture
def growing(tmp_path):
    return Growing(tmp_path)


def many_metrics(step):
    return record(*(scalar(f"m{number}", step / 7) for number in range(METRICS)), step=step)


def grow(growing, piece):
    """Append a piece again and again, and return what following it cost."""
    with counting_io() as io:
        for _ in range(GROWTHS):
            growing.append(piece)
            growing.follow()
    return io


def test_one_more_point_costs_neither_the_file_nor_the_note_of_thousands_of_metrics(growing):
    growing.append(b"".join(many_metrics(step) for step in range(20)))
    growing.follow()
    assert (growing.run / STATE_FILE).stat().st_size > 100_000
    io = grow(growing, record(scalar("m0", 1.0), step=99))
    assert growing.count() == 20 + GROWTHS
    assert io.read_bytes < FEW_BYTES
    assert io.written_bytes < FEW_BYTES


def test_a_large_note_is_renewed_after_a_while_and_for_who_asks(growing):
    growing.append(many_metrics(0))
    growing.follow()

    def noted():
        content = (growing.run / layout.STATUS_FILE).read_text()
        return int(content.split('"m0":{"count":')[1].split(",")[0])

    growing.append(record(scalar("m0", 1.0), step=1))
    growing.follow()
    assert (noted(), growing.mirror.owes, growing.mirror.due) == (1, True, False)
    growing.now += LONGEST_SECS
    assert growing.mirror.due
    growing.append(record(scalar("m0", 1.0), step=2))
    growing.follow()
    assert (noted(), growing.mirror.owes) == (3, False)
    growing.append(record(scalar("m0", 1.0), step=3))
    growing.follow()
    growing.mirror.settle()
    assert (noted(), growing.mirror.owes) == (4, False)


def test_what_was_not_noted_is_neither_lost_nor_doubled(growing):
    growing.append(many_metrics(0))
    growing.follow()
    growing.append(record(scalar("m0", 1.0), step=1))
    growing.follow()
    assert growing.mirror.owes
    growing.mirror = growing.open()  # as after a kill
    growing.follow()
    growing.mirror.settle()
    assert growing.count() == 2


def test_a_picture_in_a_new_file_is_found_at_once_however_large_the_note_is(growing):
    growing.append(many_metrics(0))
    growing.follow()
    (growing.source / "events.out.tfevents.1800000000.gpu7").write_bytes(record(image("in", png(2, 2), 2, 2), step=1))
    growing.follow()
    noted = json.loads((growing.run / STATE_FILE).read_bytes())
    assert file_names(noted)[1] == "events.out.tfevents.1800000000.gpu7"


def test_a_record_that_comes_in_small_pieces_is_read_once(growing):
    words = plugin_value("t", "text", tensor(7, [1], string_val=[b"x" * 1_000_000]))
    whole = record(words) + record(scalar("m0", 1.0), step=1)
    growing.append(whole[:400_000])
    growing.follow()
    with counting_io() as io:
        for at in range(400_000, 400_000 + GROWTHS * 10_000, 10_000):
            growing.append(whole[at : at + 10_000])
            growing.follow()
    assert io.read_bytes < FEW_BYTES
    with counting_io() as io:
        growing.append(whole[400_000 + GROWTHS * 10_000 :])
        growing.follow()
    assert growing.count() == 1
    assert io.read_bytes < 1.1 * len(whole)


def test_a_file_that_is_damaged_and_grows_is_not_read_again_and_again(growing):
    growing.append(record(scalar("m0", 1.0)) + b"\xff" * 500_000)
    growing.follow()
    assert grow(growing, record(scalar("m0", 1.0), step=2)).read_bytes < FEW_BYTES
    assert growing.count() == 1


def test_files_that_are_done_are_not_opened_again_by_the_next_process(growing):
    for number in range(500):
        (growing.source / f"events.out.tfevents.{number}.gpu7").write_bytes(record(scalar("m0", 1.0), step=number))
    growing.append(record(scalar("m0", 1.0), step=1000))
    growing.follow()
    growing.mirror.settle()
    growing.append(record(scalar("m0", 1.0), step=1001))
    with counting_io() as io:
        growing.mirror = growing.open()
        growing.follow()
    assert growing.count() == 502
    assert io.reads < 50


def test_a_file_that_begins_anew_is_another_one_for_who_reads_it(growing):
    """A file system may give a new file the inode of one that was just removed."""
    growing.append(record(scalar("m0", 1.0), step=0) + record(image("in", png(2, 2), 2, 2), step=0))
    growing.follow()
    # Or the inode of the note would be the next one that is free.
    os.link(growing.run / STATE_FILE, growing.home / "another name of it")
    store = PointStore(LocalFiles(growing.home))
    assert store.stats(growing.run.name).metrics["m0"].last == 1.0
    later = b"".join(record(scalar("m0", 2.0), step=step) for step in range(5))
    growing.append(framed(restart(0).SerializeToString()) + later)
    growing.follow()
    stats = store.stats(growing.run.name).metrics["m0"]
    assert (stats.count, stats.min, stats.last) == (5, 2.0, 2.0)
