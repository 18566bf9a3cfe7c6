"""Opening a run: where it lies, what it is called, whether it is new or goes on."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from runicorn.errors import RunExistsError, UsageError
from runicorn.sdk import facts
from runicorn.sdk.names import run_name
from runicorn.sdk.ownership import OwnerWatch
from runicorn.sdk.run import Run, clean_tags
from runicorn.sdk.values import to_json
from runicorn.storage import layout, reader
from runicorn.storage.events import resumed
from runicorn.storage.files import LocalFiles
from runicorn.storage.jsonio import encode_object
from runicorn.storage.writer import AppendFile, create_run_folder, prepare_root, replace_json

_ID_ATTEMPTS = 20


def resolve_root(root: str | os.PathLike[str] | None) -> Path:
    """Return the storage root: what was passed, else RUNICORN_ROOT, else ~/runicorn_data."""
    return Path(root or os.environ.get("RUNICORN_ROOT") or "~/runicorn_data").expanduser().absolute()


def open_run(
    project: str | None,
    name: str | None,
    config: Any,
    *,
    tags: Iterable[str],
    root: str | os.PathLike[str] | None,
    id: str | None,
    resume: bool | None,
) -> Run:
    """Return a new run, or an old one to go on with. Raises UsageError, RunExistsError, RootNotUsableError."""
    if id is not None and not layout.is_run_id(id):
        raise UsageError(
            f"{str(id)[:200]!r} cannot be the id of a run.", hint="Use up to 128 letters, digits, dots, dashes."
        )
    if resume and id is None:
        raise UsageError("resume=True needs the id of the run to go on with.", hint="Pass id=... as well.")
    folder = prepare_root(resolve_root(root), now=time.time())
    if id is not None and (folder / layout.RUNS / id).exists():
        if not resume:
            raise RunExistsError(f"The run {id} exists already.")
        return _resume(folder, id, config)
    info = _info(project, name, tags)
    return _create(folder, id, info, config)


def _create(root: Path, chosen: str | None, info: dict[str, Any], config: Any) -> Run:
    for attempt in range(_ID_ATTEMPTS):
        now = time.time()
        run_id = chosen or layout.new_run_id(now, os.urandom(3).hex())
        info.update(id=run_id, created_at=layout.iso(now), config=_plain_config(config))
        info["name"] = info["name"] or run_name(int.from_bytes(os.urandom(4), "little"))
        status: dict[str, Any] = {
            "state": "running",
            "heartbeat_at": layout.iso(now),
            "finished_at": None,
            "metrics": {},
        }
        try:
            folder = create_run_folder(root, run_id, {layout.RUN_FILE: info, layout.STATUS_FILE: status})
        except RunExistsError:
            if chosen or attempt == _ID_ATTEMPTS - 1:
                raise
            continue
        run = Run(folder, info)
        run.config.preset(config or {})
        return run
    raise AssertionError("unreachable")


def _resume(root: Path, run_id: str, config: Any) -> Run:
    """Go on with a run. While its own process lives, this one joins as a further writer with files of its own."""
    files = LocalFiles(root)
    info = dict(reader.read_object(files, layout.run_path(run_id, layout.RUN_FILE)) or {"id": run_id})
    status = reader.read_object(files, layout.run_path(run_id, layout.STATUS_FILE))
    run_folder = root / layout.RUNS / run_id
    known = reader.build_run(run_id, reader.Sources(info, status, None, time.time()))
    if OwnerWatch(run_folder).lives():
        return Run(run_folder, info, record_file=_own_record_file(run_folder), owner=False, status=status)
    info.update(facts.quick_facts())
    info.setdefault("created_at", layout.iso(known.created_at))
    run = Run(run_folder, info, status=status)
    _mark_resumed(run)
    run.config.update(config or {})
    replace_json(run_folder / layout.STATUS_FILE, run.status())
    return run


def _own_record_file(folder: Path) -> str:
    """Take the next free metrics.rankN.bin; creating it decides between processes that ask at once."""
    for rank in range(1, 100_000):
        name = f"metrics.rank{rank}.bin"
        try:
            (folder / name).touch(exist_ok=False)
        except FileExistsError:
            continue
        return name
    raise AssertionError("unreachable")


def _mark_resumed(run: Run) -> None:
    """Note in events.jsonl where the resumed part begins, so that views can hide what it overwrites."""
    event = resumed(run.step, run.record_count, time.time())
    events = AppendFile(run.dir / layout.EVENTS_FILE)
    try:
        events.append(encode_object(event) + b"\n")
    finally:
        events.close()


def _info(project: str | None, name: str | None, tags: Iterable[str]) -> dict[str, Any]:
    return {
        "id": "",
        "project": layout.clean_project(project),
        "name": str(name or "")[:500],
        "config": {},
        "tags": clean_tags(tags),
        "created_at": "",
        **to_json(facts.quick_facts()),
        "packages": {},
        "git": None,
    }


def _plain_config(config: Any) -> dict[str, Any]:
    plain = to_json(config) if config is not None else {}
    return plain if isinstance(plain, dict) else {}
