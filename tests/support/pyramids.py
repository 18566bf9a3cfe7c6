"""Runs whose record files are written by hand, and their pyramids held against all of their points."""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path

import numpy as np

from runicorn.model import Axis
from runicorn.storage import columns, layout
from runicorn.storage.files import LocalFiles, by_name
from runicorn.storage.pyramid.cache import PyramidCache
from runicorn.storage.pyramid.store import PyramidStore
from runicorn.storage.records import MARK

CREATED_AT = 1.7e9


class CountingFiles(LocalFiles):
    """Local files that count the bytes of records that were read."""

    def __init__(self, root, batch_bytes=None):
        super().__init__(root)
        self.read_bytes = 0
        if batch_bytes:
            self.batch_bytes = batch_bytes

    def read(self, path, offset=0, length=None):
        data = super().read(path, offset, length)
        self.read_bytes += len(data) if path.endswith(".bin") else 0
        return data

    def pour(self, path, sizes, take):
        def taking(data):
            self.read_bytes += len(data)
            return take(data)

        super().pour(path, sizes, taking)


class Run:
    """The run `r` of a storage root. No two of its records have the same time."""

    def __init__(self, root: Path, run_id="r"):
        self.root, self.run_id = root, run_id
        self.path = root / layout.run_path(run_id)
        self.path.mkdir(parents=True)
        self._moment = itertools.count(1)
        self._mtime = itertools.count(time.time_ns(), 1000)

    def keys(self, *names, file="metrics"):
        (self.path / f"{file}.keys").write_bytes(b"".join(map(layout.encode_key, names)))

    def rows(self, metric, step, value, moment=None):
        """Return records: arrays, or one value for all."""
        rows = np.zeros(len(np.atleast_1d(step)), columns.RECORD_DTYPE)
        rows["mark"], rows["metric"], rows["step"], rows["value"] = MARK, metric, step, value
        times = [CREATED_AT + next(self._moment) / 8 for _ in rows]
        rows["time"] = times if moment is None else moment
        return rows

    def append(self, data, file="metrics"):
        self.write("ab", bytes(data) if isinstance(data, bytes) else data.tobytes(), file)

    def write(self, mode, data, file="metrics"):
        path = self.path / f"{file}.bin"
        with path.open(mode) as opened:
            opened.write(data)
        self.touch(path)

    def cut(self, size_bytes, file="metrics"):
        path = self.path / f"{file}.bin"
        os.truncate(path, min(size_bytes, path.stat().st_size))
        self.touch(path)

    def touch(self, path):
        """Give it a time of its own: the clock of a file system may stand for milliseconds."""
        mtime = next(self._mtime)
        os.utime(path, ns=(mtime, mtime))

    def points(self, metric):
        """Return for each file that has it all points of a metric, by the whole bytes of the file."""
        found = []
        for name in layout.record_files(entry.name for entry in self.path.iterdir()):
            keys = self.path / layout.keys_file(name)
            names = layout.decode_keys(keys.read_bytes())[0] if keys.exists() else []
            rows, _, _ = columns.unpack((self.path / name).read_bytes())
            numbers = [
                number for number in set(rows["metric"].tolist()) if layout.key_or_number(names, number) == metric
            ]
            found += [rows[rows["metric"] == number] for number in numbers]
        return found

    def store(self, cache=None, **options):
        files = options.pop("files", None) or CountingFiles(self.root, options.pop("batch_bytes", None))
        kept = PyramidCache(cache, str(self.root), worth_from=1) if cache else None
        return PyramidStore(files, kept, **options)

    def ask(self, store, metrics, window):
        listing = by_name(store._files.list(layout.run_path(self.run_id)))
        ((run_id, found),) = store.read_each({self.run_id: listing}, metrics, window, {self.run_id: CREATED_AT})
        assert run_id == self.run_id
        if isinstance(found, OSError):
            raise found
        return found

    def ask_stats(self, store):
        return store.stats(self.run_id).metrics

    def check(self, store, metric, window):
        """Ask for a metric, and see that its buckets tell of the points in the window, no more and no less."""
        found = self.ask(store, [metric], window).metrics
        files = self.points(metric)
        if not files:
            assert metric not in found
            return
        inside = [in_window(rows, window) for rows in files]
        buckets = found[metric].rows
        assert len(buckets) <= 2.5 * window.points + 2
        assert found[metric].count == sum(map(len, inside))
        last = max((rows[-1] for rows in files), key=lambda row: (row["time"], row["step"]))
        if not np.isnan([rows[-1]["time"] for rows in files]).any():
            assert (found[metric].last_step, found[metric].last_time) == (last["step"], last["time"])
        together = np.concatenate(inside)
        if sum(len(rows) > 0 for rows in inside) > 1:
            assert not (np.diff(x_of(buckets, window, "first")) < 0).any()
            if found[metric].are_points:
                check_buckets(buckets, together[np.argsort(x_of(together, window), kind="stable")])
            check_totals(buckets, together)
            return
        check_buckets(buckets, together)


def x_of(rows, window, side=""):
    name = "step" if window.axis is Axis.STEP else "time"
    return rows[f"{name}_{side}" if side else name] - (CREATED_AT if window.axis is Axis.RELATIVE else 0)


def in_window(rows, window):
    x = x_of(rows, window)
    if window.low is None and window.high is None:
        return rows
    low, high = (-np.inf if window.low is None else window.low), (np.inf if window.high is None else window.high)
    return rows[(x >= low) & (x <= high)]


def check_buckets(buckets, rows):
    """See that buckets cut these records into stretches, in order, and tell the truth about each."""
    at = 0
    for bucket in buckets:
        part = rows[at : at + int(bucket["count"])]
        at += int(bucket["count"])
        assert len(part) == bucket["count"] > 0
        check_totals(np.array([bucket]), part)
        for name, field in (("first", 0), ("last", -1)):
            same(bucket[name], part["value"][field])
            same(bucket[f"step_{name}"], part["step"][field])
            same(bucket[f"time_{name}"], part["time"][field])
        for name in ("step", "time"):
            same(bucket[f"{name}_low"], part[name].min())
            same(bucket[f"{name}_high"], part[name].max())
            is_sorted = not np.isnan(part[name][0]) and bool((part[name][1:] >= part[name][:-1]).all())
            assert bucket[f"{name}s_sorted"] == is_sorted
    assert at == len(rows)


def check_totals(buckets, rows):
    value = rows["value"]
    finite = value[np.isfinite(value)]
    assert buckets["nans"].sum() == np.isnan(value).sum()
    assert buckets["infs"].sum() == (value == np.inf).sum()
    assert buckets["minus_infs"].sum() == (value == -np.inf).sum()
    if len(buckets):
        same(np.fmin.reduce(buckets["low"]), finite.min() if len(finite) else np.nan)
        same(np.fmax.reduce(buckets["high"]), finite.max() if len(finite) else np.nan)
    np.testing.assert_allclose(buckets["total"].sum(), finite.sum(), rtol=1e-9, atol=1e-9 * np.abs(finite).sum())


def same(ours, theirs):
    """See that two numbers, or None, are the same: as NaN is to itself, and -0 to 0."""
    assert ours == theirs or (ours != ours and theirs != theirs), f"{ours} is not {theirs}"  # noqa: PLR0124
