"""How a run stands by one look at its small files, for whoever would go on with it or change its files.

What cannot be read for a moment is an error here, and never a run that nobody records into.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runicorn.model import Run, RunState
from runicorn.storage import layout, liveness, reader
from runicorn.storage.files import Files
from runicorn.storage.liveness import Pulse


@dataclass(frozen=True)
class Standing:
    """One look. info, status: None where the file is missing or damaged. heartbeat_at: unix seconds, None without."""

    info: Mapping[str, Any] | None
    status: Mapping[str, Any] | None
    run: Run
    heartbeat_at: float | None

    @property
    def may_run(self) -> bool:
        """Whether it says that it runs, or does not say how it stands."""
        return self.run.state is RunState.RUNNING or self.status is None

    def lives(self, now: float, unchanged_secs: float = 0.0, changed: bool = False) -> bool:
        """Tell whether its own process records into it; see liveness.Pulse."""
        age = None if self.heartbeat_at is None else now - self.heartbeat_at
        return self.may_run and liveness.is_alive(self.run.origin, Pulse(age, unchanged_secs, changed), liveness.here())


def look(files: Files, run_id: str, now: float) -> Standing:
    """Look at a run. Raises OSError where its files cannot be read, though they may be there."""
    info = reader.load_object(files, layout.run_path(run_id, layout.RUN_FILE))
    status = reader.load_object(files, layout.run_path(run_id, layout.STATUS_FILE))
    run = reader.build_run(run_id, reader.SmallFiles(info, status, None, now))
    heartbeat_at = run.heartbeat_at
    if status is None:  # damaged; who replaces it still beats
        found = files.stat(layout.run_path(run_id, layout.STATUS_FILE))
        heartbeat_at = None if found is None else found.mtime_ns / 1e9
    return Standing(info, status, run, heartbeat_at)
