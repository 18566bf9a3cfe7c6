"""The list of runs, kept in memory and renewed from what changed. Files are the truth; this can be thrown away.

What one call does is bounded, so that a root of a hundred thousand runs answers as a small one does: new folders are
found by their names, runs that live are looked at each time, all others in turn, and a first reading goes on from call
to call, the newest runs first.
"""

from __future__ import annotations

import contextlib
import gc
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from runicorn.errors import RunNotFoundError
from runicorn.model import Run, RunState
from runicorn.storage import layout, liveness, reader
from runicorn.storage.files import Files, FileStat, Growing
from runicorn.storage.index_cache import CachedRun, IndexCache
from runicorn.storage.indexed_run import IndexedRun
from runicorn.storage.liveness import Place, Pulse
from runicorn.storage.records import Record

_SMALL_FILES = (layout.RUN_FILE, layout.STATUS_FILE, layout.NOTES_FILE)
# A folder's mtime moves with every file that is replaced in it, so one stat per run usually tells that nothing changed.
# Its clock ticks every 4 ms or worse: only an mtime that lies this far back is believed to be the last one.
_SETTLED_SECS = 2.0
# What was edited in place does not move the folder's mtime, and is noticed this late, or up to twice as late: each run
# has a time of its own, so that ten thousand are not looked into at once. With many runs it takes longer: so much each.
_DEEP_EVERY_SECS = 10.0
_DEEP_SECS_PER_RUN = 0.002
# A call reads new folders for so long, and looks at known ones for so long; the next call goes on.
_READ_SECS = 0.7
_LOOK_SECS = 0.06
# On a slow file system, spend at most a fifth of the time looking for changes.
_SLOW_REFRESH_SECS = 0.1
_REST_FACTOR = 4
# Up to so many runs, all are looked at in each call, however long it takes: it costs one reading of their folder.
_FEW = 2000
_MANY = 5000
_AT_ONCE = 16
_CLOSE_SECS = 2.0
_SAVE_EVERY_SECS = 60.0


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the collector from walking through what is being built, over and over: a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class Progress(NamedTuple):
    """How many of the runs in a root were read so far."""

    done: int
    total: int


@dataclass
class _Cached:
    """What is remembered of a run's folder between two looks. unreadable: some file of it could not be read then."""

    folder: FileStat
    settled: bool = False
    unreadable: bool = False
    deep_look_at: float = float("-inf")
    stats: dict[str, FileStat | None] = field(default_factory=dict)
    script_summary: Mapping[str, Any] = field(default_factory=dict)
    base: Run | None = None
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
        cache: IndexCache | None = None,
    ) -> None:
        self._files = files
        self._now = now
        self._monotonic = monotonic
        self._place = place or liveness.here()
        self._cache = cache
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._cached: dict[str, _Cached] = {}
        self._items: dict[str, IndexedRun] = {}  # in the order of their versions
        self._unread: list[str] = []  # the next one last
        self._restless: set[str] = set()
        self._turn: list[str] = []
        self._folder: FileStat | None = None
        self._names_settled = False
        self._behind = False  # runs were still arriving at the last look
        self._removed: dict[str, int] = {}
        self._version = 0
        self._looked_at = float("-inf")
        self._look_secs = 0.0
        self._loaded = cache is None
        self._spared = 0
        self._saved_version = 0
        self._saved_at = monotonic()

    def runs(self, *, fresh: bool = False) -> list[IndexedRun]:
        """Return all runs, those in the bin too, in no order. fresh: look at the files however recent the last look.

        While a first reading is under way (see progress), those that were read so far.
        """
        self._renew(force=fresh)
        with self._lock:
            return list(self._items.values())

    def progress(self) -> Progress | None:
        """Return how far the first reading has come, or None where everything was read."""
        arriving = self._arriving()
        with self._lock:
            left = len(self._unread) + max(arriving, int(self._behind))
            return Progress(len(self._cached), len(self._cached) + left) if left else None

    def _arriving(self) -> int:
        return self._files.arriving() if isinstance(self._files, Growing) else 0

    def find(self, run_id: str) -> IndexedRun:
        """Return one run as its files are now. Raises RunNotFoundError."""
        reader.check_run_id(run_id)
        status = self._files.stat(layout.run_path(run_id))
        with self._lock:
            if status is not None and status.is_dir:
                self._load()
                self._look_at(status, deep=True)
                item = self._items.get(run_id)
                if item is not None:
                    return item
        raise RunNotFoundError(f"There is no run {run_id}.")

    @property
    def version(self) -> int:
        with self._lock:
            return self._version

    def version_at(self, moment: float) -> int:
        """Return the version after which every change since `moment` (unix seconds) lies, as far as files tell."""
        self._renew(force=False)
        with self._lock:
            recent = [
                self._items[run_id].version
                for run_id, cached in self._cached.items()
                if cached.folder.mtime_ns / 1e9 >= moment and run_id in self._items
            ]
            return min(recent, default=self._version + 1) - 1

    def changes(self, since: int) -> tuple[list[IndexedRun], list[str], int]:
        """Return the runs that changed after version `since`, the ids removed after it, and the version now."""
        self._renew(force=False)
        with self._lock:
            changed = []
            for item in reversed(self._items.values()):
                if item.version <= since:
                    break
                changed.append(item)
            removed = [run_id for run_id, version in self._removed.items() if version > since]
            return changed, removed, self._version

    def close(self) -> None:
        """Save the list for the next viewer, unless a call that hangs on a dead disk still holds it."""
        if self._lock.acquire(timeout=_CLOSE_SECS):
            try:
                if self._loaded and self._version != self._saved_version:
                    self._save()
            finally:
                self._lock.release()

    def _renew(self, *, force: bool) -> None:
        with self._lock:
            self._refresh(force=force)
        self._read_on()

    def _refresh(self, *, force: bool) -> None:
        """Look at the folders, unless that was only just done."""
        self._load()
        started = self._monotonic()
        hurries = bool(self._unread) or self._behind
        rest = self._look_secs * _REST_FACTOR if self._look_secs > _SLOW_REFRESH_SECS and not hurries else 0.0
        if not force and started - self._looked_at < rest:
            return
        arriving = self._arriving()
        if len(self._cached) + len(self._unread) <= _FEW:
            self._look_at_all()
        else:
            self._look_for_names()
            self._look_at_some(self._restless.copy(), deadline=None)
            self._look_at_some(self._next_turn(), deadline=self._monotonic() + _LOOK_SECS)
            if force:
                self._look_at_some(list(self._cached), deadline=None)
        # The first look at a folder may be what begins to find them.
        self._behind = max(arriving, self._arriving()) > 0
        self._looked_at = self._monotonic()
        self._look_secs = self._looked_at - started

    def _read_on(self) -> None:
        """Read runs that were not read yet, for a while. Others can ask for what is known in between."""
        deadline = self._monotonic() + _READ_SECS
        # One call reads; another one waits for it, and then goes on itself if there is more.
        if not self._reading.acquire(timeout=_READ_SECS):
            return
        try:
            while self._read_some():
                if self._monotonic() >= deadline and len(self._unread) > _FEW // 10:
                    return
                time.sleep(0)
        finally:
            self._reading.release()

    def _read_some(self) -> bool:
        """Read a few runs; return whether there are more."""
        with self._lock:
            for _ in range(min(_AT_ONCE, len(self._unread))):
                run_id = self._unread.pop()
                status = self._stat(layout.run_path(run_id))
                if status is not None and status.is_dir:
                    self._look_at(status, deep=True)
            if self._unread:
                return True
            self._settle_collector()
            due = self._saved_version == 0 or self._monotonic() - self._saved_at >= _SAVE_EVERY_SECS
            if due and self._version != self._saved_version:
                self._save()
            return False

    def _look_at_all(self) -> None:
        folders = [f for f in self._files.list(layout.RUNS) if f.is_dir and layout.is_run_id(f.name)]
        self._take_names({folder.name for folder in folders})
        for folder in folders:
            if folder.name in self._cached:
                self._look_at(folder, deep=False)

    def _look_for_names(self) -> None:
        """Find out which runs came and went, unless the folder says that none did."""
        status = self._files.stat(layout.RUNS)
        if status is not None and status == self._folder and self._names_settled:
            return
        self._folder = status
        self._names_settled = status is not None and self._now() - status.mtime_ns / 1e9 > _SETTLED_SECS
        self._take_names({name for name in self._files.names(layout.RUNS) if layout.is_run_id(name)})

    def _take_names(self, present: set[str]) -> None:
        for run_id in [run_id for run_id in self._cached if run_id not in present]:
            del self._cached[run_id]
            self._restless.discard(run_id)
            self._items.pop(run_id, None)
            self._version += 1
            self._removed[run_id] = self._version
        # Ids begin with the time: the newest ones are read first.
        self._unread = sorted(present.difference(self._cached))

    def _look_at_some(self, run_ids: Iterable[str], *, deadline: float | None) -> None:
        for count, run_id in enumerate(run_ids):
            status = self._stat(layout.run_path(run_id))
            if status is not None and status.is_dir and run_id in self._cached:
                self._look_at(status, deep=False)
            if deadline is not None and count % 64 == 63 and self._monotonic() >= deadline:
                return

    def _next_turn(self) -> Iterable[str]:
        """Yield the runs whose turn it is to be looked at; all of them come, one call after the other."""
        for _ in range(len(self._cached)):
            if not self._turn:
                self._turn = list(self._cached)
            yield self._turn.pop()

    def _look_at(self, folder: FileStat, *, deep: bool) -> None:
        cached = self._cached.get(folder.name)
        if cached is None:
            cached = self._cached[folder.name] = _Cached(folder)
        deep = deep or self._monotonic() >= cached.deep_look_at
        if deep or not cached.settled or cached.folder.mtime_ns != folder.mtime_ns:
            spread = zlib.crc32(folder.name.encode()) % 1000 / 1000
            every = max(_DEEP_EVERY_SECS, len(self._cached) * _DEEP_SECS_PER_RUN)
            cached.deep_look_at = self._monotonic() + every * (1 + spread)
            cached.settled = self._now() - folder.mtime_ns / 1e9 > _SETTLED_SECS
            cached.folder = folder
            self._read(folder.name, cached)
        self._publish(folder.name, cached)

    def _read(self, run_id: str, cached: _Cached) -> None:
        stats: dict[str, FileStat | None] = {}
        cached.unreadable = False
        for name in _SMALL_FILES:
            try:
                stats[name] = self._files.stat(layout.run_path(run_id, name))
            except OSError:
                stats[name], cached.unreadable = None, True
        if cached.base is not None and stats == cached.stats:
            return
        # All of them are read again: to keep ten thousand run.json in memory would take 150 MB.
        info, status, notes = (self._object(run_id, name, stats, cached) for name in _SMALL_FILES)
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

    def _object(
        self, run_id: str, name: str, stats: dict[str, FileStat | None], cached: _Cached
    ) -> Mapping[str, Any] | None:
        """Return what a small file holds; one that cannot be read for a moment is looked at again the next time."""
        if stats[name] is None:
            return None
        try:
            return reader.load_object(self._files, layout.run_path(run_id, name))
        except OSError:
            stats[name], cached.unreadable = None, True
            return None

    def _publish(self, run_id: str, cached: _Cached) -> None:
        """Put the run into the list as a new version if it differs from what stands there."""
        run = cached.base
        if run is None:
            return
        alive = run.state is RunState.RUNNING and self._is_alive(run, cached)
        if alive or not cached.settled:
            self._restless.add(run_id)
        else:
            self._restless.discard(run_id)
        if cached.published_base is run and cached.published_alive is alive:
            return
        cached.published_base, cached.published_alive = run, alive
        if run.state is RunState.RUNNING and not alive:
            # Of other tools' runs nobody can tell whether they were killed: they have no end mark.
            run = replace(run, state=RunState.FINISHED if run.origin.recorded_by else RunState.KILLED)
        if run.state is RunState.KILLED:
            run = self._with_last_points(run, cached)
        known = self._items.get(run_id)
        if known is None or known.run != run:
            self._version += 1
            self._items.pop(run_id, None)
            self._items[run_id] = IndexedRun(run, self._version, self._now)
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

    def _load(self) -> None:
        """Begin with what an earlier viewer saved. Its runs are looked at before anything is said of them."""
        if self._loaded:
            return
        self._loaded = True
        assert self._cache is not None
        with _collector_paused():
            self._load_saved(self._cache)

    def _load_saved(self, cache: IndexCache) -> None:
        saved = {known.folder.name: known for known in cache.load()}
        if not saved:
            return
        for folder in self._files.list(layout.RUNS):
            known = saved.get(folder.name)
            if known is None or known.folder != folder or known.base.id != folder.name:
                continue  # read anew, with the others that are not known
            cached = self._cached[folder.name] = _Cached(folder, base=known.base, stats=known.stats)
            cached.script_summary = known.script_summary
            cached.settled = self._now() - folder.mtime_ns / 1e9 > _SETTLED_SECS
            cached.heartbeat_seen_at = self._monotonic()
            spread = zlib.crc32(folder.name.encode()) % 1000 / 1000
            every = max(_DEEP_EVERY_SECS, len(saved) * _DEEP_SECS_PER_RUN)
            cached.deep_look_at = self._monotonic() + every * (1 + spread)
            self._publish(folder.name, cached)
        self._saved_version = self._version

    def _save(self) -> None:
        self._saved_version, self._saved_at = self._version, self._monotonic()
        if self._cache is not None and len(self._cached) >= self._cache.worth_from:
            self._cache.save(
                [
                    CachedRun(cached.folder, cached.stats, cached.base, cached.script_summary)
                    for cached in self._cached.values()
                    if cached.base is not None and cached.settled and not cached.unreadable
                ]
            )

    def _settle_collector(self) -> None:
        """Spare the collector what stays: with a hundred thousand runs, it would halve the speed of everything."""
        if len(self._items) > _MANY and len(self._items) > 2 * self._spared:
            self._spared = len(self._items)
            gc.freeze()

    def _stat(self, path: str) -> FileStat | None:
        try:
            return self._files.stat(path)
        except OSError:
            return None
