"""Which process writes a run's small files: claimed by creating a file, without a lock."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runicorn.model import Origin
from runicorn.storage import liveness
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


def release_ownership(folder: Path, number: int) -> None:
    """Take a claim back that changed nothing about whose run it is, as after packing its files. Raises OSError."""
    (folder / f".owner-{number}").unlink(missing_ok=True)


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
