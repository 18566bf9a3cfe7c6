"""What it takes to show series of a million points: read anew, from the pyramids on disk, and from those in memory.

    python benchmarks/pyramid.py [--runs 100] [--points 1000000] [--repeats 3] [--check]

Every figure is the median of the repeats, with its ratio to the reference of the same run, which is what the least of
this work takes: one file of a million points, read 65,536 records at a time, and min, max and sum of 512 each. Files
are in the page cache. 800 buckets of each series are asked for, in a new store for all but what is warm.

    line cold      one run with one metric
    line warm      the same again
    line zoomed    a thousand points in the middle of it, warm, and how many bytes of the file are read for them
    many cold      as many runs of one metric as --runs says, nothing saved
    many saving    the same with an empty cache folder
    many saved     the same with what that left there
    many warm      the same again
    grid cold      ten runs with 100 metrics of 1,000 steps each, which take turns in the file
    grid warm      the same again
    memory         what many runs, read anew, add to the peak of a process that has read one; what is kept of them

The targets are for a million points and 100 runs, on two cores, where the reference takes 3.5 ms, and are met by the
ratio: 25 ms are 7.1 times that. --check exits with 1 if one is missed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from runicorn.model import Axis
from runicorn.storage import layout
from runicorn.storage.columns import RECORD_DTYPE
from runicorn.storage.files import LocalFiles, by_name, found_or_raise
from runicorn.storage.pyramid.cache import PyramidCache
from runicorn.storage.pyramid.store import PyramidStore
from runicorn.storage.records import MARK
from runicorn.storage.series import Window
from scanning import ONE_MS, compared, is_missed, scan, seconds

BUCKETS = 800
GRID_RUNS, GRID_METRICS, GRID_STEPS = 10, 100, 1000
AGAIN = 5
TARGETS_MS = {
    "line cold": 25, "line warm": 4, "many cold": 800, "many saved": 200, "many warm": 60, "grid cold": 250,
}  # fmt: skip


class CountingFiles(LocalFiles):
    """Local files that count the bytes of records that were read."""

    read_bytes = 0

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        data = super().read(path, offset, length)
        self.read_bytes += len(data) if path.endswith(".bin") else 0
        return data

    def pour(self, path: str, sizes: Iterable[int], take: Callable[[memoryview], bool]) -> None:
        def taking(data: memoryview) -> bool:
            self.read_bytes += len(data)
            return take(data)

        super().pour(path, sizes, taking)


def main() -> int:
    parser = argparse.ArgumentParser(description="What pyramids of series take.")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="runicorn-bench-") as name:
        root = Path(name) / "root"
        many = [f"line{number}" for number in range(args.runs)]
        grid = [f"grid{number}" for number in range(GRID_RUNS)]
        for number, run_id in enumerate(many):
            write(root, run_id, ["loss"], args.points, number)
        for number, run_id in enumerate(grid):
            write(root, run_id, [f"m{each}" for each in range(GRID_METRICS)], GRID_STEPS, number)
        figures: dict[str, list[float]] = {}
        for repeat in range(args.repeats):
            for what, secs in measure(root, many, grid, args.points, Path(name) / f"cache{repeat}").items():
                figures.setdefault(what, []).append(secs * 1000)
        reference = statistics.median(figures["reference"])
        for what, found in figures.items():
            print(compared(what, found, reference, TARGETS_MS.get(what), ONE_MS))
        print(f"line zoomed  {zoomed_bytes(root, many[0], args.points) / 1000:9.1f} kB read of the file")
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            peak, kept = pool.submit(memory, root, many).result()
        print(f"memory       {peak:9.1f} MB at the peak, {kept:.1f} MB kept of {len(many)} runs")
    missed = [what for what, ms in TARGETS_MS.items() if is_missed(figures[what], reference, ms, ONE_MS)]
    print("all targets met" if not missed else f"missed: {', '.join(missed)}")
    return 0 if not missed or not args.check else 1


def write(root: Path, run_id: str, metrics: list[str], steps: int, seed: int) -> None:
    """Write a run whose metrics take turns, one step after the other."""
    folder = root / layout.run_path(run_id)
    folder.mkdir(parents=True)
    (folder / "metrics.keys").write_bytes(b"".join(map(layout.encode_key, metrics)))
    rows = np.zeros(steps * len(metrics), RECORD_DTYPE)
    rows["mark"] = MARK
    rows["metric"] = np.tile(np.arange(len(metrics)), steps)
    rows["step"] = np.repeat(np.arange(steps), len(metrics))
    rows["time"] = 1.7e9 + rows["step"] / 10
    rows["value"] = np.random.default_rng(seed).normal(size=len(rows))
    rows.tofile(folder / "metrics.bin")


def measure(root: Path, many: list[str], grid: list[str], points: int, cache: Path) -> Mapping[str, float]:
    """Return the seconds of all that is measured, in the order in which it is printed."""
    whole, middle = Window(Axis.STEP, BUCKETS), Window(Axis.STEP, BUCKETS, points // 2, points // 2 + 999)
    grid_metrics = [f"m{each}" for each in range(GRID_METRICS)]
    found = {"reference": seconds(lambda: scan(root / layout.run_path(many[0], "metrics.bin")), AGAIN)}
    found["line cold"] = seconds(lambda: ask(PyramidStore(LocalFiles(root)), many[:1], ["loss"], whole), AGAIN)
    line = PyramidStore(LocalFiles(root))
    ask(line, many[:1], ["loss"], whole)
    found["line warm"] = seconds(lambda: ask(line, many[:1], ["loss"], whole), AGAIN)
    found["line zoomed"] = seconds(lambda: ask(line, many[:1], ["loss"], middle), AGAIN)
    found["many cold"] = seconds(lambda: ask(PyramidStore(LocalFiles(root)), many, ["loss"], whole))
    saving = PyramidStore(LocalFiles(root), PyramidCache(cache, str(root)))
    found["many saving"] = seconds(lambda: ask(saving, many, ["loss"], whole))
    saved = PyramidStore(LocalFiles(root), PyramidCache(cache, str(root)))
    found["many saved"] = seconds(lambda: ask(saved, many, ["loss"], whole))
    found["many warm"] = seconds(lambda: ask(saved, many, ["loss"], whole), AGAIN)
    found["grid cold"] = seconds(lambda: ask(PyramidStore(LocalFiles(root)), grid, grid_metrics, whole))
    warm = PyramidStore(LocalFiles(root))
    ask(warm, grid, grid_metrics, whole)
    found["grid warm"] = seconds(lambda: ask(warm, grid, grid_metrics, whole), AGAIN)
    return found


def ask(store: PyramidStore, run_ids: list[str], metrics: list[str], window: Window) -> None:
    """Look into the folders of these runs and read all of them, as an answer to the page does."""
    looked = store._files.look([layout.run_path(run_id) for run_id in run_ids])
    listings = {run_id: by_name(found_or_raise(found)) for run_id, found in zip(run_ids, looked, strict=True)}
    for run_id, found in store.read_each(listings, metrics, window):
        if isinstance(found, OSError) or len(found.metrics) < len(metrics):
            raise SystemExit(f"{run_id} cannot be read: {found}")


def zoomed_bytes(root: Path, run_id: str, points: int) -> int:
    files = CountingFiles(root)
    store = PyramidStore(files)
    ask(store, [run_id], ["loss"], Window(Axis.STEP, BUCKETS))
    before = files.read_bytes
    ask(store, [run_id], ["loss"], Window(Axis.STEP, BUCKETS, points // 2, points // 2 + 999))
    return files.read_bytes - before


def memory(root: Path, many: list[str]) -> tuple[float, float]:
    """Return by how many MB the peak of this process grows, and how many the store says it keeps."""
    whole = Window(Axis.STEP, BUCKETS)
    ask(PyramidStore(LocalFiles(root)), many[:1], ["loss"], whole)
    before = peak_mb()
    store = PyramidStore(LocalFiles(root))
    ask(store, many, ["loss"], whole)
    return peak_mb() - before, store.size_bytes / 2**20


def peak_mb() -> float:
    """Return the most memory that this process ever had."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage tells here begins with what the parent had
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**10
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    sys.exit(main())
