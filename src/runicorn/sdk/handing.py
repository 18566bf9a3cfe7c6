"""A run in a pickle: joined by the child process that it is handed to; in a checkpoint, what it was called and set to.

Both are the same bytes. It is handed over where the one that takes it is a child of multiprocessing's, and the one that
gave it the parent, which is no guess: a process is told by its number and its start.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Protocol

from runicorn import processes
from runicorn.processes import Presence
from runicorn.sdk import package


class Given(Protocol):
    """What is needed of a run that is put in a pickle."""

    @property
    def dir(self) -> Path: ...

    @property
    def summary(self) -> Any: ...

    @property
    def takes_points(self) -> bool: ...


def pickled(run: Given, info: dict[str, Any]) -> Any:
    """Return what `__reduce__` gives for a run."""
    kept = {key: value for key, value in info.items() if key not in ("packages", "git")}
    pid = os.getpid()
    giver = (pid, processes.start_of(pid)) if run.takes_points else None
    return take_run, (os.fspath(run.dir), kept, run.summary.plain(), giver)


def take_run(folder: str, info: dict[str, Any], summary: dict[str, Any], giver: tuple[int, int | None] | None) -> Any:
    """Return the run of a pickle: this process's own, joined where it was handed over, or one that records nothing."""
    taker = package.taker
    assert taker is not None
    known = taker.known(Path(folder))
    if known is not None:
        return known
    if giver is not None and _is_parent(*giver):
        try:
            return taker.joined(folder)
        except OSError as error:  # its folder is gone, which must not stop the child
            loaded = taker.loaded(folder, info, summary)
            loaded.warnings.add("join", f"the run {loaded.name[:100]!r} could not be joined: {error}.")
            return loaded
    return taker.loaded(folder, info, summary)


def _is_parent(pid: int, start: int | None) -> bool:
    """Tell whether the process is this one's parent, in the sense of multiprocessing."""
    process = sys.modules.get("multiprocessing.process")
    if process is None:
        return False
    if getattr(process.current_process(), "_inheriting", False):  # a child that is just taking its arguments
        return processes.presence(pid, start) is Presence.RUNS
    parent = process.parent_process()
    return parent is not None and parent.pid == pid and processes.start_of(pid) == start
