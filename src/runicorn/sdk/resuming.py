"""Going on with a run: which one, as its owner or beside it, in a process that it was handed to."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runicorn.errors import RootNotUsableError
from runicorn.model import RunState
from runicorn.sdk import facts
from runicorn.sdk.ownership import OwnerWatch
from runicorn.sdk.run import Captures, Run
from runicorn.storage import layout, reader
from runicorn.storage.compaction import unpack_run
from runicorn.storage.events import resumed
from runicorn.storage.files import Files, LocalFiles
from runicorn.storage.ownership import claim_ownership, resumed_count
from runicorn.storage.standing import look
from runicorn.storage.writer import claim_record_file, replace_json

_MAX_LOOKED_AT = 500


def go_on(root: Path, run_id: str, config: Mapping[Any, Any], captures: Captures) -> Run:
    """Go on with a run. While its own process lives, this one joins as a further writer with files of its own.

    Raises RootNotUsableError where the run cannot be read: as its owner, this process would write its files anew.
    """
    try:
        found = look(LocalFiles(root), run_id, time.time())
    except OSError as error:
        raise RootNotUsableError(f"The run {run_id} in {root} cannot be read: {error.strerror or error}.") from error
    info, status, known = dict(found.info or {"id": run_id}), found.status, found.run
    folder = root / layout.RUNS / run_id
    times = None if OwnerWatch(folder).lives() else claim_ownership(folder, resumed_count(info))
    if times is None:
        record_file = claim_record_file(folder, _rank())
        return Run(folder, info, record_file=record_file, owner=False, status=status, captures=captures)
    unpack_run(folder)
    info.update(facts.quick_facts(), resumed=times)
    info.setdefault("created_at", layout.iso(known.created_at))
    run = Run(folder, info, status=status, captures=captures)
    _mark_resumed(run)
    run.config.update(config)
    replace_json(folder / layout.STATUS_FILE, run.status())
    return run


def join_run(folder: str) -> Run:
    """Open a run as a further writer, in a process that it was handed to. Raises OSError."""
    path = Path(folder)
    info = dict(reader.read_object(LocalFiles(path.parent.parent), layout.run_path(path.name, layout.RUN_FILE)) or {})
    return Run(path, info, record_file=claim_record_file(path, _rank()), owner=False)


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
        try:
            known = look(files, entry.name, entry.mtime_ns / 1e9)
        except OSError:  # nobody can tell
            continue
        if known.run.state is RunState.FINISHED:
            return None
        if known.lives(time.time()):
            continue
        return entry.name
    return None


def _same_script(found: Mapping[str, Any], info: Mapping[str, Any]) -> bool:
    same = all(found.get(key) == info.get(key) for key in ("project", "argv", "cwd", "group", "job_type"))
    return same and (not info.get("name") or found.get("name") == info.get("name"))


def _rank() -> str | None:
    """Return what names this process's files where a launcher numbered it, as torchrun and Slurm do."""
    rank = facts.job_facts().get("rank")
    return f"rank{rank}" if rank else None


def _mark_resumed(run: Run) -> None:
    """Note in events.jsonl where the resumed part begins, so that views can hide what it overwrites."""
    run.append_event(resumed(run.step, run.record_count, time.time()))
