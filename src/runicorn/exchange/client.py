"""Reading a storage root, or a folder of TensorBoard logs, from Python: rn.open_root()."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import platformdirs

from runicorn import settings
from runicorn.errors import (
    AmbiguousRunError,
    FileNotInRunError,
    MetricNotFoundError,
    RootNotUsableError,
    RunNotFoundError,
    StorageError,
    UsageError,
)
from runicorn.exchange import frames
from runicorn.exchange.run_events import read_events
from runicorn.exchange.series import Series
from runicorn.model import MetricStats, Run, RunState
from runicorn.storage import layout
from runicorn.storage.files import Files, walk
from runicorn.storage.index import RunIndex
from runicorn.storage.indexed_run import IndexedRun, in_project, sorted_runs
from runicorn.storage.mirroring import overlay
from runicorn.storage.points import PointStore, RunStats
from runicorn.storage.query import parse_query
from runicorn.storage.query_times import local_moment

WAIT_SECS = 60.0
_MAX_FILES = 100_000
_MORE_SECS = 0.02


def open_root(path: str | os.PathLike[str] | None = None, *, wait_secs: float = WAIT_SECS) -> Root:
    """Return the runs below `path`; else below RUNICORN_ROOT or the root in the config file, else ~/runicorn_data.

    Reads only. TensorBoard's event files below it are runs as well; what is there of them is waited for up to
    `wait_secs`. Close it, or use it in a `with`, to end what follows them. Raises RootNotUsableError.
    """
    chosen = settings.resolve(
        flags={"root": None if path is None else os.fspath(path)},
        environ=os.environ,
        default_home=Path(platformdirs.user_config_dir("runicorn", appauthor=False, roaming=True)),
        user_home=Path.home(),
        default_cache=Path(platformdirs.user_cache_dir("runicorn", appauthor=False)),
    )
    if not chosen.root.is_dir():
        raise RootNotUsableError(f"There is no folder {chosen.root}.")
    return Root(chosen.root, chosen.cache_folder, wait_secs=wait_secs)


class Root:
    """All runs of a storage root. Each call looks at the files as they are now.

    path: the folder. files: how it is read, TensorBoard's event files as runs.
    """

    def __init__(self, path: Path, cache: Path, *, wait_secs: float = WAIT_SECS) -> None:
        self.path = path
        self.files = overlay.open_folder(path, cache)
        self._end = weakref.finalize(self, self.files.mirror.end_soon)
        self._index = RunIndex(self.files)
        self._points = PointStore(self.files)
        self.files.mirror.settle(wait_secs)

    def __enter__(self) -> Root:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Root({str(self.path)!r})"

    def close(self) -> None:
        """Stop to follow TensorBoard's event files; what was read stays usable."""
        self._end.detach()
        self._index.close()
        self.files.close()

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
        Raises InvalidQueryError, UsageError, StorageError where the runs cannot be listed.
        """
        states = _states(state)
        matches = parse_query(query, local_moment()) if query.strip() else None
        wanted = project.strip("/") if project else None
        chosen = [
            item
            for item in self._items()
            if (item.run.deleted_at is not None) == deleted
            and (archived is None or item.run.archived == archived)
            and (wanted is None or in_project(item.run, wanted))
            and (not states or item.run.state in states)
            and (matches is None or matches(item))
        ]
        return [self._stored(item) for item in sorted_runs(chosen, "created_at", descending=True)]

    def run(self, id_or_name: str) -> StoredRun:
        """Return the run with this id, else the one with this name. Raises RunNotFoundError, AmbiguousRunError."""
        if layout.is_run_id(id_or_name):
            try:
                return self._stored(self._index.find(id_or_name))
            except RunNotFoundError:
                pass
        named = [item for item in self._items() if item.run.name == id_or_name]
        present = [item for item in named if item.run.deleted_at is None] or named
        if not present:
            raise RunNotFoundError(f"There is no run {id_or_name[:200]!r}.")
        if len(present) > 1:
            ids = ", ".join(sorted(item.run.id for item in present)[:5])
            raise AmbiguousRunError(f"{len(present)} runs are called {id_or_name[:200]!r}: {ids}.")
        return self._stored(present[0])

    def to_pandas(self, query: str = "", **filters: Any) -> Any:
        """Return a pandas DataFrame with a row for each run that runs() returns, and one column for each field,
        `config.KEY` and `summary.KEY`; times are UTC. Raises PackageMissingError.
        """
        return frames.pandas_frame(self._table(query, filters), times=("created_at", "finished_at"))

    def to_polars(self, query: str = "", **filters: Any) -> Any:
        """Return what to_pandas() does as a polars DataFrame. Raises PackageMissingError."""
        return frames.polars_frame(self._table(query, filters), times=("created_at", "finished_at"))

    def _items(self) -> list[IndexedRun]:
        """Return all runs; of a big root, the index reads a part at a time. Raises StorageError."""
        items = self._index.runs(fresh=True)
        while self._index.progress() is not None:
            time.sleep(_MORE_SECS)  # those that are taken in by a thread of their own
            items = self._index.runs(fresh=True)
        if self._index.problem is not None:  # not all of them are known, and a part is not to be taken for all
            raise StorageError(self._index.problem)
        return items

    def _stored(self, item: IndexedRun) -> StoredRun:
        return StoredRun(item, self.files, self._points)

    def _table(self, query: str, filters: Mapping[str, Any]) -> dict[str, list[Any]]:
        return frames.run_columns([run._item for run in self.runs(query, **filters)])


class StoredRun:
    """A run as its small files were when it was asked for; points, events, files and console as they are now.

    Times are unix seconds (UTC).
    """

    def __init__(self, item: IndexedRun, files: Files, points: PointStore) -> None:
        self._item = item
        self._files = files
        self._points = points

    def __repr__(self) -> str:
        return f"<run {self.name!r} ({self.id}), {self.project}, {self.state}>"

    @property
    def _run(self) -> Run:
        return self._item.run

    @property
    def id(self) -> str:
        return self._run.id

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

    @cached_property
    def metrics(self) -> Mapping[str, MetricStats]:
        """Count, last, min, max, last step and time of each metric, counted from the points themselves."""
        stats: RunStats = self._points.stats(self.id)
        return stats.metrics

    def series(self, metric: str) -> Series:
        """Return all points of a metric. Raises MetricNotFoundError."""
        columns = self._points.read(self.id, [metric]).columns.get(metric)
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
        found = read_events(self._files, self.id)
        return [event for event in found if kind is None or event.get("type") == kind]

    def console(self) -> str:
        """Return what the program printed, escape codes included."""
        path = layout.run_path(self.id, layout.CONSOLE_FILE)
        if self._files.stat(path) is None:
            return ""
        return self._files.read(path).decode("utf-8", "replace")

    def files(self) -> list[str]:
        """Return the run's files by their paths below its folder, those in media/ included."""
        return [path for path, _ in walk(self._files, layout.run_path(self.id), limit=_MAX_FILES)]

    def read_file(self, path: str) -> bytes:
        """Return what is in a file of the run. Raises FileNotInRunError."""
        if path in self.files():
            try:
                return self._files.read(layout.run_path(self.id, path))
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
