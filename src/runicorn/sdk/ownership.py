"""Which process a run belongs to: only the owner writes run.json, status.json and console.log."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runicorn.model import Origin, RunState
from runicorn.storage import layout, liveness, reader
from runicorn.storage.files import LocalFiles
from runicorn.storage.liveness import Pulse

_MAX_OWNERS = 10_000


def claim_ownership(folder: Path, before: int) -> int | None:
    """Become the owner of a run whose owner is gone; return how often it was owned anew, or None for another process.

    before: that number so far, as run.json has it. Creating the file `.owner-N` decides between processes that ask at
    once, without a lock. Whoever created it and died before it wrote run.json is passed over. Raises OSError.
    """
    for number in range(before + 1, before + _MAX_OWNERS):
        path = folder / f".owner-{number}"
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            if _claimant_lives(path):
                return None
            continue
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            place, pid = liveness.here(), os.getpid()
            json.dump([place.host, place.scope, pid, liveness.process_started_at(pid)], file)
        return number
    return None


def resumed_count(info: Mapping[str, Any]) -> int:
    """Return how often a run was gone on with."""
    count = info.get("resumed")
    return count if isinstance(count, int) and count > 0 else 0


def _claimant_lives(path: Path) -> bool:
    try:
        age = time.time() - path.stat().st_mtime
    except OSError:
        return True
    try:
        host, scope, pid, started_at = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):  # still being written, unless that was long ago
        return age <= liveness.HEARTBEAT_LIMIT_SECS
    origin = Origin(host=host, pid=pid, pid_started_at=started_at, pid_scope=scope)
    return liveness.is_alive(origin, Pulse(age), liveness.here())


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
        info = reader.read_object(self._files, layout.run_path(self._run_id, layout.RUN_FILE))
        status = reader.read_object(self._files, layout.run_path(self._run_id, layout.STATUS_FILE))
        run = reader.build_run(self._run_id, reader.Sources(info, status, None, self._now()))
        if self._seen_at == float("-inf") or run.heartbeat_at != self._heartbeat_at:
            self._changed = self._seen_at != float("-inf")
            self._heartbeat_at, self._seen_at = run.heartbeat_at, self._monotonic()
        age = None if run.heartbeat_at is None else self._now() - run.heartbeat_at
        pulse = Pulse(age, self._monotonic() - self._seen_at, self._changed)
        return run.state is RunState.RUNNING and liveness.is_alive(run.origin, pulse, liveness.here())

    def times_owned_anew(self) -> int:
        """Return how often the run was gone on with, as run.json has it."""
        info = reader.read_object(self._files, layout.run_path(self._run_id, layout.RUN_FILE)) or {}
        return resumed_count(info)

    def metrics(self) -> Mapping[str, Any]:
        """Return what the owner last wrote of its metrics."""
        status = reader.read_object(self._files, layout.run_path(self._run_id, layout.STATUS_FILE)) or {}
        metrics = status.get("metrics")
        return metrics if isinstance(metrics, dict) else {}

    def has_finished(self) -> bool:
        """Tell whether the owner closed the run itself."""
        status = reader.read_object(self._files, layout.run_path(self._run_id, layout.STATUS_FILE)) or {}
        return RunState.parse(status.get("state")) in (RunState.FINISHED, RunState.FAILED)
