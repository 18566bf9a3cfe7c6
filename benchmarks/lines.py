"""What POST /api/lines takes over HTTP, asked of a viewer in a process of its own: cold, saved and warm.

    python benchmarks/lines.py [--runs 100] [--points 1000000] [--repeats 3] [--check]

Every figure is the median of the repeats, with its ratio to the reference of the same run, which is what the least of
this work takes: two threads that read all of these files, 65,536 records at a time, and take min, max and sum of 512
each. Files are in the page cache. The viewer has loaded its modules, and the runs, before it is asked.

    many cold      800 points of one metric of as many runs as --runs says, nothing was ever computed
    many saved     the same of a viewer that has just started, and finds what another one saved
    many warm      the same again
    first line     one run with one metric, the very first that this viewer is asked for
    line cold      further ones, one after the other
    line warm      the same again
    grid cold      ten runs with 100 metrics of 1,000 steps each, which take turns in the file
    grid warm      the same again

The targets are for a million points and 100 runs, on two cores, where the reference takes 250 ms, and are met by the
ratio: 800 ms are 3.2 times that. --check exits with 1 if one is missed.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

from tests.support.drawn_sweeps import write_run

from peers.client import Client
from peers.serving import loaded
from peers.viewers import Runicorn
from runicorn.storage import layout
from runicorn.storage.columns import RECORD_DTYPE
from scanning import HUNDRED_MS, compared, is_missed, scan_all, seconds

POINTS = 800
GRID_RUNS, GRID_METRICS, GRID_STEPS = 10, 100, 1000
AGAIN = 5
# What a new viewer loads behind its first answers: numpy, and what reads other machines.
LOADING_SECS = 3.0
TARGETS_MS = {
    "many cold": 800, "many saved": 200, "many warm": 60, "line cold": 25, "line warm": 4, "grid cold": 250,
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description="What lines of charts take over HTTP.")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="runicorn-bench-") as name:
        root, cache = Path(name) / "root", Path(name) / "cache"
        many = [write_line(root, number, args.points) for number in range(args.runs)]
        grid = [write_grid(root, number) for number in range(GRID_RUNS)]
        figures: dict[str, list[float]] = {}
        for _ in range(args.repeats):
            for what, secs in measure(root, cache, many, grid).items():
                figures.setdefault(what, []).append(secs * 1000)
    reference = statistics.median(figures["reference"])
    for what, found in figures.items():
        print(compared(what, found, reference, TARGETS_MS.get(what), HUNDRED_MS))
    missed = [what for what, ms in TARGETS_MS.items() if is_missed(figures[what], reference, ms, HUNDRED_MS)]
    print("all targets met" if not missed else f"missed: {', '.join(missed)}")
    return 0 if not missed or not args.check else 1


def write_line(root: Path, number: int, points: int) -> str:
    """Write a run of one long metric; return its id."""
    run_id = f"20261120-{number:06d}-{number:06x}"
    values = np.random.default_rng(number).normal(size=points)
    write_run(root, run_id, {"loss": (np.arange(points), values)}, {"name": f"resnet50-lr{number // 5}-s{number % 5}"})
    return run_id


def write_grid(root: Path, number: int) -> str:
    """Write a run of many metrics that take turns; return its id."""
    run_id, steps = f"20261121-{number:06d}-{number:06x}", np.arange(GRID_STEPS)
    write_run(root, run_id, {f"m{each}": (steps, np.sin(steps / (each + 1))) for each in range(GRID_METRICS)},
              {"name": f"many metrics {number}"})  # fmt: skip
    file = root / layout.run_path(run_id, layout.METRICS_FILE)
    rows = np.fromfile(file, RECORD_DTYPE)
    rows.reshape(GRID_METRICS, GRID_STEPS).T.ravel().tofile(file)
    return run_id


def measure(root: Path, cache: Path, many: Sequence[str], grid: Sequence[str]) -> dict[str, float]:
    """Return the seconds of all that is measured, in the order in which it is printed."""
    shutil.rmtree(cache, ignore_errors=True)
    files = [root / layout.run_path(run_id, layout.METRICS_FILE) for run_id in many]
    found = {"reference": seconds(lambda: scan_all(files))}
    line, all_lines = question(many[:1], ["loss"]), question(many, ["loss"])
    grid_lines = question(grid, [f"m{number}" for number in range(GRID_METRICS)])
    ours = Ours(cache)
    with loaded(ours, Path(sys.executable), root) as (client, _):
        when_listed(client)
        found["many cold"] = seconds(lambda: ask(client, all_lines))
        ask(client, all_lines)  # what is saved later is saved now
    with loaded(ours, Path(sys.executable), root) as (client, _):
        when_listed(client)
        found["many saved"] = seconds(lambda: ask(client, all_lines))
        found["many warm"] = seconds(lambda: ask(client, all_lines), AGAIN)
    shutil.rmtree(cache)
    with loaded(ours, Path(sys.executable), root) as (client, _):
        when_listed(client)
        found["first line"] = seconds(lambda: ask(client, line))
        others = iter(many[1:])
        found["line cold"] = seconds(lambda: ask(client, question([next(others)], ["loss"])), AGAIN)
        found["line warm"] = seconds(lambda: ask(client, line), AGAIN)
        found["grid cold"] = seconds(lambda: ask(client, grid_lines))
        found["grid warm"] = seconds(lambda: ask(client, grid_lines), AGAIN)
    return found


class Ours(Runicorn):
    """Our viewer with a cache folder of its own."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache

    def environ(self, folder: Path) -> dict[str, str]:
        return {"RUNICORN_HOME": str(self._cache / "home"), "XDG_CACHE_HOME": str(self._cache)}


def when_listed(client: Client) -> None:
    """Return once all runs are in the list, and what is loaded behind the first answers is there."""
    while client.get("/api/runs?limit=1")["indexing"]:
        time.sleep(0.05)
    time.sleep(LOADING_SECS)


def question(runs: Sequence[str], metrics: Sequence[str]) -> dict[str, Any]:
    return {"runs": list(runs), "charts": [{"metric": metric} for metric in metrics], "points": POINTS}


def ask(client: Client, asked: dict[str, Any]) -> None:
    """Ask for lines, and see that all of them have points."""
    lines = sum(head.get("count", 0) > 0 for head in client.frames("/api/lines", asked))
    if lines != len(asked["runs"]) * len(asked["charts"]):
        raise SystemExit(f"{lines} lines came of {len(asked['runs'])} runs with {len(asked['charts'])} charts")


if __name__ == "__main__":
    sys.exit(main())
