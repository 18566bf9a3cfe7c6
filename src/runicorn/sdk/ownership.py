"""Which process a run belongs to: only the owner writes run.json, status.json and console.log."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runicorn.model import RunState
from runicorn.storage import layout, reader
from runicorn.storage.files import LocalFiles
from runicorn.storage.ownership import resumed_count
from runicorn.storage.standing import look


class OwnerWatch:
    """Watches the owner of a run from another process."""

    def __init__(
        self,
        folder: Path,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files = LocalFiles(folder.parent.parent)
        self._run_id = folder.name
        self._now = now
        self._monotonic = monotonic
        self._heartbeat_at: float | None = None
        self._seen_at = float("-inf")
        self._changed = False

    def lives(self) -> bool:
        """Tell whether a living process owns the run; the longer it is watched, the less the clocks matter."""
        try:
            found = look(self._files, self._run_id, self._now())
        except OSError:  # nobody can tell now; a second owner would be worse than none for a while
            return True
        if self._seen_at == float("-inf") or found.heartbeat_at != self._heartbeat_at:
            self._changed = self._seen_at != float("-inf")
            self._heartbeat_at, self._seen_at = found.heartbeat_at, self._monotonic()
        return found.lives(self._now(), self._monotonic() - self._seen_at, self._changed)

    def times_owned_anew(self) -> int:
        """Return how often the run was gone on with, as run.json has it. Raises OSError where it cannot be read."""
        return resumed_count(self._object(layout.RUN_FILE))

    def metrics(self) -> Mapping[str, Any]:
        """Return what the owner last wrote of its metrics. Raises OSError."""
        metrics = self._object(layout.STATUS_FILE).get("metrics")
        return metrics if isinstance(metrics, dict) else {}

    def has_finished(self) -> bool:
        """Tell whether the owner closed the run itself. Raises OSError."""
        state = RunState.parse(self._object(layout.STATUS_FILE).get("state"))
        return state in (RunState.FINISHED, RunState.FAILED)

    def _object(self, name: str) -> Mapping[str, Any]:
        return reader.load_object(self._files, layout.run_path(self._run_id, name)) or {}
