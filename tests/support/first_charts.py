"""The first chart of a run, as a page asks for it, and a run that is worth it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from tests.support.pyramids import Run

from runicorn.model import Axis
from runicorn.sources.lines import CurveLine, Wanted
from runicorn.storage.series import Window


def long_run(root: Path, points: int) -> Run:
    """Write a run of ours with two long metrics, which take turns; points: of both together."""
    run = Run(root, "20261120-000000-000000")
    (run.path / "run.json").write_text(json.dumps({"id": run.run_id, "name": "long", "created_at": 1000.0}))
    (run.path / "status.json").write_text(json.dumps({"state": "finished"}))
    run.keys("loss", "lr")
    values = np.random.default_rng(1).normal(size=points)
    run.append(run.rows(np.arange(points) % 2, np.arange(points), values))
    return run


def chart(source: Any, run_id: str) -> list[CurveLine]:
    """Ask as a page does: for the names of the metrics, then for the lines of a chart."""
    listed, _ = source.metrics([run_id])
    assert set(listed.names) == {"loss", "lr"}
    lines, _ = source.lines([run_id], Window(Axis.STEP, 200), "std", overwritten=True)
    return list(lines.each([Wanted(name, [run_id]) for name in ("loss", "lr")]))


def numbers(lines: list[CurveLine]) -> list[Any]:
    """Return all that a chart draws, to be compared."""
    return [
        (line.chart, line.last_step, *(np.asarray(getattr(line.curve, name)).tobytes() for name in ("x", "y", "low")))
        for line in sorted(lines, key=lambda line: line.chart)
    ]


def at_once() -> float:
    """Tell the time where all is asked for at once, however busy the machine is: nothing that was told grows old."""
    return 100.0
