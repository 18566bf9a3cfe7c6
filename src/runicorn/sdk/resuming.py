"""Which run a script goes on with when it was started again: resume="auto"."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from runicorn.model import RunState
from runicorn.storage import layout, liveness, reader
from runicorn.storage.files import Files
from runicorn.storage.liveness import Pulse

_MAX_LOOKED_AT = 500


def last_unfinished(files: Files, info: Mapping[str, Any]) -> str | None:
    """Return the id of the newest run that ended early and came from the same script, or None.

    The same script: same project, arguments and working folder, and the same name where one was given. A run counts
    whose process is gone, whatever its state says, unless it finished; the newest that fits decides, so that a script
    whose last run finished begins anew.
    """
    entries = [entry for entry in files.list(layout.RUNS) if entry.is_dir and layout.is_run_id(entry.name)]
    entries.sort(key=lambda entry: entry.name, reverse=True)
    for entry in entries[:_MAX_LOOKED_AT]:
        found = reader.read_object(files, layout.run_path(entry.name, layout.RUN_FILE))
        if found is None or not _same_script(found, info):
            continue
        status = reader.read_object(files, layout.run_path(entry.name, layout.STATUS_FILE))
        run = reader.build_run(entry.name, reader.Sources(found, status, None, entry.mtime_ns / 1e9))
        if run.state is RunState.FINISHED:
            return None
        if run.state is RunState.RUNNING:
            age = None if run.heartbeat_at is None else time.time() - run.heartbeat_at
            if liveness.is_alive(run.origin, Pulse(age), liveness.here()):
                continue
        return entry.name
    return None


def _same_script(found: Mapping[str, Any], info: Mapping[str, Any]) -> bool:
    same = all(found.get(key) == info.get(key) for key in ("project", "argv", "cwd", "group", "job_type"))
    return same and (not info.get("name") or found.get("name") == info.get("name"))
