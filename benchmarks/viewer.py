"""What a viewer takes to show what was recorded, here and with TensorBoard and trackio, in one run.

    python benchmarks/viewer.py [--peers trackio] [--points 1000000] [--repeats 3] [--check]

Every figure is the median of the repeats; in brackets stands how many times ours it is. What a page shows is what is
asked for, over HTTP, until it is complete: a viewer that answers at once with half of it goes on being asked.

    start          process start until GET / answers, on a root of a thousand runs
    start to list  process start until the list of these runs is complete: what a person waits for
    1,000 runs     the list, the first time of a viewer that has loaded all it has, and again; 10,000 likewise
    curve          one metric of a million points: cold is the first answer of a viewer that has just started
    grid           ten runs with 100 metrics of 1,000 steps each: all 1,000 curves
    lag            from the return of log() until the API has the point, at 20 points a second: median and worst
    memory         of the viewer and its children after the curve, MB; the private part where the system tells it

--check exits with 1 if a target is missed: start 1 s, 1,000 runs 25 ms again, 10,000 runs 200 ms again, curve 150 ms
cold and 15 ms warm, memory 200 MB.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from peers.environments import python_of, version_of
from peers.samples import GRID_METRICS, GRID_RUNS
from peers.serving import SAMPLE_TIMEOUT_SECS, loaded, memory_mb, sample, served
from peers.tables import behind, print_table
from peers.viewers import VIEWERS

ANSWER_TIMEOUT_SECS = 240.0
LAG_POINTS = 100
AGAIN = 5

Row = dict[str, float]


def main() -> int:
    parser = argparse.ArgumentParser(description="What a viewer takes, here and elsewhere.")
    parser.add_argument("--peers", default=",".join(VIEWERS), help="by commas; runicorn is always measured")
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    args = parser.parse_args()
    wanted = ["runicorn", *(name for name in VIEWERS if name in args.peers.split(",") and name != "runicorn")]
    pythons = {name: python for name in wanted if (python := python_of(name, VIEWERS[name].packages)) is not None}

    with tempfile.TemporaryDirectory(prefix="runicorn-bench-") as folder:
        for name, python in pythons.items():
            print(f"writing the samples of {name}", file=sys.stderr, flush=True)
            make_samples(name, python, Path(folder) / name, args.points)
        rows: dict[str, list[Row]] = {name: [] for name in pythons}
        for repeat in range(args.repeats):
            for name, python in pythons.items():
                print(f"repeat {repeat + 1} of {args.repeats}: {name}", file=sys.stderr, flush=True)
                rows[name].append(measure(name, python, Path(folder) / name, args.points))
    medians = {
        name: {column: statistics.median(row[column] for row in found) for column in found[0]}
        for name, found in rows.items()
    }
    print("; ".join(f"{name} {version_of(python, VIEWERS[name].module)}" for name, python in pythons.items()))
    print(f"median of {args.repeats}, in brackets how many times ours")
    print_table(medians, 22)
    ours = medians["runicorn"]
    limits = {
        "start s": 1.0, "1,000 runs again ms": 25.0, "10,000 runs again ms": 200.0, "curve cold ms": 150.0,
        "curve warm ms": 15.0, "memory MB": 200.0,
    }  # fmt: skip
    missed = [f"{column}: {ours[column]:.1f} of {limit}" for column, limit in limits.items() if ours[column] > limit]
    print("all targets met" if not missed else f"missed: {'; '.join(missed)}")
    print(behind(medians))
    return 0 if not missed or not args.check else 1


def make_samples(name: str, python: Path, folder: Path, points: int) -> None:
    for kind, count in (("runs", 1000), ("curve", points), ("grid", 1000)):
        sample(name, python, kind, folder / kind, count).wait(SAMPLE_TIMEOUT_SECS)
    sample(name, python, "runs", folder / "many", 10_000).wait(SAMPLE_TIMEOUT_SECS)


def measure(name: str, python: Path, folder: Path, points: int) -> Row:
    """Return all figures of one viewer."""
    viewer = VIEWERS[name]
    row: Row = {}
    with served(viewer, python, folder / "runs") as (client, started, _):
        row["start s"] = started
        first, _ = twice(lambda: viewer.run_names(client) == 1000)
        row["start to list s"] = started + first / 1000
    with loaded(viewer, python, folder / "runs") as (client, _):
        row["1,000 runs first ms"], row["1,000 runs again ms"] = twice(lambda: viewer.run_names(client) == 1000)
        row["1,000 runs kB"] = client.bytes / 1000
    with loaded(viewer, python, folder / "many") as (client, _):
        row["10,000 runs first ms"], row["10,000 runs again ms"] = twice(lambda: viewer.run_names(client) == 10_000)
    with loaded(viewer, python, folder / "curve") as (client, process):
        row["curve cold ms"], row["curve warm ms"] = twice(lambda: viewer.curve(client) == points - 1)
        row["curve kB"] = client.bytes / 1000
        row["memory MB"] = memory_mb(process)
    with loaded(viewer, python, folder / "grid") as (client, _):
        row["grid cold ms"], row["grid warm ms"] = twice(lambda: viewer.grid(client) == GRID_RUNS * GRID_METRICS)
    row["lag median ms"], row["lag worst ms"] = lags(name, python, folder / f"live-{time.monotonic_ns()}")
    return row


def twice(complete: Callable[[], bool]) -> tuple[float, float]:
    """Return milliseconds until the answer is complete for the first time, and the median of asking again."""
    started = time.perf_counter()
    while not complete():
        if time.perf_counter() - started > ANSWER_TIMEOUT_SECS:
            return float("inf"), float("inf")
        time.sleep(0.01)
    first = time.perf_counter() - started
    again = []
    for _ in range(AGAIN):
        started = time.perf_counter()
        complete()
        again.append(time.perf_counter() - started)
    return first * 1000, statistics.median(again) * 1000


def lags(name: str, python: Path, folder: Path) -> tuple[float, float]:
    """Return median and worst milliseconds from the return of log() until the API has the point."""
    viewer = VIEWERS[name]
    writer = sample(name, python, "live", folder, LAG_POINTS * 2)
    logged_at: dict[int, float] = {}
    seen_at: dict[int, float] = {}
    try:
        assert writer.stdout is not None
        writer.stdout.readline()
        with served(viewer, python, folder) as (client, _, _):
            os.set_blocking(writer.stdout.fileno(), False)
            rest, end = "", time.monotonic() + LAG_POINTS * 2 / 20 + 15
            while time.monotonic() < end and len(seen_at) < LAG_POINTS:
                newest, now = viewer.newest(client), time.time()
                with contextlib.suppress(BlockingIOError, TypeError):
                    rest += os.read(writer.stdout.fileno(), 65536).decode()
                *lines, rest = rest.split("\n")
                points = [line.split() for line in lines if line.startswith("POINT ")]  # trackers print, too
                logged_at.update({int(step): float(at) for _, step, at in points})
                for step, at in logged_at.items():
                    if step <= newest and step not in seen_at:
                        seen_at[step] = now - at
                if writer.poll() is not None and newest >= LAG_POINTS * 2 - 1:
                    break
                time.sleep(0.02)
    finally:
        writer.kill()
        writer.wait(timeout=20)
        if writer.stdout is not None:
            writer.stdout.close()
    # What was logged before the viewer was up waited for that, not for its lag.
    waits = sorted(list(seen_at.values())[len(seen_at) // 4 :])
    if not waits:
        return float("inf"), float("inf")
    return statistics.median(waits) * 1000, waits[-1] * 1000


if __name__ == "__main__":
    sys.exit(main())
