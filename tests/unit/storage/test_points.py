"""Points kept in memory: followed as files grow, told apart by metric, bounded."""

import numpy as np
import pytest

from runicorn.storage import layout, records
from runicorn.storage.files import LocalFiles
from runicorn.storage.points import PointStore


class Folder:
    """One run's folder, written by hand."""

    def __init__(self, root):
        self.root = root
        self.path = root / "runs" / "r"
        self.path.mkdir(parents=True)

    def keys(self, *names, file="metrics"):
        with (self.path / f"{file}.keys").open("ab") as keys:
            keys.writelines(map(layout.encode_key, names))

    def append(self, *rows, file="metrics"):
        with (self.path / f"{file}.bin").open("ab") as data:
            data.writelines(records.pack(*row) for row in rows)

    def store(self, **options):
        return PointStore(LocalFiles(self.root), **options)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def steps(store, metric):
    found = store.read("r", [metric]).columns
    return found[metric].step.tolist() if metric in found else None


def rows(metric, *numbers):
    return [(metric, number, float(number), number * 2.0) for number in numbers]


def test_a_file_is_followed_as_it_grows(folder):
    store = folder.store()
    assert steps(store, "loss") is None
    folder.keys("loss")
    for number in range(50):
        folder.append(*rows(0, number))
        assert steps(store, "loss") == list(range(number + 1))
    assert store.stats("r").metrics["loss"].count == 50


def test_each_byte_is_read_once_but_for_the_marks_of_the_file(folder):
    class Counting(LocalFiles):
        read_bytes = 0

        def read(self, path, offset=0, length=None):
            data = super().read(path, offset, length)
            if path.endswith(".bin"):
                Counting.read_bytes += len(data)
            return data

    folder.keys("loss")
    store = PointStore(Counting(folder.root))
    for number in range(20):
        folder.append(*rows(0, *range(number * 100, number * 100 + 100)))
        store.read("r", ["loss"])
        store.read("r", ["loss"])
    marks = 2 * 64  # its first bytes, and those before the new ones
    assert Counting.read_bytes == 20 * 100 * 32 + 19 * marks


def test_a_torn_record_is_waited_for_and_then_read(folder):
    store = folder.store()
    folder.keys("loss")
    data = records.pack(*rows(0, 7)[0])
    with (folder.path / "metrics.bin").open("ab", buffering=0) as file:
        file.write(data[:20])
        assert steps(store, "loss") is None
        file.write(data[20:])
        assert steps(store, "loss") == [7]


def test_a_file_that_was_replaced_is_read_anew(folder):
    store = folder.store()
    folder.keys("loss")
    folder.append(*rows(0, 1, 2, 3))
    assert steps(store, "loss") == [1, 2, 3]
    (folder.path / "metrics.bin").rename(folder.path / "old")
    folder.append(*rows(0, 9))
    assert steps(store, "loss") == [9]


def test_points_of_several_writers_are_joined_by_step(folder):
    folder.keys("loss")
    folder.keys("other", "loss", file="metrics.rank1")
    folder.append(*rows(0, 1, 3, 5))
    folder.append(*rows(1, 2, 4), *rows(0, 7), file="metrics.rank1")
    store = folder.store()
    assert steps(store, "loss") == [1, 2, 3, 4, 5]
    stats = store.stats("r").metrics
    assert (stats["loss"].count, stats["loss"].last, stats["loss"].min, stats["other"].count) == (5, 10.0, 2.0, 1)


def test_metrics_whose_names_are_lost_are_still_there(folder):
    folder.append(*rows(0, 1), *rows(3, 2))
    store = folder.store()
    assert set(store.stats("r").metrics) == {"unnamed/0", "unnamed/3"}
    assert steps(store, "unnamed/3") == [2]


def test_one_read_of_several_metrics_is_of_one_moment(folder):
    folder.keys("a", "b")
    folder.append(*rows(0, 1), *rows(1, 1))
    found = folder.store().read("r", ["a", "b", "missing"])
    assert set(found.columns) == {"a", "b"}
    assert found.offsets == {"metrics.bin": 64}


def test_memory_is_bounded_over_many_runs(folder):
    store = folder.store(budget_bytes=24 * 1000)
    for number in range(10):
        path = folder.root / "runs" / f"run{number}"
        path.mkdir()
        (path / "metrics.keys").write_bytes(layout.encode_key("loss"))
        (path / "metrics.bin").write_bytes(b"".join(records.pack(*row) for row in rows(0, *range(200))))
        assert len(store.read(f"run{number}", ["loss"]).columns["loss"]) == 200
        assert store.size_bytes <= 24 * 1000
    assert len(store.read("run0", ["loss"]).columns["loss"]) == 200


def test_of_a_big_file_only_the_metrics_asked_for_are_kept(folder, monkeypatch):
    monkeypatch.setattr(LocalFiles, "batch_bytes", 32 * 100)
    folder.keys(*(f"m{number}" for number in range(10)))
    folder.append(*(row for step in range(300) for metric in range(10) for row in rows(metric, step)))
    store = folder.store(budget_bytes=24 * 1000)
    assert steps(store, "m3") == list(range(300))
    assert store.size_bytes <= 24 * 1000
    assert steps(store, "m7") == list(range(300))
    assert {name: stats.count for name, stats in store.stats("r").metrics.items()} == {f"m{n}": 300 for n in range(10)}
    folder.append(*rows(3, 300), *rows(7, 300))
    found = store.read("r", ["m3", "m7"])
    assert found.columns["m3"].step[-1] == found.columns["m7"].step[-1] == 300
    assert store.size_bytes <= 24 * 1000
    every = store.read("r", [f"m{number}" for number in range(10)])
    assert {len(columns) for columns in every.columns.values()} == {300, 301}
    assert store.size_bytes <= 24 * 1000
    assert steps(store, "m0") == list(range(300))


def test_unreadable_bytes_are_counted(folder):
    folder.keys("loss")
    folder.append(*rows(0, 1))
    with (folder.path / "metrics.bin").open("ab") as file:
        file.write(b"\xaa" * 64)
    folder.append(*rows(0, 2))
    stats = folder.store().stats("r")
    assert (stats.skipped, stats.metrics["loss"].count) == (2, 2)


def test_threads_that_read_at_once_see_whole_series(folder):
    import threading

    folder.keys("loss")
    store, wrong, done = folder.store(), [], threading.Event()

    def read():
        while not done.is_set():
            found = store.read("r", ["loss"]).columns
            if "loss" in found and not np.array_equal(found["loss"].step, np.arange(len(found["loss"]))):
                wrong.append(found["loss"].step)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(300):
        folder.append(*rows(0, number))
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []
