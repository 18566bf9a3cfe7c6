"""Storage roots with many points, written at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runicorn.exchange.draft import RunDraft
from runicorn.storage import layout
from runicorn.storage.columns import RECORD_DTYPE
from runicorn.storage.foreign.facts import Facts
from runicorn.storage.records import MARK
from runicorn.storage.writer import prepare_root


def records(count: int, seed: int = 0) -> bytes:
    """Return that many records of the metrics 0 and 1, whose values are noise."""
    rows = np.zeros(count, RECORD_DTYPE)
    rows["mark"] = MARK
    rows["metric"] = np.arange(count) % 2
    rows["step"] = np.arange(count) // 2
    rows["time"] = 1.7e9 + np.arange(count) / 10
    rows["value"] = np.random.default_rng(seed).normal(size=count)
    return rows.tobytes()


def make_root(root: Path, counts: list[int]) -> list[Path]:
    """Make a run for each count, the first the oldest; return their folders."""
    prepare_root(root, now=1.7e9)
    folders = []
    for number, count in enumerate(counts):
        with RunDraft(root) as draft:
            draft.point("loss", 0, 1.7e9, 0.0)
            draft.point('odd, "name"', 0, 1.7e9, 0.0)
            folders.append(root / layout.RUNS / draft.finish(Facts(f"run{number}", "p", 1.7e9 + number), {}))
        (folders[-1] / layout.METRICS_FILE).write_bytes(records(count, number))
    return folders
