"""What is known of the runs of a root: taken in from looks at their folders, told by version. Touches no files."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from runicorn.model import Run, RunState
from runicorn.storage import layout, liveness, reader
from runicorn.storage.files import FileStat
from runicorn.storage.index_cache import CachedRun
from runicorn.storage.indexed_run import IndexedRun
from runicorn.storage.liveness import Place, Pulse
from runicorn.storage.records import Record
from runicorn.storage.run_scan import Seen, Wanted

# A folder's mtime moves with every file that is replaced in it, so one stat per run usually tells that nothing changed.
# Its clock ticks every 4 ms or worse: only an mtime that lies this far back is believed to be the last one.
_SETTLED_SECS = 2.0
# What was edited in place does not move the folder's mtime, and is noticed this late, or up to twice as late: each run
# has a time of its own, so that ten thousand are not looked into at once. With many runs it takes longer: so much each.
_DEEP_EVERY_SECS = 10.0
_DEEP_SECS_PER_RUN, _DEEP_SECS_PER_METERED_RUN = 0.002, 0.05
# What could not be read is looked at again this late.
_AGAIN_SECS = 1.0
# Configurations of more than 64 KiB are kept up to so much of them in all, by the size of their run.json.
_LARGE_BYTES = 64 * 2**10
_LARGE_BUDGET_BYTES = 4 * 2**20


@dataclass
class _Known:
    """What is remembered of a run's folder between two looks.

    looked: the number of the look that this is of. good: the run as it was last read whole; base: as it is shown.
    """

    folder: FileStat
    looked: int = 0
    settled: bool = False
    unreadable: bool = False
    deep_look_at: float = float("-inf")
    stats: dict[str, FileStat | None] | None = None
    script_summary: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    large_bytes: int = 0
    good: Run | None = None
    base: Run | None = None
    published_base: Run | None = None
    published_alive: bool = False
    heartbeat_seen_at: float = 0.0
    heartbeat_changed: bool = False
    last_points: dict[str, Record] | None = None


class _Removal(NamedTuple):
    """That a run was found to be gone, and when, in unix seconds."""

    version: int
    at: float


class RunTable:
    """All runs of a root by id. For one caller at a time; nothing here waits."""

    def __init__(self, now: Callable[[], float], monotonic: Callable[[], float], place: Place) -> None:
        self._now = now
        self._monotonic = monotonic
        self._place = place
        self._known: dict[str, _Known] = {}
        self._items: dict[str, IndexedRun] = {}  # in the order of their versions
        self._removed: dict[str, _Removal] = {}
        self._recalled: set[str] = set()  # those of the items that nobody has looked at yet
        self._large_bytes = 0
        self.restless: set[str] = set()
        self.is_metered = False  # see Files
        self.version = 0

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    @property
    def items(self) -> list[IndexedRun]:
        return list(self._items.values())

    def item(self, run_id: str) -> IndexedRun | None:
        return self._items.get(run_id)

    def changes(self, since: int) -> tuple[list[IndexedRun], list[str]]:
        """Return the runs that changed after version `since`, and the ids removed after it."""
        changed = []
        for item in reversed(self._items.values()):
            if item.version <= since:
                break
            changed.append(item)
        return changed, [run_id for run_id, removal in self._removed.items() if removal.version > since]

    def version_at(self, moment: float) -> int:
        """Return the version after which every change since `moment` (unix seconds) lies, as far as files tell."""
        recent = [
            self._items[run_id].version
            for run_id, known in self._known.items()
            if known.folder.mtime_ns / 1e9 >= moment and run_id in self._items
        ]
        recent += [removal.version for removal in self._removed.values() if removal.at >= moment]
        return min(recent, default=self.version + 1) - 1

    def wanted(self, run_id: str, folder: FileStat | None = None) -> Wanted:
        """Return what to ask of a run, whose folder may have been looked at just now."""
        known = self._known.get(run_id)
        return Wanted(run_id, folder, None if known is None else known.stats or {})

    def due(self, folders: Iterable[FileStat]) -> list[Wanted]:
        """Return which of the known runs have to be looked into, now that their folders are like this."""
        moment = self._monotonic()
        return [self.wanted(folder.name, folder) for folder in folders if self._is_due(folder, moment)]

    def _is_due(self, folder: FileStat, moment: float) -> bool:
        known = self._known[folder.name]
        if moment >= known.deep_look_at or known.folder.mtime_ns != folder.mtime_ns:
            return True
        return not known.settled and not known.unreadable

    def keep(self, present: set[str]) -> list[str]:
        """Forget the runs that are not there any more; return those that are not known, the next one to read last."""
        for run_id in [run_id for run_id in self._known if run_id not in present]:
            self._large_bytes -= self._known.pop(run_id).large_bytes
            self.restless.discard(run_id)
            self._remove(run_id)
        for run_id in self._recalled - present:
            self._remove(run_id)
        self._recalled &= present
        # Ids begin with the time: the newest ones are read first.
        return sorted(present.difference(self._known))

    def take(self, run_id: str, seen: Seen, looked: int) -> None:
        """Take in what one look found. looked: its number; one that began before the last one taken in has no say."""
        known = self._known.get(run_id)
        if seen.folder is None or not seen.folder.is_dir or (known is not None and looked < known.looked):
            return
        if known is None:
            known = self._known[run_id] = _Known(seen.folder)
        known.looked, known.unreadable = looked, bool(seen.unreadable)
        if not seen.guessed:
            known.folder, known.settled = seen.folder, self._is_settled(seen.folder)
            known.deep_look_at = self._next_deep_look(run_id, known)
        if seen.contents is None and not seen.unreadable:
            known.base = known.good
            return
        self._read(run_id, known, seen)

    def may_stand_otherwise(self, run_ids: Iterable[str]) -> list[str]:
        """Return those of the runs that may stand otherwise than the list says; most ended long ago, and do not."""
        return [
            run_id
            for run_id in run_ids
            if run_id in self.restless
            or (known := self._known.get(run_id)) is None
            or known.published_base is not known.base
            or known.unreadable
        ]

    def dead_without_points(self, run_ids: Iterable[str]) -> list[str]:
        """Return those of the runs that died, and of which nobody has looked what they logged last."""
        return [
            run_id
            for run_id in run_ids
            if (known := self._known.get(run_id)) is not None
            and known.last_points is None
            and known.base is not None
            and self._state(known.base, known) is RunState.KILLED
        ]

    def take_last_points(self, run_id: str, points: dict[str, Record] | OSError) -> None:
        """Take in what a run logged last; an error is tried again soon."""
        known = self._known.get(run_id)
        if known is None:
            return
        known.published_base = None
        if isinstance(points, OSError):
            known.unreadable = True
            known.deep_look_at = self._next_deep_look(run_id, known)
        else:
            known.last_points = points

    def publish(self, run_id: str) -> None:
        """Put the run into the list as a new version if it differs from what stands there."""
        known = self._known.get(run_id)
        if known is None or known.base is None:
            return
        run = known.base
        state = self._state(run, known)
        if state is RunState.RUNNING or not known.settled or known.unreadable:
            self.restless.add(run_id)
        else:
            self.restless.discard(run_id)
        alive = state is RunState.RUNNING
        if known.published_base is run and known.published_alive is alive and not known.unreadable:
            return
        known.published_base, known.published_alive = run, alive
        self._recalled.discard(run_id)
        if run.state is not state:
            run = replace(run, state=state)
        if state is RunState.KILLED:
            run = _with_last_points(run, known, self._now())
        before = self._items.get(run_id)
        if before is None or before.run != run:
            self.version += 1
            self._items.pop(run_id, None)
            self._items[run_id] = IndexedRun(run, self.version, self._now)
            self._removed.pop(run_id, None)

    def recall(self, saved: Iterable[CachedRun]) -> None:
        """Show runs as they stood for an earlier viewer, until somebody can look at them."""
        for each in saved:
            run_id = each.base.id
            if each.folder.name == run_id and run_id not in self._items:
                self.version += 1
                run = replace(each.base, state=each.shown_as)
                self._items[run_id] = IndexedRun(run, self.version, self._now)
                self._recalled.add(run_id)

    def restore(self, folder: FileStat, saved: CachedRun, count: int) -> None:
        """Begin with what an earlier viewer knew of a run whose folder is as it was then. count: of all of these."""
        known = self._known[folder.name] = _Known(folder, stats=saved.stats, good=saved.base, base=saved.base)
        known.script_summary = saved.script_summary
        known.left_out = saved.left_out
        known.settled = self._is_settled(folder)
        known.heartbeat_seen_at = self._monotonic()
        known.deep_look_at = self._next_deep_look(folder.name, known, count)

    def to_save(self) -> list[CachedRun]:
        """Return what the next viewer may begin with: nothing that could not be read."""
        return [
            CachedRun(
                known.folder,
                known.stats,
                known.good,
                known.script_summary,
                known.left_out,
                item.run.state if (item := self._items.get(run_id)) is not None else known.good.state,
                known.settled,
            )
            for run_id, known in self._known.items()
            if known.good is not None and known.stats is not None and not known.unreadable
        ]

    def _remove(self, run_id: str) -> None:
        """Take a run that is gone off the list."""
        self._items.pop(run_id, None)
        self.version += 1
        self._removed[run_id] = _Removal(self.version, self._now())

    def _read(self, run_id: str, known: _Known, seen: Seen) -> None:
        problem = _problem(seen)
        if seen.unreadable and known.good is not None:
            # What was read before holds; the files are read again as soon as they can be.
            known.base = replace(known.good, error=problem)
            return
        contents = seen.contents or {}
        info, status, notes = (contents.get(name) for name in (layout.RUN_FILE, layout.STATUS_FILE, layout.NOTES_FILE))
        state_known = layout.STATUS_FILE not in (*seen.unreadable, *seen.too_large)
        changed_at = known.folder.mtime_ns / 1e9
        run = reader.build_run(run_id, reader.SmallFiles(info, status, notes, changed_at, problem, state_known))
        before, known.base = known.base, self._within_budget(run, known, seen)
        known.script_summary, known.left_out = reader.script_summary(status), reader.left_out(info)
        if not seen.unreadable:
            known.good, known.stats = known.base, seen.stats
        if before is None or known.base.heartbeat_at != before.heartbeat_at:
            known.heartbeat_seen_at = self._monotonic()
            known.heartbeat_changed = before is not None
            known.last_points = None

    def _within_budget(self, run: Run, known: _Known, seen: Seen) -> Run:
        """Return the run without its configuration, if large ones take too much memory together."""
        status = seen.stats.get(layout.RUN_FILE)
        size = 0 if status is None or status.size_bytes <= _LARGE_BYTES or not run.config else status.size_bytes
        self._large_bytes += size - known.large_bytes
        known.large_bytes = size
        if self._large_bytes <= _LARGE_BUDGET_BYTES or not size:
            return run
        self._large_bytes -= size
        known.large_bytes = 0
        return replace(run, config={}, error=run.error or "Its configuration is too large for the list of runs.")

    def _state(self, run: Run, known: _Known) -> RunState:
        if run.state is not RunState.RUNNING or self._is_alive(run, known):
            return run.state
        # Of most other tools' runs nobody can tell whether they were killed: they have no end mark.
        return RunState.KILLED if liveness.tells_its_end(run.origin) else RunState.FINISHED

    def _is_alive(self, run: Run, known: _Known) -> bool:
        age = None if run.heartbeat_at is None else self._now() - run.heartbeat_at
        unchanged = self._monotonic() - known.heartbeat_seen_at
        return liveness.is_alive(run.origin, Pulse(age, unchanged, known.heartbeat_changed), self._place)

    def _is_settled(self, folder: FileStat) -> bool:
        return self._now() - folder.mtime_ns / 1e9 > _SETTLED_SECS

    def _next_deep_look(self, run_id: str, known: _Known, count: int = 0) -> float:
        if known.unreadable:
            return self._monotonic() + _AGAIN_SECS
        spread = zlib.crc32(run_id.encode()) % 1000 / 1000
        a_run = _DEEP_SECS_PER_METERED_RUN if self.is_metered else _DEEP_SECS_PER_RUN
        every = max(_DEEP_EVERY_SECS, max(count, len(self._known)) * a_run)
        return self._monotonic() + every * (1 + spread)


def _with_last_points(run: Run, known: _Known, now: float) -> Run:
    """Return the run with what it logged after its last status.json, which may lie 5 s before its death."""
    points = known.last_points
    if not points:
        return run
    # A time that cannot be is garbage on the disk, not a sign of life.
    times = [point.time for point in points.values() if run.created_at <= point.time <= now]
    last = {name: point.value for name, point in points.items() if not reader.is_left_out(name, known.left_out)}
    return replace(
        run,
        summary={**run.summary, **last, **known.script_summary},
        stats=run.stats.with_last({name: point.value for name, point in points.items()}),
        step=max(point.step for point in points.values()),
        heartbeat_at=max([run.heartbeat_at or run.created_at, *times]),
    )


def _problem(seen: Seen) -> str | None:
    for name, why in seen.unreadable.items():
        return f"{name} cannot be read right now: {why}."
    for name in seen.too_large:
        return f"{name} is not read: {reader.TOO_LARGE}."
    return None
