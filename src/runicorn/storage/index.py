"""The list of runs, kept in memory and renewed from what changed. Files are the truth; this can be thrown away."""

from __future__ import annotations

import math
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from runicorn.errors import RunNotFoundError
from runicorn.model import Run, RunState, flatten, number_from_json
from runicorn.storage import layout, liveness, reader
from runicorn.storage.files import Files, FileStat
from runicorn.storage.liveness import Place, Pulse
from runicorn.storage.records import Record

_SMALL_FILES = (layout.RUN_FILE, layout.STATUS_FILE, layout.NOTES_FILE)
# A folder's mtime moves with every file that is replaced in it, so one stat per run usually tells that nothing changed.
# Its clock ticks every 4 ms or worse: only an mtime that lies this far back is believed to be the last one.
_SETTLED_SECS = 2.0
# What was edited in place does not move the folder's mtime, and is noticed this late, or up to twice as late: each run
# has a time of its own, so that ten thousand are not looked into at once.
_DEEP_EVERY_SECS = 10.0
# On a slow file system, spend at most a fifth of the time looking for changes.
_SLOW_REFRESH_SECS = 0.1
_REST_FACTOR = 4


@dataclass
class IndexedRun:
    """A run in the index. version grows with every change anywhere in the index, so that changes can be asked for."""

    run: Run
    version: int
    now: Callable[[], float] = time.time

    @cached_property
    def config(self) -> Mapping[str, Any]:
        return flatten(self.run.config)

    @cached_property
    def summary(self) -> Mapping[str, Any]:
        return flatten(self.run.summary)

    @cached_property
    def _search_text(self) -> str:
        run = self.run
        return "\n".join((run.id, run.name, run.project, *run.tags, run.note)).lower()

    def search_text(self) -> str:
        return self._search_text

    def field(self, name: str) -> Any:
        """Return a field by the name that queries and sorting use, or None."""
        if name.startswith("config."):
            return self.config.get(name[7:])
        if name.startswith("summary."):
            return self.summary.get(name[8:])
        run = self.run
        if name == "duration_secs":
            return run.duration_secs(self.now())
        if name == "state":
            return run.state.value
        if name in ("host", "user"):
            return getattr(run.origin, name)
        return getattr(run, name, None)


@dataclass
class _Cached:
    """What is remembered of a run's folder between two looks."""

    folder: FileStat
    settled: bool
    deep_look_at: float = float("-inf")
    stats: dict[str, FileStat | None] = field(default_factory=dict)
    script_summary: Mapping[str, Any] = field(default_factory=dict)
    base: Run | None = None
    item: IndexedRun | None = None
    published_base: Run | None = None
    published_alive: bool = False
    heartbeat_seen_at: float = 0.0
    heartbeat_changed: bool = False
    last_points: dict[str, Record] | None = None


class RunIndex:
    """All runs of a storage root. Every call looks at the files first, unless that was only just done."""

    def __init__(
        self,
        files: Files,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        place: Place | None = None,
    ) -> None:
        self._files = files
        self._now = now
        self._monotonic = monotonic
        self._place = place or liveness.here()
        self._lock = threading.Lock()
        self._cached: dict[str, _Cached] = {}
        self._removed: dict[str, int] = {}
        self._version = 0
        self._looked_at = float("-inf")
        self._look_secs = 0.0

    def runs(self, *, fresh: bool = False) -> list[IndexedRun]:
        """Return all runs, those in the bin too, in no order. fresh: look at the files however recent the last look."""
        with self._lock:
            self._refresh(force=fresh)
            return [cached.item for cached in self._cached.values() if cached.item is not None]

    def find(self, run_id: str) -> IndexedRun:
        """Return one run as its files are now. Raises RunNotFoundError."""
        reader.check_run_id(run_id)
        status = self._files.stat(layout.run_path(run_id))
        with self._lock:
            if status is not None and status.is_dir:
                self._look_at(status, deep=True)
                item = self._cached[run_id].item
                if item is not None:
                    return item
        raise RunNotFoundError(f"There is no run {run_id}.")

    @property
    def version(self) -> int:
        with self._lock:
            return self._version

    def version_at(self, moment: float) -> int:
        """Return the version after which every change since `moment` (unix seconds) lies, as far as files tell."""
        with self._lock:
            self._refresh(force=False)
            recent = [
                cached.item.version
                for cached in self._cached.values()
                if cached.item is not None and cached.folder.mtime_ns / 1e9 >= moment
            ]
            return min(recent, default=self._version + 1) - 1

    def changes(self, since: int) -> tuple[list[IndexedRun], list[str], int]:
        """Return the runs that changed after version `since`, the ids removed after it, and the version now."""
        with self._lock:
            self._refresh(force=False)
            changed = [c.item for c in self._cached.values() if c.item is not None and c.item.version > since]
            removed = [run_id for run_id, version in self._removed.items() if version > since]
            return changed, removed, self._version

    def _refresh(self, *, force: bool) -> None:
        started = self._monotonic()
        rest = self._look_secs * _REST_FACTOR if self._look_secs > _SLOW_REFRESH_SECS else 0.0
        if not force and started - self._looked_at < rest:
            return
        folders = [f for f in self._files.list(layout.RUNS) if f.is_dir and layout.is_run_id(f.name)]
        for folder in folders:
            self._look_at(folder, deep=False)
        self._drop_missing({folder.name for folder in folders})
        self._looked_at = self._monotonic()
        self._look_secs = self._looked_at - started

    def _look_at(self, folder: FileStat, *, deep: bool) -> None:
        cached = self._cached.get(folder.name)
        if cached is None:
            cached = self._cached[folder.name] = _Cached(folder, settled=False)
        deep = deep or self._monotonic() >= cached.deep_look_at
        if deep or not cached.settled or cached.folder.mtime_ns != folder.mtime_ns:
            spread = zlib.crc32(folder.name.encode()) % 1000 / 1000
            cached.deep_look_at = self._monotonic() + _DEEP_EVERY_SECS * (1 + spread)
            cached.settled = self._now() - folder.mtime_ns / 1e9 > _SETTLED_SECS
            cached.folder = folder
            self._read(folder.name, cached)
        self._publish(folder.name, cached)

    def _read(self, run_id: str, cached: _Cached) -> None:
        stats = {name: self._stat(layout.run_path(run_id, name)) for name in _SMALL_FILES}
        if cached.base is not None and stats == cached.stats:
            return
        # All of them are read again: to keep ten thousand run.json in memory would take 150 MB.
        info, status, notes = (
            reader.read_object(self._files, layout.run_path(run_id, name)) if stats[name] else None
            for name in _SMALL_FILES
        )
        before = cached.base
        cached.stats = stats
        cached.base = reader.build_run(
            run_id, reader.Sources(info, status, notes, folder_changed_at=cached.folder.mtime_ns / 1e9)
        )
        cached.script_summary = reader.script_summary(status)
        if before is None or cached.base.heartbeat_at != before.heartbeat_at:
            cached.heartbeat_seen_at = self._monotonic()
            cached.heartbeat_changed = before is not None
            cached.last_points = None

    def _publish(self, run_id: str, cached: _Cached) -> None:
        """Put the run into the list as a new version if it differs from what stands there."""
        run = cached.base
        if run is None:
            return
        alive = run.state is RunState.RUNNING and self._is_alive(run, cached)
        if cached.published_base is run and cached.published_alive is alive:
            return
        cached.published_base, cached.published_alive = run, alive
        if run.state is RunState.RUNNING and not alive:
            # Of other tools' runs nobody can tell whether they were killed: they have no end mark.
            run = replace(run, state=RunState.FINISHED if run.origin.recorded_by else RunState.KILLED)
        if run.state is RunState.KILLED:
            run = self._with_last_points(run, cached)
        if cached.item is None or cached.item.run != run:
            self._version += 1
            cached.item = IndexedRun(run, self._version, self._now)
            self._removed.pop(run_id, None)

    def _is_alive(self, run: Run, cached: _Cached) -> bool:
        age = None if run.heartbeat_at is None else self._now() - run.heartbeat_at
        unchanged = self._monotonic() - cached.heartbeat_seen_at
        return liveness.is_alive(run.origin, Pulse(age, unchanged, cached.heartbeat_changed), self._place)

    def _with_last_points(self, run: Run, cached: _Cached) -> Run:
        """Return the run with what it logged after its last status.json, which may lie 5 s before its death."""
        if cached.last_points is None:
            try:
                cached.last_points = reader.last_points(self._files, run.id)
            except OSError:
                cached.last_points = {}
        if not cached.last_points:
            return run
        # A time that cannot be is garbage on the disk, not a sign of life.
        times = [point.time for point in cached.last_points.values() if run.created_at <= point.time <= self._now()]
        last = {name: point.value for name, point in cached.last_points.items()}
        return replace(
            run,
            summary={**run.summary, **last, **cached.script_summary},
            step=max(point.step for point in cached.last_points.values()),
            heartbeat_at=max([run.heartbeat_at or run.created_at, *times]),
        )

    def _drop_missing(self, present: set[str]) -> None:
        for run_id in [run_id for run_id in self._cached if run_id not in present]:
            del self._cached[run_id]
            self._version += 1
            self._removed[run_id] = self._version

    def _stat(self, path: str) -> FileStat | None:
        try:
            return self._files.stat(path)
        except OSError:
            return None


def sorted_runs(items: Iterable[IndexedRun], key: str, *, descending: bool) -> list[IndexedRun]:
    """Return the runs sorted by a field; those without a value come last either way, numbers before texts."""
    keyed = [(_sort_key(item.field(key)), item) for item in items]
    present = [(value, item) for value, item in keyed if value is not None]
    missing = [item for value, item in keyed if value is None]
    # The id makes the order total, so that pages of it fit together.
    present.sort(key=lambda pair: (pair[0], pair[1].run.id), reverse=descending)
    missing.sort(key=lambda item: item.run.id, reverse=descending)
    return [item for _, item in present] + missing


def in_project(run: Run, project: str) -> bool:
    """Tell whether a run is filed under a project or under one below it."""
    return run.project == project or run.project.startswith(project + "/")


def _sort_key(value: Any) -> tuple[int, float, str] | None:
    number = float(value) if isinstance(value, bool) else number_from_json(value)
    if number is not None:
        return None if math.isnan(number) else (0, number, "")
    if value is None:
        return None
    if isinstance(value, str):
        return (1, 0.0, value.lower())
    return (2, 0.0, str(value))
