"""A root on another machine is judged by that machine's clock."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from runicorn.model import Run, RunState
from runicorn.sources.folder import FolderSource
from runicorn.storage.files import LocalFiles
from runicorn.storage.layout import iso

HOUR_SECS = 3600.0


def run_that_beats(root: Path, there: float, behind_secs: float) -> Run:
    """Return how a run is shown whose heart beat at this moment, by a clock so far behind this machine's."""
    folder = root / "runs" / "20261127-100000-aaaaaa"
    folder.mkdir(parents=True)
    created = {"id": folder.name, "created_at": iso(there - 60), "host": "gpu-7", "pid": 4711}
    (folder / "run.json").write_text(json.dumps(created))
    (folder / "status.json").write_text(json.dumps({"state": "running", "heartbeat_at": iso(there)}))
    source = FolderSource("local", LocalFiles(root), now=lambda: time.time() - behind_secs)
    try:
        (found,) = source.runs()
        return found.run
    finally:
        source.close()


@pytest.mark.parametrize("behind_secs", [-HOUR_SECS, 0.0, HOUR_SECS])
def test_a_run_lives_by_the_clock_of_the_host_it_beats_on(tmp_path: Path, behind_secs: float) -> None:
    there = time.time() - behind_secs
    run = run_that_beats(tmp_path, there, behind_secs)
    assert run.state is RunState.RUNNING
    assert run.duration_secs(there) == pytest.approx(60, abs=1)


def test_by_another_clock_it_would_be_taken_for_dead(tmp_path: Path) -> None:
    assert run_that_beats(tmp_path, time.time() - HOUR_SECS, 0.0).state is RunState.KILLED
