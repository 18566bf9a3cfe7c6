"""Opening a run: where it lies, what it is called, whether it is new. What goes on with one is loaded when it does."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runicorn.errors import RunExistsError, RunNotFoundError, UsageError
from runicorn.masking import without_secret_text, without_secret_values
from runicorn.sdk import facts
from runicorn.sdk.config_source import config_fields
from runicorn.sdk.names import clean_tags, run_name
from runicorn.sdk.plain import to_json
from runicorn.sdk.roots import resolve_root
from runicorn.sdk.run import Captures, Run
from runicorn.storage import layout
from runicorn.storage.files import LocalFiles
from runicorn.storage.writer import create_run_folder, prepare_root

if TYPE_CHECKING:
    from runicorn.sdk.disabled import DisabledRun

_ID_ATTEMPTS = 20
_MODES = {"online": True, "offline": True, "shared": True, "disabled": False, "dryrun": True}
_RESUMES = ("allow", "must", "never", "auto")
_IMPORTED_AGAIN = (
    "init() stands outside of `if __name__ == '__main__':`, and a child of multiprocessing has come by it while it "
    "imported the script. No run is opened there, and what the child logs is kept only in a run that it is handed: "
    "Process(target=work, args=(run,))."
)


@dataclass(frozen=True)
class Wanted:
    """What init() was asked for. root, mode: None for what the environment says. config: anything with names."""

    project: str | None = None
    name: str | None = None
    config: Any = None
    tags: Iterable[str] | None = ()
    notes: str | None = None
    group: str | None = None
    job_type: str | None = None
    root: str | os.PathLike[str] | None = None
    id: str | None = None
    resume: bool | str | None = None
    mode: str | None = None
    console: bool = True
    system_metrics: bool = True

    @property
    def captures(self) -> Captures:
        return Captures(self.console, self.system_metrics)


def open_run(wanted: Wanted) -> Run:
    """Return a new run, or an old one to go on with.

    Raises UsageError, RunExistsError, RunNotFoundError, RootNotUsableError.
    """
    resume = _resume_word(wanted)
    _check_id(wanted.id)
    config = config_fields(wanted.config)
    info = _info(wanted, config)
    if not _records(wanted.mode):
        return _disabled(wanted, info, config)
    if _is_main_imported_again() and not (wanted.id is not None and resume in ("allow", "must")):
        run = _disabled(wanted, info, config)
        run.stands_in = True
        if _is_first_child():
            run.warnings.add("imported-again", _IMPORTED_AGAIN)
        return run
    root = prepare_root(resolve_root(wanted.root), now=time.time())
    run_id = wanted.id
    if resume == "auto" and run_id is None:
        from runicorn.sdk.resuming import last_unfinished

        run_id = last_unfinished(LocalFiles(root), info)
    if run_id is not None and (root / layout.RUNS / run_id).exists():
        return _go_on(root, run_id, resume, wanted, config)
    if resume == "must":
        raise RunNotFoundError(f"There is no run {run_id} to resume in {root}.")
    try:
        return _create(root, run_id, info, wanted)
    except RunExistsError:
        if wanted.id is None or resume not in ("allow", "auto"):
            raise
        # Another rank of the same job made it in this moment.
        return _go_on(root, wanted.id, resume, wanted, config)


def _disabled(wanted: Wanted, info: dict[str, Any], config: dict[Any, Any]) -> DisabledRun:
    from runicorn.sdk.disabled import DisabledRun

    run = DisabledRun({**info, "id": wanted.id or fresh_id()})
    run.config.preset(config)
    return run


def _is_main_imported_again() -> bool:
    """Tell whether this is a child of multiprocessing, spawned or of a fork server, that only gets ready to work.

    It imports the script for that, and so comes by an init() that stands above the main guard.
    """
    process = sys.modules.get("multiprocessing.process")
    return process is not None and bool(getattr(process.current_process(), "_inheriting", False))


def _is_first_child() -> bool:
    """Tell whether its name ends with no number greater than 1: of a pool's workers, one says what all could."""
    _, _, number = sys.modules["multiprocessing.process"].current_process().name.rpartition("-")
    return not number.isdecimal() or number == "1"


def fresh_id() -> str:
    """Return an id for a run that begins now, for several processes that are to record into the same one."""
    return layout.new_run_id(time.time(), os.urandom(3).hex())


def _go_on(root: Path, run_id: str, resume: str, wanted: Wanted, config: dict[Any, Any]) -> Run:
    if resume == "never":
        raise RunExistsError(f"The run {run_id} exists already.")
    from runicorn.sdk.resuming import go_on

    return go_on(root, run_id, config, wanted.captures)


def _resume_word(wanted: Wanted) -> str:
    resume = wanted.resume
    if resume is True:
        return "allow" if wanted.id is not None else "auto"
    if not resume:
        return "never"
    if resume not in _RESUMES:
        raise UsageError(f"resume={resume!r} is not known.", hint=f"Use True, {', '.join(_RESUMES)}.")
    if wanted.id is None and resume in ("must",):
        raise UsageError("resume='must' needs the id of the run to go on with.", hint="Pass id=... as well.")
    return str(resume)


def _check_id(run_id: str | None) -> None:
    if run_id is not None and not (isinstance(run_id, str) and layout.is_run_id(run_id)):
        raise UsageError(
            f"{str(run_id)[:200]!r} cannot be the id of a run.", hint="Use up to 128 letters, digits, dots, dashes."
        )


def _records(mode: str | None) -> bool:
    """Tell whether a mode records at all. Raises UsageError."""
    chosen = mode or os.environ.get("RUNICORN_MODE") or "online"
    if chosen not in _MODES:
        raise UsageError(f"mode={chosen!r} is not known.", hint="Use online, offline (the same here) or disabled.")
    return _MODES[chosen]


def _create(root: Path, chosen: str | None, info: dict[str, Any], wanted: Wanted) -> Run:
    for attempt in range(_ID_ATTEMPTS):
        now = time.time()
        run_id = chosen or layout.new_run_id(now, os.urandom(3).hex())
        info.update(id=run_id, created_at=layout.iso(now))
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
        run = Run(folder, info, captures=wanted.captures)
        run.config.preset(config_fields(wanted.config))
        return run
    raise AssertionError("unreachable")


def _info(wanted: Wanted, config: dict[Any, Any]) -> dict[str, Any]:
    return {
        "id": "",
        "project": layout.clean_project(wanted.project),
        "name": without_secret_text(str(wanted.name or "")[:500]),
        "config": without_secret_values(to_json(config)),
        "tags": clean_tags(wanted.tags),
        "notes": without_secret_text(str(wanted.notes or "")[:100_000]),
        "group": without_secret_text(str(wanted.group or "")[:500]),
        "job_type": without_secret_text(str(wanted.job_type or "")[:500]),
        "created_at": "",
        **to_json(facts.quick_facts()),
        "packages": {},
        "git": None,
    }
