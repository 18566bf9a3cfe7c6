"""Reading a storage root, or a folder of logs of other tools, from Python: what rn.open_root() returns."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path, PurePath
from types import TracebackType
from typing import Any, Protocol, TypeVar

from runicorn.errors import (
    AmbiguousRunError,
    FileNotInRunError,
    MetricNotFoundError,
    RunNotFoundError,
    StorageError,
    UsageError,
)
from runicorn.exchange import frames
from runicorn.exchange.run_events import read_events
from runicorn.exchange.series import Series
from runicorn.model import MetricStats, Run, RunState
from runicorn.progress_line import ProgressLine, Unit
from runicorn.storage import layout, reader
from runicorn.storage.files import Files, walk
from runicorn.storage.index import Progress, RunIndex
from runicorn.storage.index_cache import IndexCache
from runicorn.storage.indexed_run import IndexedRun, in_project, shown_as_of, sorted_runs
from runicorn.storage.mirroring import overlay
from runicorn.storage.mirroring.overlay import OverlayFiles
from runicorn.storage.points import PointStore, RunStats
from runicorn.storage.query import parse_query
from runicorn.storage.query_times import local_moment

WAIT_SECS = 60.0
RUNS = Unit("runs")
_MAX_FILES = 100_000
_MORE_SECS = 0.02
_SETTLE_SECS = 1.0

T = TypeVar("T")


class Way(Protocol):
    """What leads to files that lie elsewhere."""

    @property
    def alive(self) -> bool:
        """Whether it is not known to have broken."""

    def ensure(self) -> None:
        """Have it lead there: make it again where it broke. Raises RunicornError."""

    def read(self, work: Callable[[], T]) -> T:
        """Return what `work` makes of the files; once more where the way broke meanwhile. Raises RunicornError."""

    def close(self) -> None:
        """End it on both sides. May be called twice."""

    def end_soon(self) -> None:
        """End it when nobody has closed it: from any thread, also as the program ends."""


# Makes what shows how far something is that takes a while: of what, and what is counted.
LineMaker = Callable[[str, Unit], ProgressLine]


def silent_line(what: str, unit: Unit) -> ProgressLine:
    """Return a line that is never shown."""
    return ProgressLine(what, unit=unit, silent=True)


class Root:
    """All runs of a storage root. Each call looks at the files as they are now.

    path: the folder, as an absolute path on its machine. files: how it is read, logs of other tools as runs. way: what
    leads there, None for this machine; it ends with this. host: what a person calls the machine, "" for this one.
    now: unix seconds by the clock there. cache: where the list is kept. line: makes what shows how far a reading is.
    wait_secs: for so long at most, logs of other tools are waited for.
    """

    def __init__(
        self,
        path: PurePath,
        files: OverlayFiles,
        *,
        way: Way | None = None,
        host: str = "",
        now: Callable[[], float] = time.time,
        cache: IndexCache | None = None,
        line: LineMaker = silent_line,
        wait_secs: float = WAIT_SECS,
    ) -> None:
        self.path = path
        self.files = files
        self.host = host
        self._way = way
        self.line = line
        self._end = weakref.finalize(self, _end_soon, files, way)
        self._index = RunIndex(files, now=now, cache=cache)
        self._points = PointStore(files)
        self._settle(wait_secs)

    def __enter__(self) -> Root:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Root({self.place!r})"

    @property
    def place(self) -> str:
        """The folder with its machine, where that is another one: `gpu-7:/home/me/data`."""
        return f"{self.host}:{self.path}" if self.host else str(self.path)

    def close(self) -> None:
        """Stop to follow logs of other tools, and end the connection if there is one. Of a folder on this machine,
        what was read stays usable.
        """
        self._end.detach()
        self._index.close()
        self.files.close()
        if self._way is not None:
            self._way.close()

    def ensure(self) -> None:
        """Have the root answer: connect again where the link broke. Raises RunicornError."""
        if self._way is not None:
            self._way.ensure()

    def runs(
        self,
        query: str = "",
        *,
        project: str | None = None,
        state: str | None = None,
        archived: bool | None = None,
        deleted: bool = False,
    ) -> list[StoredRun]:
        """Return the runs that fit all of these, the newest first.

        query: as in the page, such as `config.lr < 0.01 tag:good`. project: this one and those below it. state: one
        or more by commas. archived: only such, or only others; both for None. deleted: the bin instead.
        Raises InvalidQueryError, UsageError, StorageError where the runs cannot be listed, RemoteError.
        """
        states = _states(state)
        matches = parse_query(query, local_moment()) if query.strip() else None
        wanted = project.strip("/") if project else None
        chosen = [
            item
            for item in self._read(self._items)
            if (item.run.deleted_at is not None) == deleted
            and (archived is None or item.run.archived == archived)
            and (wanted is None or in_project(item.run, wanted))
            and (not states or item.run.state in states)
            and (matches is None or matches(item))
        ]
        return [StoredRun(item, self) for item in sorted_runs(chosen, "created_at", descending=True)]

    def run(self, id_or_name: str) -> StoredRun:
        """Return the run with this id, else the one with this name. Raises RunNotFoundError, AmbiguousRunError."""
        if layout.is_run_id(id_or_name):
            try:
                return StoredRun(self._shown(self._read(lambda: self._index.find(id_or_name))), self)
            except RunNotFoundError:
                pass
        return one_named(id_or_name, [StoredRun(item, self) for item in self._read(self._items)])

    def to_pandas(self, query: str = "", **filters: Any) -> Any:
        """Return a pandas DataFrame with a row for each run that runs() returns, and one column for each field,
        `config.KEY` and `summary.KEY`; times are UTC. Raises PackageMissingError.
        """
        return frames.pandas_frame(self._table(query, filters), times=frames.TIMES)

    def to_polars(self, query: str = "", **filters: Any) -> Any:
        """Return what to_pandas() does as a polars DataFrame. Raises PackageMissingError."""
        return frames.polars_frame(self._table(query, filters), times=frames.TIMES)

    def progress(self) -> Progress | None:
        """Return how far a first reading has come; None where everything was read."""
        return self._index.progress()

    def root_id(self) -> str | None:
        """Return what tells this root from all others wherever it is seen from; None where it says nothing."""
        return self._read(lambda: reader.root_id(self.files))

    def _read(self, work: Callable[[], T]) -> T:
        return work() if self._way is None else self._way.read(work)

    def _settle(self, wait_secs: float) -> None:
        """Wait for the logs of other tools that are there now."""
        deadline = time.monotonic() + wait_secs
        with self.line("looking for logs of other tools", RUNS) as line:
            while (left := deadline - time.monotonic()) > 0 and (self._way is None or self._way.alive):
                if self.files.mirror.settle(min(left, _SETTLE_SECS)):
                    return
                line.update(len(self.files.mirror.runs(waits=False)))

    def _items(self) -> list[IndexedRun]:
        """Return all runs; of a big root, the index reads a part at a time. Raises StorageError."""
        with self.line(f"reading {self.host or self.path.name}", RUNS) as line:
            items = self._index.runs(fresh=True)
            while (standing := self._index.progress()) is not None and self._index.problem is None:
                line.total = standing.total
                line.update(standing.done)
                time.sleep(_MORE_SECS)  # those that are taken in by a thread of their own
                items = self._index.runs(fresh=True)
        if self._index.problem is not None:  # not all of them are known, and a part is not to be taken for all
            raise StorageError(self._index.problem)
        return [self._shown(item) for item in items]

    def _shown(self, item: IndexedRun) -> IndexedRun:
        return shown_as_of(item, self.host) if self.host else item

    def _table(self, query: str, filters: Mapping[str, Any]) -> dict[str, list[Any]]:
        return frames.run_columns([run.item for run in self.runs(query, **filters)])


def folder_root(path: Path, cache: Path, *, wait_secs: float = WAIT_SECS) -> Root:
    """Return the root in a folder of this machine. cache: the folder for what is derived."""
    return Root(path, overlay.open_folder(path, cache), wait_secs=wait_secs)


def one_named(name: str, runs: Iterable[StoredRun]) -> StoredRun:
    """Return the one that is called so; those in the bin only where there is no other.

    Raises RunNotFoundError, AmbiguousRunError.
    """
    named = [run for run in runs if run.name == name]
    present = [run for run in named if not run.deleted] or named
    if not present:
        raise RunNotFoundError(f"There is no run {name[:200]!r}.")
    if len(present) > 1:
        ids = ", ".join(sorted(run.id for run in present)[:5])
        raise AmbiguousRunError(f"{len(present)} runs are called {name[:200]!r}: {ids}.")
    return present[0]


def _end_soon(files: OverlayFiles, way: Way | None) -> None:
    files.mirror.end_soon()
    if way is not None:
        way.end_soon()


class StoredRun:
    """A run as its small files were when it was asked for; points, events, files and console as they are now.

    Times are unix seconds (UTC). item: as the index knows it.
    """

    def __init__(self, item: IndexedRun, root: Root) -> None:
        self.item = item
        self._root = root
        self._files: Files = root.files
        self._points = root._points

    def __repr__(self) -> str:
        return f"<run {self.name!r} ({self.id}), {self.project}, {self.state}>"

    @property
    def _run(self) -> Run:
        return self.item.run

    @property
    def id(self) -> str:
        return self._run.id

    @property
    def host(self) -> str:
        """What a person calls the machine that the run is read on; for this one, the name that it gave itself."""
        return str(self.item.field("host") or "")

    @property
    def root(self) -> Root:
        """The root that it is in."""
        return self._root

    @property
    def name(self) -> str:
        return self._run.name

    @property
    def project(self) -> str:
        return self._run.project

    @property
    def state(self) -> str:
        """One of the states that the page shows, such as running, finished, failed, killed."""
        return self._run.state.value

    @property
    def config(self) -> dict[str, Any]:
        return dict(self._run.config)

    @property
    def summary(self) -> dict[str, Any]:
        """Return what the script set, over each metric's last value."""
        return dict(self._run.summary)

    @property
    def config_keys(self) -> tuple[str, ...]:
        """The dotted paths of its configuration."""
        return self.item.config_keys

    @property
    def summary_keys(self) -> tuple[str, ...]:
        """The dotted paths of its summary."""
        return self.item.summary_keys

    @property
    def tags(self) -> tuple[str, ...]:
        return self._run.tags

    @property
    def note(self) -> str:
        return self._run.note

    @property
    def created_at(self) -> float:
        return self._run.created_at

    @property
    def finished_at(self) -> float | None:
        return self._run.finished_at

    @property
    def step(self) -> int | None:
        """The last step."""
        return self._run.step

    @property
    def deleted(self) -> bool:
        """Whether it is in the bin."""
        return self._run.deleted_at is not None

    def value(self, field: str) -> Any:
        """Return a field by the name that queries and sorting use, such as `config.lr` or `min.loss`; else None."""
        return self.item.field(field)

    @cached_property
    def metrics(self) -> Mapping[str, MetricStats]:
        """Count, last, min, max, last step and time of each metric, counted from the points themselves."""
        stats: RunStats = self._root._read(lambda: self._points.stats(self.id))
        return stats.metrics

    def series(self, metric: str) -> Series:
        """Return all points of a metric. Raises MetricNotFoundError."""
        columns = self._root._read(lambda: self._points.read(self.id, [metric])).columns.get(metric)
        if columns is None:
            raise MetricNotFoundError(
                f"The run {self.id} has no metric {metric[:200]!r}.",
                hint=f"It has: {', '.join(sorted(self.metrics))[:500] or 'none'}.",
            )
        return Series(metric, columns.step.copy(), columns.time.copy(), columns.value.copy())

    def to_pandas(self, metrics: Iterable[str] | None = None, *, wide: bool = False) -> Any:
        """Return the points as a pandas DataFrame: columns metric, step, time, value, one row for each point.

        metrics: only these. wide: one row for each step and one column for each metric instead, with the last value
        where a step repeats. Raises MetricNotFoundError, PackageMissingError.
        """
        return frames.points_to_pandas(self._chosen(metrics), wide=wide)

    def to_polars(self, metrics: Iterable[str] | None = None, *, wide: bool = False) -> Any:
        """Return what to_pandas() does as a polars DataFrame. Raises MetricNotFoundError, PackageMissingError."""
        return frames.points_to_polars(self._chosen(metrics), wide=wide)

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Return what was logged besides numbers by all processes of the run, in the order of their times.

        kind: only of one `type`, such as "text" or "image".
        """
        found = self._root._read(lambda: read_events(self._files, self.id))
        return [event for event in found if kind is None or event.get("type") == kind]

    def console(self) -> str:
        """Return what the program printed, escape codes included."""
        path = layout.run_path(self.id, layout.CONSOLE_FILE)

        def look() -> bytes:
            return b"" if self._files.stat(path) is None else self._files.read(path)

        return self._root._read(look).decode("utf-8", "replace")

    def files(self) -> list[str]:
        """Return the run's files by their paths below its folder, those in media/ included."""
        found = self._root._read(lambda: walk(self._files, layout.run_path(self.id), limit=_MAX_FILES))
        return [path for path, _ in found]

    def read_file(self, path: str) -> bytes:
        """Return what is in a file of the run. Raises FileNotInRunError."""
        if path in self.files():
            try:
                return self._root._read(lambda: self._files.read(layout.run_path(self.id, path)))
            except FileNotFoundError:
                pass
        raise FileNotInRunError(f"The run {self.id} has no file {path[:500]!r}.")

    def _chosen(self, metrics: Iterable[str] | None) -> list[Series]:
        names = sorted(self.metrics) if metrics is None else [metrics] if isinstance(metrics, str) else list(metrics)
        return [self.series(name) for name in names]


def _states(state: str | None) -> set[RunState]:
    found = set()
    for name in (state or "").split(","):
        if name.strip():
            parsed = RunState.parse(name.strip())
            if parsed is None:
                raise UsageError(
                    f"{name.strip()[:100]!r} is no state.", hint=f"Use {', '.join(s.value for s in RunState)}."
                )
            found.add(parsed)
    return found
