"""A run that keeps nothing: mode="disabled", for trying a script out without leaving a trace."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runicorn.model import RunState
from runicorn.sdk.mappings import NotifyingDict
from runicorn.sdk.run import Run
from runicorn.sdk.warnings import Warnings


class DisabledRun(Run):
    """Takes everything that a run takes. Its folder, for scripts that put files there, is removed with the process."""

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
        self._dir = Path(folder)
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

    def __reduce__(self) -> Any:
        return DisabledRun, (self._info,)

    def _write_info(self) -> None:
        pass

    def _skip(self, data: Mapping[Any, Any], step: int | None = None, commit: bool | None = None) -> None:
        self._step = step if isinstance(step, int) else self._step + (commit is not False)
