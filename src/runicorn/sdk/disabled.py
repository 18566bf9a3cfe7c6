"""Runs that keep nothing: mode="disabled", for trying a script out without leaving a trace; or out of a checkpoint."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runicorn.model import RunState
from runicorn.sdk.folder import RunFolder
from runicorn.sdk.mappings import NotifyingDict
from runicorn.sdk.run import Run
from runicorn.sdk.warnings import Warnings


class DisabledRun(Run):
    """Takes everything that a run takes. Its folder, for scripts that put files there, is removed with the process.

    stands_in: for the run of a parent process, which may still be handed over.
    """

    stands_in = False

    def __init__(self, info: dict[str, Any]) -> None:
        self.id = str(info["id"])
        self.warnings = Warnings()
        self.config = NotifyingDict("config", lambda: None, self.warnings)
        self.summary = NotifyingDict("summary", lambda: None, self.warnings)
        self._info = info
        self._step = -1
        self._dir: Path | None = None
        self._state = RunState.RUNNING
        self._pid = os.getpid()
        self._definitions = {}
        self.log = self._skip

    @property
    def dir(self) -> Path:  # type: ignore[override]
        if self._dir is not None:
            return self._dir
        import shutil
        import tempfile
        import weakref

        folder = tempfile.mkdtemp(prefix="runicorn-disabled-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._dir = RunFolder(folder)
        return self._dir

    @property
    def disabled(self) -> bool:
        return True

    @property
    def step(self) -> int | None:
        return self._step if self._step >= 0 else None

    def alert(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def write_console(self, text: str) -> None:
        """Do nothing."""

    def append_event(self, event: dict[str, Any]) -> None:
        """Do nothing."""

    def finish(self, *args: Any, **kwargs: Any) -> None:
        """Close it; there is nothing to write."""
        self._state = RunState.FINISHED
        self._closed = True

    def leave_to_parent(self) -> None:
        """Do nothing: there is nothing that two processes could both write."""

    @property
    def record_count(self) -> int:
        return 0

    def status(self) -> dict[str, Any]:
        """Return what status.json would hold, were there one."""
        return {"state": self._state.value, "step": self.step, "summary": self.summary.plain()}

    def __reduce__(self) -> Any:
        return _disabled, (self._info_now(),)

    def _write_info(self) -> None:
        pass

    def _skip(
        self, data: Mapping[Any, Any], step: int | None = None, commit: bool | None = None, sync: bool | None = None
    ) -> None:
        self._step = step if isinstance(step, int) else self._step + (commit is not False)


def _disabled(info: dict[str, Any]) -> DisabledRun:
    run = DisabledRun(info)
    run.config.preset(info.get("config") or {})
    return run


class LoadedRun(DisabledRun):
    """A run as a checkpoint has it: what it was called and set to. It has ended here, and keeps nothing."""

    def __init__(self, folder: str, info: dict[str, Any], summary: dict[str, Any]) -> None:
        super().__init__(info)
        self._dir = RunFolder(folder)
        self.config.preset(info.get("config") or {})
        self.summary.preset(summary)
        self.finish()

    def __reduce__(self) -> Any:
        return LoadedRun, (str(self._dir), self._info_now(), self.summary.plain())

    def _skip(
        self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None, sync: bool | None = None
    ) -> None:
        self.warnings.add(
            "loaded",
            f"log() was called on the run {self.id} out of a pickle, which is not open here; ignored. "
            f"runicorn.init(id={self.id!r}, resume='allow') goes on with it.",
        )
