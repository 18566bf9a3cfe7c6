"""Pyramids of runs: read once, followed, zoomed into for a few bytes, bounded in memory."""

import subprocess
import sys
import threading

import numpy as np
import pytest
from tests.support.pyramids import CREATED_AT, CountingFiles, Run, check_buckets

from runicorn.model import Axis
from runicorn.storage import layout, packing
from runicorn.storage.files import LocalFiles, by_name
from runicorn.storage.packed_files import PackedFiles
from runicorn.storage.points import PointStore
from runicorn.storage.pyramid import levels, window
from runicorn.storage.pyramid.store import PyramidStore
from runicorn.storage.records import RECORD_BYTES
from runicorn.storage.series import Window

WHOLE = Window(Axis.STEP, 100)


@pytest.fixture
def run(tmp_path):
    made = Run(tmp_path)
    made.keys("loss", "other")
    return made


def line(run, count, metric=0, begin=0, seed=0):
    return run.rows(metric, np.arange(begin, begin + count), np.random.default_rng(seed).normal(size=count))


def test_a_file_is_followed_as_it_grows_and_each_byte_is_read_once(run):
    store = run.store()
    for number in range(10):
        run.append(line(run, 10_000, begin=number * 10_000, seed=number))
        found = run.ask(store, ["loss"], Window(Axis.STEP, 20)).metrics["loss"]
        assert (found.count, found.last_step) == (number * 10_000 + 10_000, number * 10_000 + 9_999)
    run.check(store, "loss", Window(Axis.STEP, 20))
    assert store._files.read_bytes == 100_000 * RECORD_BYTES + 9 * 2 * 64  # and the marks of the file


def test_buckets_of_all_of_a_metric_are_made_once_until_there_is_more(run, monkeypatch):
    store, made = run.store(), []
    merged = window.merged
    monkeypatch.setattr(window, "merged", lambda *args: made.append(1) or merged(*args))
    asked = [Window(axis, points) for axis in (Axis.STEP, Axis.RELATIVE) for points in (100, 30)]
    for number in range(3):
        run.append(line(run, 100_000, begin=number * 100_000, seed=number))
        for each in asked:
            run.check(store, "loss", each)
            before = len(made)
            run.check(store, "loss", each)
            assert len(made) == before
        assert made
        made.clear()
    kept = store.size_bytes
    again = run.ask(store, ["loss"], asked[-1]).metrics["loss"].rows
    assert store.size_bytes == kept >= again.nbytes
    with pytest.raises(ValueError, match="read-only"):
        again["low"][0] = 1


def test_a_zoomed_window_of_a_large_file_reads_kilobytes(run):
    run.append(line(run, 300_000))
    store = run.store()
    run.ask(store, ["loss"], WHOLE)
    files = store._files
    for low, high, most in ((150_000, 150_999, 6), (0, 9, 1), (299_999, None, 1), (100_000, 199_999, 2)):
        before = files.read_bytes
        run.check(store, "loss", Window(Axis.STEP, 100, low, high))
        assert files.read_bytes - before <= most * 256 * RECORD_BYTES
    before = files.read_bytes
    run.check(store, "loss", Window(Axis.STEP, 2000))
    assert files.read_bytes == before


def test_a_thousand_points_in_a_window_are_a_thousand_points(run):
    run.append(line(run, 100_000))
    store = run.store()
    found = run.ask(store, ["loss"], Window(Axis.STEP, 800, 5_000, 5_999)).metrics["loss"]
    assert found.are_points
    assert found.column("step_first") == list(range(5_000, 6_000))


def test_time_and_time_since_the_start_are_axes_too(run):
    run.append(line(run, 30_000))
    store = run.store()
    run.check(store, "loss", Window(Axis.TIME, 50, CREATED_AT + 100, CREATED_AT + 3_000))
    run.check(store, "loss", Window(Axis.RELATIVE, 50, 100, 3_000))
    found = run.ask(store, ["loss"], Window(Axis.RELATIVE, 50, 100, 101)).metrics["loss"]
    assert found.count == 9


def test_levels_above_answer_as_the_smallest_buckets_do(run, monkeypatch):
    monkeypatch.setattr(levels, "WORTH_LEVELS", 64)
    store = run.store()
    for number in range(3):
        run.append(line(run, 100_001, begin=number * 100_001, seed=number))
        for low, high in ((None, None), (1_000, None), (40_000, 250_000), (70_001, 70_003), (299_000, 400_000)):
            for buckets in (1, 3, 30, 300):
                run.check(store, "loss", Window(Axis.STEP, buckets, low, high))


def test_a_run_that_goes_back_in_steps_is_cut_there(run):
    run.append(line(run, 50_000))
    run.append(line(run, 50_000, begin=20_000, seed=1))
    store = run.store()
    for low, high in ((None, None), (10_000, 30_000), (19_990, 20_010), (60_000, None)):
        run.check(store, "loss", Window(Axis.STEP, 40, low, high))
    rows = run.ask(store, ["loss"], Window(Axis.STEP, 40)).metrics["loss"].rows
    assert not rows["steps_sorted"].all()  # the one in which it happens
    assert rows["steps_sorted"].sum() >= len(rows) - 1
    assert (rows["step_last"] - rows["step_first"] < 5_000).all()


def test_steps_in_no_order_at_all_are_told_rightly(run):
    step = np.random.default_rng(0).permutation(20_000)
    run.append(run.rows(0, step, step * 0.5))
    store = run.store()
    run.check(store, "loss", Window(Axis.STEP, 50))
    run.check(store, "loss", Window(Axis.STEP, 50, 3_000, 3_100))


def test_buckets_of_several_writers_are_ordered_by_where_they_begin(run):
    run.keys("other", "loss", file="metrics.rank1")
    run.append(line(run, 60_000))
    run.append(line(run, 40_000, metric=1, begin=10_000, seed=1), "metrics.rank1")
    store = run.store()
    for low, high in ((None, None), (5_000, 20_000), (12_000, 12_005)):
        run.check(store, "loss", Window(Axis.STEP, 50, low, high))


def test_hundreds_of_metrics_that_take_turns_are_told_apart(run):
    names = [f"m{number}" for number in range(300)]
    run.keys(*names)
    steps = 400
    rows = run.rows(np.tile(np.arange(300), steps), np.repeat(np.arange(steps), 300), np.arange(300.0 * steps))
    run.append(rows)
    store = run.store(batch_bytes=2**18)
    found = run.ask(store, names, Window(Axis.STEP, 100)).metrics
    assert set(found) == set(names)
    for number in (0, 1, 299):
        check_buckets(found[names[number]].rows, rows[rows["metric"] == number])


def test_points_scattered_over_too_much_of_a_file_are_not_read_but_for_the_edges(run):
    steps = 10_000
    run.keys(*(f"m{number}" for number in range(10)))
    run.append(run.rows(np.tile(np.arange(10), steps), np.repeat(np.arange(steps), 10), 0.5))
    store = run.store(batch_bytes=2**22, point_bytes=2**20)
    files = store._files
    run.check(store, "m3", Window(Axis.STEP, 800))
    assert files.read_bytes == (10 * steps + 64) * RECORD_BYTES  # and a look at whether it holds one metric only
    assert len(run.ask(store, ["m3"], Window(Axis.STEP, 800)).metrics["m3"].rows) == -(-steps // 64)
    run.check(store, "m3", Window(Axis.STEP, 800, 2_000, 8_000))
    assert files.read_bytes <= (10 * steps + 64) * RECORD_BYTES + 2 * 10 * 64 * RECORD_BYTES


def test_many_metrics_with_few_points_take_little_more_memory_than_the_points(run):
    rows = run.rows(np.tile(np.arange(20_000), 3), np.repeat(np.arange(3), 20_000), 1.0)
    run.append(rows)
    store = run.store()
    assert store.stats(run.run_id).metrics["unnamed/19999"].stats.count == 3
    assert store.size_bytes < 40 * len(rows) + 10_000


def test_what_was_not_used_for_longest_is_let_go_of(tmp_path):
    runs = [Run(tmp_path, f"r{number}") for number in range(5)]
    for number, each in enumerate(runs):
        each.keys("loss")
        each.append(line(each, 100_000, seed=number))
    store = runs[0].store(budget_bytes=600_000)
    for each in runs:
        each.check(store, "loss", WHOLE)
        assert store.size_bytes <= 600_000
    assert len(store._tables) == 2


def test_a_run_that_cannot_be_read_costs_no_other(tmp_path):
    runs = [Run(tmp_path, f"r{number}") for number in range(3)]
    for each in runs:
        each.keys("loss")
        each.append(line(each, 1_000))

    class Broken(CountingFiles):
        def read(self, path, offset=0, length=None):
            if "/r1/" in path:
                raise PermissionError(path)
            return super().read(path, offset, length)

    files = Broken(tmp_path)
    listings = {each.run_id: by_name(files.list(layout.run_path(each.run_id))) for each in runs}
    found = dict(PyramidStore(files).read_each(listings, ["loss"], WHOLE))
    assert list(found) == ["r0", "r1", "r2"]
    assert isinstance(found["r1"], PermissionError)
    assert found["r0"].metrics["loss"].count == found["r2"].metrics["loss"].count == 1_000
    with pytest.raises(PermissionError):
        PyramidStore(files).stats("r1")


def test_many_large_runs_come_in_order_and_are_right(tmp_path):
    runs = [Run(tmp_path, f"r{number}") for number in range(6)]
    for number, each in enumerate(runs):
        each.keys("loss")
        each.append(np.tile(line(each, 1_000 + number), 300))
    files = CountingFiles(tmp_path)
    listings = {each.run_id: by_name(files.list(layout.run_path(each.run_id))) for each in runs}
    found = list(PyramidStore(files).read_each(listings, ["loss"], WHOLE))
    assert [(run_id, each.metrics["loss"].count) for run_id, each in found] == [
        (f"r{number}", 300 * (1_000 + number)) for number in range(6)
    ]


def test_several_readers_at_once_see_whole_pyramids(run):
    run.append(line(run, 50_000))
    store = run.store(batch_bytes=2**16)
    wrong = []

    def read():
        for _ in range(20):
            count = run.ask(store, ["loss"], Window(Axis.STEP, 100, 1_000, 30_000)).metrics["loss"].count
            if count != 29_001:
                wrong.append(count)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []


def test_a_file_that_changes_before_its_points_are_read_gives_whole_buckets(run):
    run.append(line(run, 20_000))

    class Swapping(CountingFiles):
        swap = None

        def fetch(self, ranges):
            if self.swap is not None and all(each.start for each in ranges):
                self.swap()
            return super().fetch(ranges)

    files = Swapping(run.root)
    store = PyramidStore(files)
    run.ask(store, ["loss"], Window(Axis.STEP, 10))
    files.swap = lambda: run.write("wb", line(run, 20_000, begin=5).tobytes())
    found = run.ask(store, ["loss"], Window(Axis.STEP, 10, 10_000, 10_100)).metrics["loss"].rows
    assert found["step_first"].min() == 10_000 // 64 * 64
    assert found["step_last"].max() == 10_100 // 64 * 64 + 63


def test_what_follows_can_go_on_from_where_the_buckets_end(run):
    run.append(line(run, 100))
    found = run.ask(run.store(), ["loss"], WHOLE)
    points = PointStore(CountingFiles(run.root)).read(run.run_id, ["loss"])
    assert (found.offsets, found.heads) == (points.offsets, points.heads)


def test_packed_files_read_as_plain_ones(run):
    run.append(line(run, 30_000))
    plain = run.path / "metrics.bin"
    (run.path / "metrics.bin.packed").write_bytes(packing.pack(plain.read_bytes()))
    expected = run.ask(run.store(), ["loss"], WHOLE).metrics["loss"].rows
    plain.unlink()
    found = run.ask(PyramidStore(PackedFiles(LocalFiles(run.root))), ["loss"], WHOLE).metrics["loss"].rows
    assert found.tobytes() == expected.tobytes()


def test_statistics_are_those_of_the_points(run):
    value = np.random.default_rng(0).normal(size=5_000)
    value[[3, 300, 4_000]] = np.nan, np.inf, np.nan  # 4,000 is not of the metric 0
    run.append(run.rows(np.arange(5_000) % 3, np.arange(5_000), value))
    ours, theirs = run.store().stats(run.run_id), PointStore(CountingFiles(run.root)).stats(run.run_id)
    assert {metric: summary.stats for metric, summary in ours.metrics.items()} == dict(theirs.metrics)
    loss = value[::3]
    assert ours.metrics["loss"].mean == pytest.approx(loss[np.isfinite(loss)].mean())
    assert ours.metrics["loss"].not_finite == 2  # and the third is another metric's


def test_numpy_is_not_loaded_before_it_is_needed():
    code = "import sys, runicorn.storage.pyramid.store; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
