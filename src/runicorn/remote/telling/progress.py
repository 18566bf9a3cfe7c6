"""What an attempt to reach a server is doing: its stages with times, and its log. Thread-safe; shown live.

There is one for each target, made anew at each connect, and one for each session, which lives as long as the session.
What is told to one is shown by those concerned: a connect by every session on that target, a start by its target.
"""

from __future__ import annotations

import enum
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from runicorn.errors import RunicornError
from runicorn.remote.telling.log import Log

TARGET_LINES_KEPT = 500
STAGES = ("resolve", "tcp", "host_key", "login", "environments", "start", "tunnel", "ready")
CONNECT_STAGES = STAGES[:4]


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
    """The stages from the name to the page, and the log; `changed` is called after every change.

    clock: seconds that only go forward. also: asked at each change for those that are to show it, too.
    """

    def __init__(
        self,
        changed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        *,
        also: Callable[[], Iterable[Progress]] = tuple,
        lines_kept: int = TARGET_LINES_KEPT,
    ) -> None:
        self.changed = changed
        self.also = also
        self.lines = Log(lines_kept)
        self.error: RunicornError | None = None
        self._told: weakref.ref[RunicornError] | None = None  # a stage and its caller may both tell of one error
        self._clock = clock
        self._lock = threading.Lock()
        self._stages = {name: Stage(name) for name in STAGES}
        self._began_at: dict[str, float] = {}
        self._made_at = time.time()

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
        """The log with seconds since the beginning."""
        return [f"{line.at - self._made_at:8.3f} s  {line.text}" for line in self.lines.lines]

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[str], None]]:
        """Run a stage, which ends as done, or as failed if an error passes through. Yields a setter of its detail."""
        began_at, details = self._clock(), [""]
        self._show(Stage(name, StageState.RUNNING, 0.0), began_at)

        def tell(detail: str) -> None:
            details.append(detail)
            self._show(Stage(name, StageState.RUNNING, 0.0, detail), began_at)

        def end(state: StageState) -> None:
            secs = self._clock() - began_at
            self._show(Stage(name, state, secs, details[-1]))
            self.log(f"{name} {state.value} in {secs * 1000:.0f} ms{': ' + details[-1] if details[-1] else ''}")

        try:
            yield tell
        except BaseException as error:
            end(StageState.FAILED)
            if isinstance(error, RunicornError):
                self.fail(error)
            raise
        end(StageState.DONE)

    def fail(self, error: RunicornError) -> None:
        """Keep the error that ended the attempt, once."""
        for each in self._all():
            if each._told is None or each._told() is not error:
                each._told = weakref.ref(error)
                each.error = error.kept()
                each.lines.add(f"{error.code}: {error.detail}")
        self.changed()

    def restart(self, first: str) -> None:
        """Forget the stages from `first` on, and the error, for another attempt."""
        for name in STAGES[STAGES.index(first) :]:
            self._show(Stage(name))
        for each in self._all():
            each.error = None
        self.changed()

    def log(self, text: str) -> None:
        """Add a text for people; never one that holds a secret."""
        for each in self._all():
            each.lines.add(text)
        self.changed()

    def note(self, text: str) -> None:
        """Add a text to this log only, and wake nobody: there may be very many."""
        self.lines.add(text)

    def begin_with_connect(self, made: Progress) -> None:
        """Show how the connection came about that is there already, and log it."""
        stages = {stage.name: stage for stage in made.stages}
        lines, connected = [], f"{CONNECT_STAGES[-1]} {StageState.DONE.value} "
        for line in made.lines.lines:
            lines.append(line)
            if line.text.startswith(connected):
                break
        self.lines.extend(lines)
        for name in CONNECT_STAGES:
            self._put(stages[name], None)

    def _all(self) -> list[Progress]:
        return [self, *self.also()]

    def _show(self, stage: Stage, began_at: float | None = None) -> None:
        for each in self._all():
            each._put(stage, began_at)
        self.changed()

    def _put(self, stage: Stage, began_at: float | None) -> None:
        with self._lock:
            if began_at is not None:
                self._began_at[stage.name] = began_at
            self._stages[stage.name] = stage
