"""One run while it is being recorded."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from runicorn.errors import UsageError
from runicorn.model import MetricStats, RunState, number_to_json
from runicorn.sdk import facts
from runicorn.sdk.background import STATUS_EVERY_SECS, Background
from runicorn.sdk.console import ConsoleCapture
from runicorn.sdk.mappings import NotifyingDict
from runicorn.sdk.ownership import OwnerWatch
from runicorn.sdk.recorder import Recorder
from runicorn.sdk.warnings import Warnings
from runicorn.storage import layout
from runicorn.storage.writer import replace_json

_END_STATES = (RunState.FINISHED, RunState.FAILED, RunState.KILLED)


class Run:
    """A run that is open for recording; `init` makes it. Used with `with`, it closes itself.

    id: the name of its folder. dir: that folder. config, summary: mappings; changes are on disk at once (config) or
    within five seconds (summary). Nothing here raises into training, except for a state that finish() does not know.
    """

    def __init__(self, folder: Path, info: dict[str, Any], *, record_file: str = layout.METRICS_FILE,
                 owner: bool = True, status: Mapping[str, Any] | None = None) -> None:  # fmt: skip
        self.id = folder.name
        self.dir = folder
        self.warnings = Warnings()
        self.config = NotifyingDict("config", self._write_info, self.warnings)
        self.summary = NotifyingDict("summary", lambda: None, self.warnings)
        self._info = info
        self._owner = owner
        self._state = RunState.RUNNING
        self._reason: str | None = None
        self._write_lock = threading.Lock()
        self._pid = os.getpid()
        self.config.preset(info.get("config") or {})
        self.summary.preset((status or {}).get("summary") or {})
        self._recorder = Recorder(folder, record_file, self.warnings)
        self.log = self._recorder.log  # an instance attribute: a call less on the hot path
        self._console = ConsoleCapture(folder / layout.CONSOLE_FILE, self.warnings) if owner else None
        self._owner_watch = None if owner else OwnerWatch(folder)
        self._inherited: Mapping[str, Any] = {}
        self._background = Background(self._add_slow_facts, self._beat, STATUS_EVERY_SECS)

    @property
    def name(self) -> str:
        return str(self._info.get("name", self.id))

    @property
    def project(self) -> str:
        return str(self._info.get("project", layout.DEFAULT_PROJECT))

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(self._info.get("tags", ()))

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        self._info["tags"] = clean_tags(tags)
        self._write_info()

    @property
    def is_open(self) -> bool:
        """Whether this process still records into it."""
        return self._state is RunState.RUNNING and self._pid == os.getpid()

    def finish(self, state: str = "finished", *, reason: str | None = None) -> None:
        """Close the run as `finished`, `failed` or `killed`; a second call does nothing. Raises UsageError."""
        end = RunState.parse(state)
        if end not in _END_STATES:
            raise UsageError(f"A run cannot finish as {state!r}.", hint="Use finished, failed or killed.")
        if not self.is_open:
            return
        self._background.stop()
        self._state = end
        self._reason = reason
        self._write_info()
        self._write_status()
        if self._console is not None:
            self._console.stop()
        self._recorder.close()

    def status(self) -> dict[str, Any]:
        """Return what status.json should hold now."""
        now = layout.iso(time.time())
        return {
            "state": self._state.value,
            "heartbeat_at": now,
            "finished_at": None if self._state is RunState.RUNNING else now,
            "exit_reason": self._reason,
            "step": self.step,
            "summary": self.summary.plain(),
            "metrics": {
                **self._inherited,
                **{name: stats_to_json(stats) for name, stats in self._recorder.stats().items()},
            },
            "warnings": self.warnings.counts(),
        }

    @property
    def step(self) -> int | None:
        """The last step, or None before the first log()."""
        return self._recorder.step if self._recorder.step >= 0 else None

    @property
    def record_count(self) -> int:
        """How many records this process's file holds, those of before a resume included."""
        return self._recorder.record_count

    def leave_to_parent(self) -> None:
        """Stop recording in a forked child; the run goes on in its parent. What the child prints is still copied."""
        self._recorder.leave_to_parent()
        self._write_lock = threading.Lock()

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
        else:
            self.finish("failed", reason=describe(error))

    def __repr__(self) -> str:
        return f"<Run {self.id} {self.project}/{self.name} {self._state.value}>"

    def _add_slow_facts(self) -> None:
        if not self._owner:
            return
        try:
            found = facts.slow_facts(self._info.get("cwd", ""))
        except Exception as error:  # noqa: BLE001 - a background task; nothing depends on these facts
            self.warnings.add("facts", f"packages and git state could not be found out: {error}.")
            return
        self._info.update(found)
        self._write_info()

    def _beat(self) -> None:
        try:
            if self._owner_watch is not None and not self._owner and not self._owner_watch.lives():
                self._take_over(self._owner_watch)
        except Exception as error:  # noqa: BLE001 - a background task; recording goes on beside the owner's
            self.warnings.add("owner", f"the run's owner could not be looked at: {error}.")
        self._write_status()

    def _take_over(self, watch: OwnerWatch) -> None:
        """Become the owner of a joined run whose own process died, as when a job is started again elsewhere."""
        if watch.has_finished():
            return
        self._inherited = watch.metrics()
        self._info.update(facts.quick_facts())
        self._console = ConsoleCapture(self.dir / layout.CONSOLE_FILE, self.warnings)
        self._owner = True
        self._write_info()

    def _write_info(self) -> None:
        """Replace run.json. Only its own process does, so that a joined or forked one cannot undo a change."""
        if not self._owner or self._pid != os.getpid():
            return
        self._write(layout.RUN_FILE, lambda: {**self._info, "config": self.config.plain()})

    def _write_status(self) -> None:
        if self._owner:
            self._write(layout.STATUS_FILE, self.status)

    def _write(self, name: str, content: Any) -> None:
        try:
            with self._write_lock:
                replace_json(self.dir / name, content())
        except Exception as error:  # noqa: BLE001 - disk full, folder gone: training goes on
            self.warnings.add(f"write:{name}", f"{name} could not be written: {error}.")


def stats_to_json(stats: MetricStats) -> dict[str, Any]:
    """Return what status.json holds of a metric."""
    values = {"last": stats.last, "min": stats.min, "max": stats.max}
    return {
        "count": stats.count,
        **{key: None if value is None else number_to_json(value) for key, value in values.items()},
        "last_step": stats.last_step,
        "last_time": stats.last_time,
    }


def describe(error: BaseException | None) -> str:
    """Return an exception as its traceback's last line would: `ValueError: no such file`."""
    if error is None:
        return "unknown"
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - foreign __str__
        text = ""
    return f"{type(error).__name__}: {text}"[:1000] if text else type(error).__name__


def clean_tags(tags: Iterable[str]) -> list[str]:
    """Return the tags as texts, each once, in order; a single text is one tag."""
    given = [tags] if isinstance(tags, str) else tags
    return list(dict.fromkeys(str(tag) for tag in given))
