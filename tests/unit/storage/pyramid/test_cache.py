"""Pyramids between two viewers: of use where the file is the same, of no harm where it is not."""

import itertools
import os
import sys
import threading
import time

import numpy as np
import pytest
from tests.support.pyramids import CountingFiles, Run

from runicorn.model import Axis
from runicorn.storage.pyramid import cache as cache_module
from runicorn.storage.pyramid.cache import WORTH_SAVING_BYTES, PyramidCache
from runicorn.storage.pyramid.store import PyramidStore
from runicorn.storage.series import Window

WHOLE = Window(Axis.STEP, 100)
MARKS_BYTES = 2 * 64


@pytest.fixture
def run(tmp_path):
    made = Run(tmp_path / "root")
    made.keys("loss")
    made.append(line(made, 60_000))
    return made


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


def line(run, count, begin=0, seed=0):
    return run.rows(0, np.arange(begin, begin + count), np.random.default_rng(seed).normal(size=count))


def saved(folder):
    return sorted((folder / "pyramids").glob("*"))


def test_a_viewer_that_starts_reads_the_marks_of_the_file_alone(run, folder):
    run.check(run.store(folder), "loss", WHOLE)
    again = run.store(folder)
    run.check(again, "loss", WHOLE)
    assert again._files.read_bytes == MARKS_BYTES
    assert again.stats(run.run_id).metrics["loss"].stats.count == 60_000


def test_it_goes_on_where_what_was_saved_ends(run, folder):
    run.check(run.store(folder), "loss", WHOLE)
    run.append(line(run, 1_000, begin=60_000, seed=1))
    again = run.store(folder)
    run.check(again, "loss", WHOLE)
    assert again._files.read_bytes == MARKS_BYTES + 1_000 * 32


def test_a_file_that_grows_is_saved_again_when_it_grew_by_a_quarter_or_when_asked(run, folder):
    store = run.store(folder)
    run.check(store, "loss", WHOLE)
    contents = [saved(folder)[0].read_bytes()]
    for count in (10_000, 10_000, 1_000):
        run.append(line(run, count))
        run.check(store, "loss", WHOLE)
        contents.append(saved(folder)[0].read_bytes())
    assert [later == before for before, later in itertools.pairwise(contents)] == [True, False, True]
    store.save()
    assert saved(folder)[0].read_bytes() != contents[-1]


@pytest.mark.parametrize("more", [-10_000, 0, 10_000])
def test_another_file_in_its_place_is_not_taken_for_it(run, folder, more):
    run.check(run.store(folder), "loss", WHOLE)
    run.write("wb", line(run, 60_000 + more, begin=7, seed=5).tobytes())
    run.check(run.store(folder), "loss", WHOLE)


def test_what_was_saved_of_another_file_is_not_used(run, folder):
    other = Run(run.root, "other")
    other.keys("loss")
    other.append(line(other, 60_000, seed=9))
    for each in (run, other):
        each.check(each.store(folder), "loss", WHOLE)
    kept = PyramidCache(folder, str(run.root))
    kept.path("runs/other/metrics.bin").replace(kept.path("runs/r/metrics.bin"))
    run.check(run.store(folder), "loss", WHOLE)


def test_what_was_saved_of_another_root_is_not_used(run, folder, tmp_path):
    run.check(run.store(folder), "loss", WHOLE)
    twin = Run(tmp_path / "twin")
    kept, theirs = PyramidCache(folder, str(run.root)), PyramidCache(folder, str(twin.root))
    assert kept.path("runs/r/metrics.bin") != theirs.path("runs/r/metrics.bin")
    kept.path("runs/r/metrics.bin").replace(theirs.path("runs/r/metrics.bin"))
    twin.keys("loss")
    twin.append((run.path / "metrics.bin").read_bytes())
    store = twin.store(folder)
    twin.check(store, "loss", WHOLE)
    assert store._files.read_bytes > MARKS_BYTES


def test_it_is_not_believed_while_the_marks_cannot_be_read(run, folder):
    run.check(run.store(folder), "loss", WHOLE)

    class Zeros(CountingFiles):  # as network disks give for a moment
        def read(self, path, offset=0, length=None):
            data = super().read(path, offset, length)
            return bytes(len(data)) if path.endswith(".bin") else data

    store = PyramidStore(Zeros(run.root), PyramidCache(folder, str(run.root), worth_from=1))
    assert run.ask(store, ["loss"], WHOLE).metrics == {}


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "version", "magic", "folder"])
def test_a_damaged_file_costs_time_only(run, folder, damage, monkeypatch):
    run.check(run.store(folder), "loss", WHOLE)
    (path,) = saved(folder)
    data = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(data[:-8])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "flipped":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif damage == "magic":
        path.write_bytes(b"RNPYRAM2" + data[8:])
    elif damage == "version":
        monkeypatch.setattr(cache_module, "_VERSION", 2)
    else:
        path.unlink()
        path.mkdir()
    again = run.store(folder)
    run.check(again, "loss", WHOLE)
    assert again._files.read_bytes > MARKS_BYTES


def test_a_small_file_leaves_nothing(run, folder):
    store = PyramidStore(CountingFiles(run.root), PyramidCache(folder, str(run.root)))
    run.check(store, "loss", WHOLE)
    store.save()
    assert not folder.exists()
    run.append(np.tile(line(run, 1_000), WORTH_SAVING_BYTES // 32_000))
    run.check(store, "loss", WHOLE)
    assert len(saved(folder)) == 1


def test_without_msgspec_nothing_is_left_and_all_is_right(run, folder, monkeypatch):
    run.check(run.store(folder), "loss", WHOLE)
    monkeypatch.setattr(cache_module, "_msgpack", lambda: None)
    store = run.store(folder)
    run.check(store, "loss", WHOLE)
    store.save()
    assert store._files.read_bytes > MARKS_BYTES


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such permissions")
def test_nobody_else_may_look_into_the_folder(run, folder):
    run.check(run.store(folder), "loss", WHOLE)
    (path,) = saved(folder)
    assert (path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() == 0, reason="permissions do not bind")
def test_a_folder_that_cannot_be_written_costs_nothing(run, folder):
    folder.mkdir(mode=0o500)
    run.check(run.store(folder), "loss", WHOLE)


def test_a_full_disk_costs_nothing(run, folder, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache_module, "replace_file", full)
    run.check(run.store(folder), "loss", WHOLE)


def test_what_was_not_used_for_longest_is_removed(tmp_path, folder):
    runs = [Run(tmp_path / "root", f"r{number}") for number in range(6)]
    for number, each in enumerate(runs):
        each.keys("loss")
        each.append(line(each, 50_000, seed=number))
    for number, each in enumerate(runs):
        kept = PyramidCache(folder, str(each.root), worth_from=1, most_bytes=400_000)
        store = PyramidStore(CountingFiles(each.root), kept)
        each.check(store, "loss", WHOLE)
        os.utime(kept.path(f"runs/r{number}/metrics.bin"), (time.time() + number - 100,) * 2)
    assert sum(path.stat().st_size for path in saved(folder)) <= 400_000
    kept = PyramidCache(folder, str(tmp_path / "root"))
    assert {kept.path(f"runs/r{number}/metrics.bin") for number in (4, 5)} <= set(saved(folder))
    assert kept.path("runs/r0/metrics.bin") not in saved(folder)


def test_use_keeps_a_file_from_being_the_oldest(run, folder):
    run.check(run.store(folder), "loss", WHOLE)
    (path,) = saved(folder)
    os.utime(path, (1e9, 1e9))
    run.check(run.store(folder), "loss", WHOLE)
    assert path.stat().st_mtime > 1.5e9


def test_holes_that_were_taken_for_damage_are_looked_at_again(run, folder):
    whole = line(run, 1_000, begin=60_000).tobytes()
    run.append(bytes(320) + whole[320:])
    path = run.path / "metrics.bin"
    os.utime(path, (1.7e9, 1.7e9))  # so old that the zeros are damage
    store = run.store(folder)
    run.check(store, "loss", WHOLE)
    store.save()
    again = run.store(folder)
    with path.open("r+b") as file:
        file.seek(60_000 * 32)
        file.write(whole[:320])
    run.check(again, "loss", WHOLE)
    assert run.ask(again, ["loss"], WHOLE).metrics["loss"].count == 61_000


def test_what_is_saved_behind_an_answer_is_saved_soon_and_at_the_end_at_the_latest(run, folder):
    store = run.store(folder, save_later=True)
    run.check(store, "loss", WHOLE)
    until = time.monotonic() + 10
    while not saved(folder):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert not [thread for thread in threading.enumerate() if thread.name == "pyramid-saver" and not _ends(thread)]
    store.save()
    run.append(line(run, 400_000, seed=5))
    run.check(store, "loss", WHOLE)  # after save(), without a thread
    fresh = run.store(folder)
    run.check(fresh, "loss", WHOLE)
    assert not [thread for thread in threading.enumerate() if thread.name == "pyramid-saver"]


def _ends(thread):
    thread.join(5)
    return not thread.is_alive()
