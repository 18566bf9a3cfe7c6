"""What an attempt to reach a server is doing: its stages with times, and its log. Thread-safe; shown live."""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from runicorn.errors import RunicornError

LOG_LINES_KEPT = 500
STAGES = ("resolve", "tcp", "host_key", "login", "environments", "start", "tunnel", "ready")


class StageState(enum.Enum):
    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Stage:
    """One step towards a working page. secs: how long it took so far. detail: what it found, in a few words."""

    name: str
    state: StageState = StageState.PENDING
    secs: float | None = None
    detail: str = ""


class Progress:
    """The stages of one connection, from the name to the page; `changed` is called after every change.

    clock: seconds that only go forward.
    """

    def __init__(self, changed: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._changed = changed
        self._clock = clock
        self._lock = threading.Lock()
        self._stages = {name: Stage(name) for name in STAGES}
        self._began_at: dict[str, float] = {}
        self._log: list[str] = []
        self._log_began_at = clock()
        self.error: RunicornError | None = None

    @property
    def stages(self) -> list[Stage]:
        with self._lock:
            now = self._clock()
            return [
                replace(stage, secs=now - self._began_at[name]) if stage.state is StageState.RUNNING else stage
                for name, stage in self._stages.items()
            ]

    @property
    def log_lines(self) -> list[str]:
        with self._lock:
            return list(self._log)

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[str], None]]:
        """Run a stage, which ends as done, or as failed if an error passes through. Yields a setter of its detail."""
        with self._lock:
            self._began_at[name] = self._clock()
            self._stages[name] = Stage(name, StageState.RUNNING, 0.0)
        self._changed()
        try:
            yield lambda detail: self._update(name, detail=detail)
        except BaseException as error:
            self._finish(name, StageState.FAILED)
            if isinstance(error, RunicornError):
                self.fail(error)
            raise
        self._finish(name, StageState.DONE)

    def fail(self, error: RunicornError) -> None:
        """Keep the error that ended the attempt, once."""
        if self.error is not error:
            self.error = error
            self.log(f"{error.code}: {error.detail}")

    def skip(self, *names: str) -> None:
        """Mark stages that were not needed, because their result is still there."""
        with self._lock:
            for name in names:
                if self._stages[name].state is not StageState.DONE:
                    self._stages[name] = Stage(name, StageState.SKIPPED)
        self._changed()

    def restart(self, first: str) -> None:
        """Forget the stages from `first` on, and the error, for another attempt."""
        with self._lock:
            for name in STAGES[STAGES.index(first) :]:
                self._stages[name] = Stage(name)
            self.error = None
        self._changed()

    def log(self, line: str) -> None:
        """Add a line for people; never one that holds a secret."""
        with self._lock:
            self._log.append(f"{self._clock() - self._log_began_at:8.3f} s  {line.rstrip()}")
            del self._log[:-LOG_LINES_KEPT]
        self._changed()

    def _update(self, name: str, *, detail: str) -> None:
        with self._lock:
            self._stages[name] = replace(self._stages[name], detail=detail)
        self._changed()

    def _finish(self, name: str, state: StageState) -> None:
        with self._lock:
            stage = self._stages[name]
            secs = self._clock() - self._began_at[name]
            self._stages[name] = replace(stage, state=state, secs=secs)
        self.log(f"{name} {state.value} in {secs * 1000:.0f} ms{': ' + stage.detail if stage.detail else ''}")
