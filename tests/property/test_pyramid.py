"""Whatever happens to a record file and to what is kept of it, buckets tell of all points in a window, once each."""

import contextlib
import tempfile
from pathlib import Path
from unittest.mock import patch

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.support.agents import NearbyAgent
from tests.support.pyramids import CREATED_AT, CountingFiles, Run, same

from runicorn.model import Axis
from runicorn.remote.server.agent import program
from runicorn.sources.host_files import HostFiles
from runicorn.storage import columns
from runicorn.storage.files import LocalFiles
from runicorn.storage.pyramid import levels, poured, table
from runicorn.storage.records import RECORD_BYTES
from runicorn.storage.series import Window

METRICS = 10
NAMES = [f"m{number}" for number in range(METRICS)]
ODD = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e300]
FILES = st.sampled_from(["metrics", "metrics", "metrics.rank1"])
SEEDS = st.integers(0, 2**32 - 1)

OPERATIONS = st.one_of(
    st.tuples(st.just("append"), FILES, st.integers(1, 400), SEEDS),
    st.tuples(st.just("append"), FILES, st.integers(1, 400), SEEDS),
    st.tuples(st.just("torn"), FILES, st.integers(1, RECORD_BYTES - 1), SEEDS),
    st.tuples(st.just("garbage"), FILES, st.integers(1, 6), SEEDS),
    st.tuples(st.just("replace"), FILES, st.integers(1, 400), SEEDS),
    st.tuples(st.just("overwrite"), FILES, st.integers(1, 400), SEEDS),
    st.tuples(st.just("cut"), FILES, st.integers(0, 400 * RECORD_BYTES), SEEDS),
    st.tuples(st.just("reopen"), FILES, st.just(0), SEEDS),
    st.tuples(st.just("damage"), FILES, st.integers(1, 4), SEEDS),
    st.tuples(st.just("ask"), FILES, st.integers(1, 60), SEEDS),
    st.tuples(st.just("ask"), FILES, st.integers(1, 60), SEEDS),
)


class Case:
    """One run that all of it happens to."""

    def __init__(self, folder, batch_bytes, point_bytes=2**25, *, far=False):
        self.run = Run(folder / "root")
        self.cache = folder / "cache"
        files = HostFiles(NearbyAgent(folder / "root")) if far else CountingFiles(folder / "root", batch_bytes)
        files.batch_bytes = batch_bytes
        self.options = {"files": files, "point_bytes": point_bytes}
        self.step = 0
        self.rests = {}
        for file in ("metrics", "metrics.rank1"):
            self.run.keys(*NAMES, file=file)
        self.reopen()

    def reopen(self):
        self.store = self.run.store(self.cache, **self.options)

    def records(self, count, random):
        """Return records of one metric or several in turns, whose steps go on, jump, or go back."""
        metrics = random.choice([1, 3, METRICS])
        if random.random() < 0.3:
            self.step = int(random.integers(-50, 300))
        step = self.step + np.arange(count) // metrics
        self.step = int(step[-1])
        if random.random() < 0.1:
            random.shuffle(step)
        value = random.normal(size=count)
        odd = random.random(count) < random.choice([0.0, 0.02, 0.5, 1.0])
        value[odd] = random.choice(ODD, int(odd.sum()))
        rows = self.run.rows(np.arange(count) % metrics, step, value)
        if random.random() < 0.1:
            rows["time"][random.integers(0, count)] = random.choice([np.nan, CREATED_AT])
        return rows

    def do(self, what, file, amount, random):
        path = self.run.path / f"{file}.bin"
        # What a torn record becomes when another follows it, or a record at an odd place, depends on where a reader
        # stopped in between, which the tests of the tail are about: here, the rest of it comes after all.
        rest = self.rests.pop(file, b"")
        if what in ("append", "garbage", "torn"):
            self.run.append(rest, file)
        if what == "append":
            self.run.append(self.records(amount, random), file)
        elif what == "torn":
            record = self.records(1, random).tobytes()
            self.run.append(record[:amount], file)
            self.rests[file] = record[amount:]
        elif what == "garbage":
            garbage = random.integers(1, 256, amount * RECORD_BYTES, "u1").tobytes()
            self.run.append(garbage.replace(b"RNS1", b"____"), file)
        elif what == "replace":
            path.unlink(missing_ok=True)
            self.run.append(self.records(amount, random), file)
        elif what == "overwrite":
            size = path.stat().st_size if path.exists() else 0
            self.run.write("wb", self.records(amount + size // RECORD_BYTES, random).tobytes(), file)
        elif what == "cut" and path.exists():
            self.run.cut(amount, file)
            self.run.cut(columns.unpack(path.read_bytes())[2], file)
        elif what == "reopen":
            self.store.save()
            self.reopen()
        elif what == "damage":
            self.store.save()
            for each in sorted(self.cache.rglob("*.pyramid")):
                data = bytearray(each.read_bytes())
                for at in random.integers(0, len(data), amount):
                    data[at] = random.integers(0, 256)
                each.write_bytes(data[: len(data) if random.random() < 0.7 else random.integers(0, len(data))])
            self.reopen()
        elif what == "ask":
            self.ask(amount, random)
        if what not in ("append", "garbage", "torn", "replace", "overwrite", "cut"):
            self.rests[file] = rest

    def ask(self, buckets, random):
        metric = str(random.choice(NAMES[:4]))
        axis = Axis(random.choice([axis.value for axis in Axis]))
        rows = [part for part in self.run.points(metric) if len(part)]
        low = high = None
        if rows:
            x = np.concatenate(rows)["step" if axis is Axis.STEP else "time"] - (
                CREATED_AT if axis is Axis.RELATIVE else 0
            )
            ends = random.choice(x, 2) + random.choice([0.0, 0.0, 0.01, -0.01])
            low, high = (float(end) if random.random() < 0.8 else None for end in np.sort(ends))
            if np.isnan([end or 0.0 for end in (low, high)]).any():
                low = high = None
        self.run.check(self.store, metric, Window(axis, buckets, low, high))
        for points in (20, 20, 5):  # all of it, whose buckets are kept until there is more
            self.run.check(self.store, metric, Window(axis, points))

    def check_stats(self):
        with_stats = self.run.ask_stats(self.store)
        for metric in NAMES:
            parts = self.run.points(metric)
            assert (metric in with_stats) == bool(parts)
            if parts:
                value = np.concatenate(parts)["value"]
                finite = value[np.isfinite(value)]
                summary = with_stats[metric]
                assert summary.stats.count == len(value)
                assert summary.not_finite == len(value) - len(finite)
                same(summary.stats.min, None if np.isnan(value).all() else np.fmin.reduce(value))
                same(summary.stats.max, None if np.isnan(value).all() else np.fmax.reduce(value))
                assert (summary.mean is None) == (not len(finite))
                if len(finite):
                    np.testing.assert_allclose(summary.mean, finite.sum() / len(finite), rtol=1e-9,
                                               atol=1e-9 * np.abs(finite).sum())  # fmt: skip


@contextlib.contextmanager
def small_buckets(size, of_many):
    """Yield a folder, while few points make a bucket, and the shortest file is condensed where it lies."""
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(table, "BUCKET_POINTS", size),
        patch.object(table, "BUCKET_POINTS_OF_MANY", of_many),
        patch.object(table, "SHORT_BYTES", 0),
        patch.object(table, "WORTH_CONDENSING_BYTES", 0),
    ):
        yield Path(folder)


@given(
    st.lists(OPERATIONS, min_size=3, max_size=16),
    st.sampled_from([512, 4096, 2**20]),
    st.sampled_from([2, 7, 16]),
    st.sampled_from([0, 2000, 2**20]),
    st.booleans(),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_buckets_are_those_of_the_points_whatever_happened_to_the_files(
    operations, batch_bytes, size, point_bytes, far
):
    with small_buckets(size, of_many=3) as folder, patch.object(levels, "WORTH_LEVELS", 8):
        case = Case(folder, batch_bytes, point_bytes, far=far)
        for what, file, amount, seed in [*operations, ("ask", "metrics", 20, 1), ("ask", "metrics", 1, 2)]:
            case.do(what, file, amount, np.random.default_rng(seed))
        case.check_stats()


@given(
    st.sampled_from([1, 1, 2, 3, 8, 300]),
    st.integers(1, 3000),
    st.sampled_from([0, 1, 4, 20, RECORD_BYTES - 1]),
    st.sampled_from([2, 9, 130, 300]),
    st.booleans(),
    st.integers(0, 3),
    SEEDS,
)
@example(8, 23, 0, 2, True, 0, 3)  # the first bucket would be one metric's, as in few files of many
@example(8, 23, 0, 2, True, 2, 6)  # damaged among the records by which it is told how many metrics there are
@settings(max_examples=200, deadline=None)
def test_what_is_condensed_before_it_is_read_is_to_the_bit_what_is_made_of_all_of_it(
    metrics, count, more, size, mixed, damaged, seed
):
    random = np.random.default_rng(seed)
    with (
        small_buckets(size, of_many=5) as folder,
        patch.object(program, "CONDENSED_AT_ONCE_BYTES", 128 * RECORD_BYTES),
        patch.object(poured, "AT_ONCE", 128),
    ):
        run = Run(folder)
        value = random.normal(size=count) * 10.0 ** random.integers(-8, 9, count)
        odd = random.random(count) < random.choice([0.0, 0.01, 0.5, 1.0])
        value[odd] = random.choice([np.nan, np.inf, -np.inf, 1e300], int(odd.sum()))
        step = np.sort(random.integers(-50, 10 * count, count)) if random.random() < 0.7 else random.permutation(count)
        rows = run.rows(random.integers(0, metrics, count) if mixed else np.arange(count) % metrics, step, value)
        some = random.random(count) < random.choice([0.0, 0.0, 0.01])
        rows["time"][some] = random.choice([np.nan, np.inf, 0.0], int(some.sum()))
        run.append(rows)
        run.append(run.rows(0, 1, 1.0).tobytes()[:more])
        damage(run, damaged, random)
        far, pouring, failing = Reading(NearbyAgent(run.root)), CountingFiles(run.root), Failing(run.root, random)
        whole, there, here, partly = (
            saved(run.store(files=files)) for files in (ReadFiles(run.root), far, pouring, failing)
        )
        if not damaged and count > 10 and len(np.unique(rows["metric"])) <= 256:
            assert far.read_bytes < 200  # what tells the file, and a torn end
        if not damaged and metrics == 1:
            assert pouring.read_bytes <= count * RECORD_BYTES + 2 * more + 200
        for made in (there, here, partly):
            for ours, theirs in zip(whole, made, strict=True):
                np.testing.assert_array_equal(ours, theirs)


def damage(run, places, random):
    """Overwrite some bytes at a few places of the file: with garbage, zeros, or nothing but marks."""
    path = run.path / "metrics.bin"
    data = bytearray(path.read_bytes())
    for _ in range(places):
        at, length = int(random.integers(0, len(data))), int(random.choice([1, 4, 40]))
        data[at : at + length] = [random.bytes(length), bytes(length), b"RNS1" * 10][random.integers(0, 3)][
            : len(data[at : at + length])
        ]
    run.write("wb", bytes(data))


class ReadFiles(LocalFiles):
    """Local files that are only read in ranges, all of a file at once."""

    pours = False
    batch_bytes = 2**25


class Failing(LocalFiles):
    """Local files that break off while they are poured, sooner or later, or come short."""

    batch_bytes = 2**25

    def __init__(self, root, random):
        super().__init__(root)
        self.pieces = int(random.integers(0, 30))
        self.is_short = bool(random.integers(0, 2))

    def pour(self, path, sizes, take):
        def taking(data):
            self.pieces -= 1
            if self.pieces < 0 and self.is_short:
                take(data[: len(data) // 3])
                return False
            if self.pieces < 0:
                raise OSError(5, "broken off", path)
            return take(data)

        super().pour(path, sizes, taking)


class Reading(HostFiles):
    """Files of a host that count the bytes of records which are read after all."""

    read_bytes = 0

    def fetch(self, ranges):
        found = super().fetch(ranges)
        self.read_bytes += sum(
            len(data) for each, data in zip(ranges, found, strict=True) if each.path.endswith(".bin")
        )
        return found


def saved(store):
    """Return how far the only file of a store was read, and all that is known of it, by metric."""
    store.stats("r")
    (made,) = store._tables.values()
    head, (rows, *points) = made.save()
    told = np.array([head["tail"].marks.offset, head["bucket_points"]])
    return [told, *(rows[np.argsort(rows["metric"], kind="stable")][name] for name in rows.dtype.names), *points]
