"""One storage root as a source of runs: what is asked of it, and all that is kept in memory of its files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

from runicorn.errors import (
    ArtifactDamagedError,
    ArtifactNotFoundError,
    FileNotInRunError,
    RunicornError,
    RunNotFoundError,
    RunUnreadableError,
    StorageError,
)
from runicorn.model import MetricStats, Run, RunDetails
from runicorn.sources.artifact_list import ArtifactList
from runicorn.sources.catalogue import MetricList, metric_list
from runicorn.sources.content import Content
from runicorn.sources.lines import Lines
from runicorn.storage import layout, reader
from runicorn.storage.artifacts import names
from runicorn.storage.artifacts.manifest import Manifest
from runicorn.storage.console_search import Found, search_console
from runicorn.storage.console_search import Place as LinePlace
from runicorn.storage.files import Files, FileStat, Listing, by_name, found_or_raise, walk
from runicorn.storage.follow import News, RunFollower, news, text_ends
from runicorn.storage.index import Progress, RunIndex
from runicorn.storage.index_cache import IndexCache
from runicorn.storage.indexed_run import IndexedRun
from runicorn.storage.lines.reader import LineReader, is_small
from runicorn.storage.patterns import Pattern
from runicorn.storage.points import PointStore
from runicorn.storage.pyramid.cache import PyramidCache
from runicorn.storage.pyramid.store import PyramidStore
from runicorn.storage.series import Line, Window, draw

if TYPE_CHECKING:
    from runicorn.storage.output_times import OutputTimes

T = TypeVar("T")

_MAX_FILES = 1000
# What is kept in memory of points, and of buckets; a viewer stays below 200 MB with both.
_POINTS_BYTES = 40 * 2**20
_PYRAMIDS_BYTES = 64 * 2**20


# Of so many runs at most, what is going to be asked for is asked for at once.
_MOST_FORESEEN = 8


@dataclass(frozen=True)
class FoundRuns:
    """Runs that were asked for: those that are there, with what was seen of their folders, and the others.

    unreadable: why they cannot be read right now.
    """

    runs: dict[str, IndexedRun] = field(default_factory=dict)
    listings: dict[str, Listing] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)

    @property
    def created_at(self) -> dict[str, float]:
        return {run_id: found.run.created_at for run_id, found in self.runs.items()}


@dataclass
class Place:
    """How far a run was read, so that a live stream can go on from there: bytes by file; see RunFollower."""

    offsets: dict[str, int] = field(default_factory=dict)
    heads: dict[str, int] = field(default_factory=dict)


@dataclass
class SeriesReading:
    """Series of some runs, read while each() goes on; afterwards `places` holds how far.

    missing: runs that are not there. unreadable: why others cannot be read right now, by run.
    """

    missing: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    lines: Iterator[tuple[str, str, Line]] = field(default_factory=lambda: iter(()))


class FolderSource:
    """A storage root, read through Files, wherever it lies. Every call blocks, as long as those do.

    id: what runs of it are asked for by. root: what people call the folder. cache: where its list is kept between two
    viewers, and pyramids: where those are. now: unix seconds by the clock that its runs' heartbeats are told by.
    Nothing of it can be changed, unless a class of its own says how.
    """

    def __init__(
        self,
        source_id: str,
        files: Files,
        *,
        root: str = "",
        cache: IndexCache | None = None,
        pyramids: PyramidCache | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.id = source_id
        self.root = root
        self.files = files
        self._index = RunIndex(files, cache=cache, now=now)
        self._points = PointStore(files, _POINTS_BYTES)
        self._pyramids = PyramidStore(files, pyramids, _PYRAMIDS_BYTES, save_later=True)
        self._lines = LineReader(self._points, self._pyramids)
        self._artifacts = ArtifactList(files)

    def start(self) -> None:
        """Begin to find what takes time to find; returns at once."""

    def stop_waiting(self) -> None:
        """Let go of everybody who waits for a file; from now on all calls fail. Must not block."""

    def close(self) -> None:
        """End what goes on in the background, within a second or two."""
        self._pyramids.save()
        self.stop_waiting()
        self._index.close()

    # --- the list ---------------------------------------------------------------------------------------------------

    def runs(self) -> list[IndexedRun]:
        """Return all runs that are known, those in the bin too; while a first reading goes on, those so far."""
        return self._index.runs()

    def recall(self) -> float | None:
        """Show what an earlier viewer knew until the files can be looked at; return when that was, in unix seconds."""
        return self._index.recall()

    def known_runs(self) -> list[IndexedRun]:
        """Return the runs as the last look found them. Does not block."""
        return self._index.known()

    @property
    def waits_secs(self) -> float:
        """For how long whoever looks at all runs has been waiting for the files; 0 where nobody looks."""
        return self._index.waits_secs

    def is_overdue(self, secs: float) -> bool:
        """Tell whether who looks at all runs has waited for so long, and for longer than usual. Never blocks."""
        return self._index.is_overdue(secs)

    @property
    def look_secs(self) -> float:
        """How long a look at all known runs usually takes; 0 before the first one."""
        return self._index.look_secs

    def root_id(self) -> str | None:
        """Return what tells this root from all others wherever it is seen from; None where it says nothing.

        Raises OSError.
        """
        return reader.root_id(self.files)

    @property
    def clock_offset_secs(self) -> float | None:
        """How much the clock that its runs are recorded by is ahead of this machine's, if that is told."""
        return None

    def progress(self) -> Progress | None:
        """Return how far a first reading has come; None where everything was read."""
        return self._index.progress()

    @property
    def problem(self) -> str | None:
        """What keeps runs from being shown, in one sentence."""
        return self._index.problem

    @property
    def is_asked_for_runs(self) -> bool:
        """Whether somebody waits for the list of runs right now."""
        return self._index.is_asked

    def changes(self, since: int) -> tuple[list[IndexedRun], list[str], int]:
        """Return the runs that changed after version `since`, the ids removed after it, and the version now."""
        return self._index.changes(since)

    def version_at(self, moment: float) -> int:
        """Return the version after which every change since `moment` (unix seconds) lies."""
        return self._index.version_at(moment)

    # --- one run ----------------------------------------------------------------------------------------------------

    def find(self, run_id: str) -> IndexedRun:
        """Return a run as its files are now. Raises RunNotFoundError, RunUnreadableError."""
        return self._of_run(run_id, lambda: self._index.find(run_id))

    def details(self, run_id: str) -> tuple[RunDetails, list[tuple[str, FileStat]]]:
        """Return a run with its metrics, counted from the points themselves, and its files by path."""

        def look() -> tuple[RunDetails, list[tuple[str, FileStat]]]:
            self._foresee([run_id])
            run, listing = self._looked_at(run_id)
            info, status = (
                reader.read_object(self.files, layout.run_path(run_id, name)) or {}
                for name in (layout.RUN_FILE, layout.STATUS_FILE)
            )
            metrics, skipped = self._stats(run_id, listing)
            files = walk(self.files, layout.run_path(run_id), limit=_MAX_FILES)
            return reader.build_details(run.run, info, status, metrics, skipped), files

        return self._of_run(run_id, look)

    def console(self, run_id: str, start: int, limit: int) -> reader.Text:
        """Return a piece of what a run printed; see reader.read_text."""
        path = layout.run_path(run_id, layout.CONSOLE_FILE)
        self.find(run_id)
        return self._of_run(run_id, lambda: reader.read_text(self.files, path, start, limit))

    def search_console(self, run_id: str, pattern: Pattern | None, begin: LinePlace, limit: int, count: bool) -> Found:
        """Look for a pattern in what a run printed; see console_search. Raises PatternTooSlowError."""
        path = layout.run_path(run_id, layout.CONSOLE_FILE)
        self.find(run_id)
        return self._of_run(run_id, lambda: search_console(self.files, path, pattern, begin, limit=limit, count=count))

    def console_times(self, run_id: str) -> tuple[OutputTimes | None, int]:
        """Return when what a run printed was written, None where that was not kept; and how many bytes it printed."""
        from runicorn.storage.output_times import read_times

        self.find(run_id)

        def look() -> tuple[OutputTimes | None, int]:
            status = self.files.stat(layout.run_path(run_id, layout.CONSOLE_FILE))
            size = status.size_bytes if status is not None else 0
            return read_times(self.files, layout.run_path(run_id, layout.CONSOLE_TIMES_FILE), size), size

        return self._of_run(run_id, look)

    def events(self, run_id: str, file: str, start: int, limit: int) -> tuple[list[dict[str, Any]], int, int, int]:
        """Return events of a run; see reader.read_lines. Raises FileNotInRunError."""
        self.find(run_id)
        if not layout.event_files([file]):
            raise FileNotInRunError(f"The run {run_id} has no events file {file[:200]!r}.")
        return self._of_run(run_id, lambda: reader.read_lines(self.files, layout.run_path(run_id, file), start, limit))

    def content(self, run_id: str, path: str) -> Content:
        """Return a file of a run, which lies in its folder even if links are followed. Raises FileNotInRunError."""
        self.find(run_id)
        found = self._of_run(run_id, lambda: self._content(layout.run_path(run_id), path))
        if found is None:
            raise FileNotInRunError(f"The run {run_id} has no file {path[:500]!r}.")
        return found

    def change(self, run_id: str, changes: Mapping[str, Any]) -> IndexedRun:
        """Write what a person changed about a run into its notes; return it as it is then. Raises StorageError."""
        self.find(run_id)
        self._of_run(run_id, lambda: self._write_notes(run_id, changes))
        return self.find(run_id)

    def change_each(
        self, run_ids: Sequence[str], notes_of: Callable[[Run], Mapping[str, Any]]
    ) -> dict[str, IndexedRun | RunicornError]:
        """Write into the notes of each run what `notes_of` says of it as it is; return it as it is then, or the error
        in its place. One that cannot be changed holds up none of the others, but for one whose files do not answer.
        """
        outcome: dict[str, IndexedRun | RunicornError] = {}
        for run_id, found in zip(run_ids, self._index.find_each(run_ids), strict=True):
            try:
                if isinstance(found, Exception):
                    raise found
                notes = notes_of(found.run)
                if notes:
                    self._of_run(run_id, partial(self._write_notes, run_id, notes))
                outcome[run_id] = found
            except RunicornError as error:
                outcome[run_id] = error
            except OSError as error:
                outcome[run_id] = _unreadable(run_id, why(error))
        changed = [run_id for run_id, found in outcome.items() if not isinstance(found, RunicornError)]
        for run_id, found in zip(changed, self._index.find_each(changed), strict=True):
            if not isinstance(found, Exception):
                outcome[run_id] = found
        return outcome

    def _write_notes(self, run_id: str, changes: Mapping[str, Any]) -> None:
        raise StorageError(f"The notes of run {run_id} cannot be written there.")

    # --- many runs --------------------------------------------------------------------------------------------------

    def series(self, run_ids: Sequence[str], metrics: Sequence[str], window: Window) -> SeriesReading:
        """Return metrics of runs as lines, one after the other; an empty one for a metric that a run lacks.

        Raises RunNotFoundError, RunUnreadableError where there is none of the runs.
        """
        found = self._found(run_ids)
        reading = SeriesReading(found.missing, found.unreadable)
        reading.places = {run_id: Place() for run_id in found.missing if layout.is_run_id(run_id)}
        reading.lines = self._drawn(reading, found.listings, found.created_at, metrics, window)
        return reading

    def _drawn(
        self,
        reading: SeriesReading,
        present: Mapping[str, Listing],
        created_at: Mapping[str, float],
        metrics: Sequence[str],
        window: Window,
    ) -> Iterator[tuple[str, str, Line]]:
        for run_id, found in self._points.read_each(present, metrics):
            if isinstance(found, FileNotFoundError):  # taken away a moment ago
                reading.missing.append(run_id)
                reading.places[run_id] = Place()
                continue
            if isinstance(found, OSError):
                reading.unreadable[run_id] = why(found)
                continue
            offsets = {**found.offsets, **text_ends(present[run_id])}
            reading.places[run_id] = Place(offsets, dict(found.heads))
            for metric in metrics:
                columns = found.columns.get(metric)
                yield run_id, metric, Line() if columns is None else draw(columns, created_at[run_id], window)

    def lines(
        self, run_ids: Sequence[str], window: Window, spread: str, *, overwritten: bool
    ) -> tuple[Lines, FoundRuns]:
        """Return what reads the lines of charts of these runs: an own answer for each; see Lines.each.

        spread: the value of a bands.Spread. overwritten: whether steps that a resumed run logged once more are shown as
        they were first, too. Raises RunNotFoundError, RunUnreadableError where there is none of the runs.
        """
        from runicorn.storage.lines.bands import Spread

        found = self._found(run_ids)
        return Lines(self._lines, found.listings, found.created_at, window, Spread(spread), overwritten), found

    def metrics(self, run_ids: Sequence[str]) -> tuple[MetricList, FoundRuns]:
        """Return the names of all metrics of these runs, and what their scripts say of them. Raises as lines() does."""
        if len(run_ids) <= _MOST_FORESEEN:  # the page asks for what they are drawn by next
            self._foresee(run_ids)
        found = self._found(run_ids)
        return metric_list(self.files, found.listings), found

    def follow(self, places: Mapping[str, Place | None], max_behind: int | None) -> dict[str, RunFollower | None]:
        """Return a follower for each run, None for one that is not there.

        places: where to begin in each; None for now. One whose disk does not answer is followed: the next look at it
        may succeed.
        """
        listings = self._listings(list(places))
        followers: dict[str, RunFollower | None] = {}
        for (run_id, listing), found in zip(listings.items(), self._index.find_listed(listings), strict=True):
            place = places[run_id]
            if isinstance(found, RunNotFoundError):
                followers[run_id] = None
                continue
            offsets, heads = (None, None) if place is None else (place.offsets, place.heads)
            followers[run_id] = follower = RunFollower(run_id, offsets, heads, max_behind=max_behind)
            if not isinstance(listing, OSError):
                follower.begin(listing)
        return followers

    def news(self, followers: Sequence[RunFollower]) -> Iterator[tuple[RunFollower, News]]:
        """Yield what is new of runs that are followed; see follow.news."""
        return news(self.files, followers)

    # --- artifacts --------------------------------------------------------------------------------------------------

    def artifacts(self) -> list[dict[str, Any]]:
        """Return each artifact with its latest version."""
        return self._of_artifacts(lambda: self._artifacts.overview(self._run_names()))

    def artifact(self, name: str) -> dict[str, Any]:
        """Return one artifact with all of its versions. Raises ArtifactNotFoundError."""
        return self._of_artifacts(lambda: self._artifacts.artifact(name, self._run_names()))

    def artifact_files(self, name: str, version: str, offset: int, limit: int) -> dict[str, Any]:
        """Return a version of an artifact with some of its files. Raises ArtifactNotFoundError."""
        return self._of_artifacts(lambda: self._artifacts.files(name, version, offset, limit, self._run_names()))

    def artifact_content(self, name: str, version: str, path: str) -> Content:
        """Return a file of a version, out of the root's blobs even if links are followed.

        Raises ArtifactNotFoundError, ArtifactDamagedError.
        """
        manifest: Manifest = self._of_artifacts(lambda: self._artifacts.manifest(name, version))
        entry = manifest.entry(path)
        if entry is None:
            raise ArtifactNotFoundError(f"{name}:{version} has no file {path[:500]!r}.")
        blobs = f"{names.ARTIFACTS}/{names.BLOBS}"
        below = names.blob_path(entry.sha256).removeprefix(blobs + "/")
        found = self._of_artifacts(lambda: self._content(blobs, below))
        if found is None:
            raise ArtifactDamagedError(f"The content of {path[:500]!r} in {name}:{version} is lost.")
        return found

    # --- inside -----------------------------------------------------------------------------------------------------

    def _found(self, run_ids: Sequence[str]) -> FoundRuns:
        """Look for runs. Raises RunNotFoundError, RunUnreadableError where there is none of them."""
        found = FoundRuns()
        listings = self._listings(run_ids)
        for (run_id, listing), run in zip(listings.items(), self._index.find_listed(listings), strict=True):
            if isinstance(run, RunNotFoundError):
                found.missing.append(run_id)
            elif isinstance(run, OSError) or isinstance(listing, OSError):
                found.unreadable[run_id] = why(run if isinstance(run, OSError) else listing)
            else:
                found.listings[run_id], found.runs[run_id] = listing, run
        if not found.listings:
            for run_id, reason in found.unreadable.items():
                raise _unreadable(run_id, reason)
            raise RunNotFoundError(f"There is no run {run_ids[0]!r}.")
        return found

    def _stats(self, run_id: str, listing: Listing) -> tuple[dict[str, MetricStats], int]:
        """Return what is known of all metrics of a run, and how many records' worth of bytes were unreadable."""
        if is_small(listing):
            known = self._points.stats(run_id, listing)
            return dict(known.metrics), known.skipped
        summary = self._pyramids.stats(run_id, listing)
        return {name: each.stats for name, each in summary.metrics.items()}, summary.skipped

    def _foresee(self, run_ids: Sequence[str]) -> None:
        """Have what is going to be asked for of these runs asked for at once, where each question takes its time."""
        there = [run_id for run_id in run_ids if layout.is_run_id(run_id)]
        self.files.foresee([layout.run_path(run_id) for run_id in there], self._pyramids.foreseen_rule(there))

    def _listings(self, run_ids: Sequence[str]) -> dict[str, Listing | OSError]:
        """Return what is in the folders of runs, by name; nothing for one that is not there."""
        there = [run_id for run_id in run_ids if layout.is_run_id(run_id)]
        looked = self.files.look([layout.run_path(run_id) for run_id in there])
        found = {
            run_id: entries if isinstance(entries, OSError) else by_name(entries)
            for run_id, entries in zip(there, looked, strict=True)
        }
        return {run_id: found.get(run_id, {}) for run_id in run_ids}

    def _looked_at(self, run_id: str) -> tuple[IndexedRun, Listing]:
        listing = self._listings([run_id])[run_id]
        found = self._index.find_listed({run_id: listing})[0]
        if isinstance(found, Exception):
            raise found
        return found, found_or_raise(listing)

    def _content(self, folder: str, path: str) -> Content | None:
        inside = self.files.inside(folder, path)
        status = None if inside is None else self.files.stat(inside)
        if inside is None or status is None or status.is_dir:
            return None
        return Content(self.files, inside, PurePosixPath(path).name, status.size_bytes)

    def _run_names(self) -> dict[str, str]:
        return {item.run.id: item.run.name for item in self._index.runs()}

    def _of_run(self, run_id: str, work: Callable[[], T]) -> T:
        """Return what `work` returns; what keeps the run's files from being read becomes an error of ours."""
        try:
            return work()
        except FileNotFoundError as error:  # taken away a moment ago
            raise RunNotFoundError(f"There is no run {run_id!r}.") from error
        except OSError as error:
            raise _unreadable(run_id, why(error)) from error

    def _of_artifacts(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except OSError as error:
            raise RunUnreadableError(f"The artifacts cannot be read right now: {why(error)}.") from error


def _unreadable(run_id: str, why: str) -> RunicornError:
    return RunUnreadableError(f"The run {run_id} cannot be read right now: {why}.")


def why(error: object) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
