"""Runs that go on without a process of their own: a thread appends to their files."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tests.support.drawn_sweeps import write_run

from runicorn.storage import layout
from runicorn.storage.columns import RECORD_DTYPE
from runicorn.storage.records import MARK


@contextlib.contextmanager
def growing_run(root: Path, name: str, *, number: int = 10, every_secs: float = 0.1) -> Iterator[Path]:
    """Have a run log `train/loss` = 1 / (step + 1) meanwhile; yield its file of points. number: part of its id."""
    run_id = f"20261120-100000-{number:06x}"
    write_run(root, run_id, {"train/loss": ([], [])}, {"name": name}, state="running")
    points = root / layout.run_path(run_id, layout.METRICS_FILE)
    ends = threading.Event()

    def grow() -> None:
        step = 0
        with points.open("ab") as file:
            while not ends.wait(every_secs):
                row = np.zeros(1, RECORD_DTYPE)
                row["mark"], row["step"], row["time"], row["value"] = MARK, step, time.time(), 1 / (step + 1)
                file.write(row.tobytes())
                file.flush()
                step += 1

    writing = threading.Thread(target=grow)
    writing.start()
    try:
        yield points
    finally:
        ends.set()
        writing.join()


def recorded(points: Path) -> int:
    """Return how many points of its first metric a file holds."""
    return int((np.fromfile(points, RECORD_DTYPE)["metric"] == 0).sum())
