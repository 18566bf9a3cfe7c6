"""What tests ask of the runs that logs of other tools stand for."""

import time

from runicorn.storage.index import RunIndex
from runicorn.storage.points import PointStore

LIMIT_SECS = 30


def until(condition, what="it"):
    ends_at = time.monotonic() + LIMIT_SECS
    while not (found := condition()):
        assert time.monotonic() < ends_at, f"{what} did not come about"
        time.sleep(0.02)
    return found


def runs(files):
    return {item.run.name: item.run for item in RunIndex(files).runs()}


def counts(files, run_id):
    return {name: stats.count for name, stats in PointStore(files).stats(run_id).metrics.items()}


def rows(files, run_id):
    """Return all points of a run but their times, which a log may not tell; NaN as text, which equals itself."""
    store = PointStore(files)
    found = store.read(run_id, list(store.stats(run_id).metrics)).columns
    return {
        name: [
            (step, value if value == value else "NaN")  # noqa: PLR0124
            for step, value in zip(columns.step.tolist(), columns.value.tolist(), strict=True)
        ]
        for name, columns in found.items()
    }


def snapshot(folder):
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}
