"""The list of runs, kept in memory and renewed from what changed. Files are the truth; this can be thrown away.

What one call does is bounded, so that a root of a hundred thousand runs answers as a small one does: new folders are
found by their names, runs that live are looked at each time, all others in turn, and a first reading goes on from call
to call, the newest runs first. One caller at a time looks at the files; all others are told what is known meanwhile.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from runicorn.errors import RunNotFoundError
from runicorn.storage import layout, liveness
from runicorn.storage.files import Files, FileStat, Listing
from runicorn.storage.index_cache import IndexCache, SavedList
from runicorn.storage.indexed_run import IndexedRun
from runicorn.storage.liveness import Place
from runicorn.storage.run_scan import Seen, Wanted, last_points, scan, scan_listed, stat_records
from runicorn.storage.run_table import RunTable

_SETTLED_SECS = 2.0
# A call reads new folders for so long, and looks at known ones for so long; the next call goes on.
_READ_SECS = 0.7
_LOOK_SECS = 0.06
# On a slow file system, spend at most a fifth of the time looking for changes.
_SLOW_REFRESH_SECS = 0.1
_REST_FACTOR = 4
_TROUBLED_SECS = 1.0
# Up to so many runs, all are looked at in each call, however long it takes: it costs one reading of their folder.
_FEW = 2000
# How many runs are read in one go: few at first, for whoever waits; then as many as there is time for. Behind a slow
# link it is the number of goes that takes time, and not what they bring.
_AT_ONCE, _MOST_AT_ONCE, _TIMES_MORE = 64, 4096, 16
_MORE_IF_WITHIN_SECS, _FEWER_IF_BEYOND_SECS = 0.5, 1.0
# Where a go takes longer whatever it asks for, as behind a link of 300 ms, more at once cost each run less.
_TIMES_MORE_IF_CHEAPER, _CHEAPER, _MOST_SECS_A_GO = 3, 0.75, 4.0
_FIRST_TURN, _LONGEST_TURN = 512, 8192
# Where nothing tells of changes, to list all runs may take about so many bytes a second; over SFTP, so many for a run.
# In between, those that come or go are found by the time of their folder, and those that live are looked at each time.
_LISTED_BYTES_A_SEC, _LISTED_BYTES_A_RUN, _LONGEST_UNLISTED_SECS = 12_000, 120, 20.0
# Files answer no more where they take so many times what a look took before; to read on may take as long as a go.
_TIMES_AS_LONG, _READ_ON_SECS = 3.0, 1.5 * _MOST_SECS_A_GO
_OLD_SECS = 24 * 3600.0  # no clock is wrong by so much
_CLOSE_SECS = 1.0
_ANSWER_SECS = 0.05  # from what was found to an answer that is on its way
# Whoever asks for the first list does not wait for it to be saved: that is left to who asks a little later.
_SAVE_FIRST_SECS, _SAVE_EVERY_SECS = 1.0, 60.0


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


class RunIndex:
    """All runs of a storage root. Every call looks at the files first, unless that was only just done.

    What is read, is read without the lock, so that a file that does not answer holds up nobody who asks for the rest.
    """

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
        self._cache = cache
        self._lock = threading.Lock()  # of what is published; nobody waits for a file with it
        self._table = RunTable(now, monotonic, place or liveness.here())
        self._problem: str | None = None
        self._unread: list[str] = []  # the next one last
        self._behind = False  # runs were still arriving at the last look
        self._looks = itertools.count(1)
        self._began_at: float | None = None
        self._reads_on = False
        self._reading = threading.Lock()  # of all that follows: whoever looks at the files
        self._folders: Mapping[str, FileStat] = {}  # of those that are not read yet, as they were just seen
        self._turn: list[str] = []
        self._turn_length = _FIRST_TURN
        self._at_once = _AT_ONCE
        self._secs_a_run = float("inf")  # in the last go
        self._folder: FileStat | None = None
        self._folder_since = 0.0  # when it was first seen like this
        self._names_settled = False
        self._listed_at = float("-inf")
        self._looked_at = float("-inf")
        self._seen_at = 0.0  # when that brought no trouble, in unix seconds by this machine's clock
        self._look_secs = 0.0  # how long it usually takes: the shorter one of the last two
        self._last_look_secs: float | None = None
        self._troubled = False  # something could not be read at the last look
        self._loaded = cache is None
        self._saved_version = 0
        self._save_from: float | None = None  # None until everything was read once
        self._listed: list[FileStat] | None = None  # what _load() has just seen, for the look that follows it

    def runs(self, *, fresh: bool = False) -> list[IndexedRun]:
        """Return all runs, those in the bin too, in no order. fresh: look at the files however recent the last look.

        While a first reading is under way (see progress), those that were read so far.
        """
        self._renew(force=fresh)
        with self._lock:
            return self._table.items

    def known(self) -> list[IndexedRun]:
        """Return the runs as the last look found them, without another one."""
        with self._lock:
            return self._table.items

    def recall(self) -> float | None:
        """Show what an earlier viewer knew until the folder can be looked at; return when that was, in unix seconds.

        Returns None where nothing is known of an earlier viewer.
        """
        with self._reading:
            saved = self._cache.load() if self._cache is not None and not self._loaded else None
            if saved is None:
                return None
            with self._lock:
                self._table.recall(saved.runs)
            return saved.seen_at

    @property
    def waits_secs(self) -> float:
        """For how long whoever looks at the files has been waiting for them; 0 where nobody looks."""
        began_at = self._began_at
        return 0.0 if began_at is None else self._monotonic() - began_at

    def is_overdue(self, secs: float) -> bool:
        """Tell whether the files have not answered for so many seconds, and for longer than they usually take.

        Does not wait for anybody.
        """
        usually = _READ_ON_SECS if self._reads_on else _TIMES_AS_LONG * self._look_secs
        return self.waits_secs > max(secs, usually)

    @property
    def look_secs(self) -> float:
        """How long a look at the known runs usually takes; 0 before the first one."""
        return self._look_secs

    def progress(self) -> Progress | None:
        """Return how far the first reading has come, or None where everything was read."""
        arriving = self._files.arriving()
        with self._lock:
            unread = len(self._unread)
            # A single one may stand for what nobody has looked for yet: it is not told beside those that are there.
            left = unread + (arriving if arriving > 1 else 0) or max(arriving, int(self._behind))
            return Progress(len(self._table), len(self._table) + left) if left else None

    @property
    def problem(self) -> str | None:
        """What keeps runs from being found right now, in one sentence; what was known before is shown meanwhile.

        Does not wait for anybody.
        """
        return self._problem

    @property
    def is_asked(self) -> bool:
        """Whether somebody waits for the list: is looking at the files, or has just done so and is being answered."""
        return self._reading.locked() or self._monotonic() - self._looked_at < _ANSWER_SECS

    def find(self, run_id: str) -> IndexedRun:
        """Return one run as its files are now. Raises RunNotFoundError; OSError where it cannot be told."""
        found = self.find_each([run_id])[0]
        if isinstance(found, Exception):
            raise found
        return found

    def find_each(self, run_ids: Sequence[str]) -> list[IndexedRun | RunNotFoundError | OSError]:
        """Return what find() does for each run, or the error in its place, in two calls at most."""
        asked = [run_id for run_id in run_ids if layout.is_run_id(run_id)]
        with self._lock:
            wanted = [self._table.wanted(run_id) for run_id in asked]
        return self._found(run_ids, dict(zip(asked, self._look_into(wanted), strict=True)))

    def find_listed(self, listings: Mapping[str, Listing | OSError]) -> list[IndexedRun | RunNotFoundError | OSError]:
        """Return what find_each() does for runs whose folders were just looked into: one call at most.

        listings: by run, what is in its folder by name; nothing for a run that is not there.
        """
        asked = {run_id: each for run_id, each in listings.items() if not isinstance(each, OSError) and each}
        # Of an empty folder nothing tells it from one that is not there.
        empty = [run_id for run_id, each in listings.items() if not each and layout.is_run_id(run_id)]
        with self._lock:
            known = [self._table.wanted(run_id) for run_id in asked]
            others = [self._table.wanted(run_id) for run_id in empty]
        seen = dict(zip(asked, self._look_into(known, list(asked.values())), strict=True))
        seen.update(zip(empty, self._look_into(others), strict=True))
        found = self._found(list(listings), seen)
        return [
            listing if isinstance(listing, OSError) else each
            for listing, each in zip(listings.values(), found, strict=True)
        ]

    @property
    def version(self) -> int:
        with self._lock:
            return self._table.version

    def version_at(self, moment: float) -> int:
        """Return the version after which every change since `moment` (unix seconds) lies, as far as files tell."""
        self._renew(force=False)
        with self._lock:
            return self._table.version_at(moment)

    def changes(self, since: int) -> tuple[list[IndexedRun], list[str], int]:
        """Return the runs that changed after version `since`, the ids removed after it, and the version now."""
        self._renew(force=False)
        with self._lock:
            changed, removed = self._table.changes(since)
            return changed, removed, self._table.version

    def close(self) -> None:
        """Save the list for the next viewer, unless somebody still waits for a disk that does not answer."""
        if self._reading.acquire(timeout=_CLOSE_SECS):
            try:
                if self._loaded and self.version != self._saved_version:
                    self._save()
            finally:
                self._reading.release()

    def _renew(self, *, force: bool) -> None:
        # One caller looks; another one waits for it, and then looks itself, or goes on reading if there is more.
        if not self._reading.acquire(timeout=_READ_SECS):
            return
        try:
            self._began_at = self._monotonic()
            self._load()
            self._refresh(force=force)
            self._read_on()
        finally:
            self._began_at, self._reads_on = None, False
            self._reading.release()

    def _refresh(self, *, force: bool) -> None:
        """Look at the folders, unless that was only just done."""
        started = self._monotonic()
        hurries = bool(self._unread) or self._behind
        rest = self._look_secs * _REST_FACTOR if self._look_secs > _SLOW_REFRESH_SECS and not hurries else 0.0
        if self._troubled:  # what took long was the wait for something that does not answer, and may be over soon
            rest = min(rest, _TROUBLED_SECS)
        if not force and started - self._looked_at < rest:
            return
        arriving = self._files.arriving()
        self._troubled = False
        self._table.is_metered = self._files.is_metered
        try:
            are_few = len(self._table) + len(self._unread) <= _FEW
            if are_few and not force and not hurries and self._listed_lately(started):
                self._look_at_some([])
            elif not are_few or not self._look_at_all():
                with self._lock:
                    turn = list(self._table) if force or len(self._table) <= _FEW else self._next_turn()
                self._look_at_some(turn)
            problem = None
        except OSError as error:
            problem = f"The runs cannot be listed right now: {error.strerror or error}."
        self._listed = None
        self._troubled |= problem is not None
        if problem is None:
            self._seen_at = time.time()
        self._problem = problem
        with self._lock:
            # The first look at a folder may be what begins to find them.
            self._behind = max(arriving, self._files.arriving()) > 0
        self._looked_at = self._monotonic()
        took_secs = self._looked_at - started
        # A single long one may have met a link that was cut off for a moment.
        self._look_secs = took_secs if self._last_look_secs is None else min(took_secs, self._last_look_secs)
        self._last_look_secs = took_secs

    def _listed_lately(self, moment: float) -> bool:
        """Tell whether to list all runs once more has to wait, for what it costs."""
        rest = len(self._table) * _LISTED_BYTES_A_RUN / _LISTED_BYTES_A_SEC
        return self._files.is_metered and moment - self._listed_at < min(rest, _LONGEST_UNLISTED_SECS)

    def _look_at_all(self) -> bool:
        """Look at all runs by one look at their folder; False where one of them may be what does not answer in it."""
        entries, self._listed = self._listed, None
        try:
            entries = self._files.list(layout.RUNS) if entries is None else entries
        except OSError:
            self._troubled = True
            return False
        folders = {entry.name: entry for entry in entries if entry.is_dir and layout.is_run_id(entry.name)}
        with self._lock:
            self._unread, self._folders = self._table.keep(set(folders)), folders
        self._listed_at = self._monotonic()
        self._look_at([folder for folder in folders.values() if folder.name in self._table])
        return True

    def _look_at_some(self, turn: Sequence[str]) -> None:
        """Find out which runs came and went; look at those that may be changing, and at those whose turn it is.

        Raises OSError.
        """
        started = self._monotonic()
        with self._lock:
            asked = list(dict.fromkeys([*self._table.restless, *turn]))
        status, *found = self._files.stats([layout.RUNS, *(layout.run_path(run_id) for run_id in asked)])
        if isinstance(status, OSError):
            raise status
        if self._monotonic() - started > _LOOK_SECS:
            self._turn_length = max(_AT_ONCE, self._turn_length // 2)
        else:
            self._turn_length = min(_LONGEST_TURN, self._turn_length * 2)
        if status is None or status != self._folder or not self._names_settled:
            moment = self._monotonic()
            present = {name for name in self._files.names(layout.RUNS) if layout.is_run_id(name)}
            self._note_folder(status, moment)
            with self._lock:
                self._unread, self._folders = self._table.keep(present), {}
        folders = [each for each in found if isinstance(each, FileStat) and each.is_dir]
        self._look_at([folder for folder in folders if folder.name in self._table])

    def _note_folder(self, status: FileStat | None, moment: float) -> None:
        """Keep what the folder of all runs looked like when its names were asked for, and whether to rely on these:
        what changes within the same moment of its clock, however coarse and wrong that is, must not be missed.
        """
        if status != self._folder:
            self._folder, self._folder_since = status, moment
        is_old = status is not None and self._now() - status.mtime_ns / 1e9 > _OLD_SECS
        self._names_settled = status is not None and (is_old or moment - self._folder_since > _SETTLED_SECS)

    def _next_turn(self) -> list[str]:
        """Return the runs whose turn it is to be looked at; all of them come, one call after the other."""
        if not self._turn:
            self._turn = list(self._table)
        turn, self._turn = self._turn[-self._turn_length :], self._turn[: -self._turn_length]
        return turn

    def _look_at(self, folders: Sequence[FileStat]) -> None:
        """Look into those of the known runs for which it is time, and tell how all of them stand now."""
        with self._lock:
            due = self._table.due(folders)
        self._look_into(due)
        with self._lock:
            open_ones = self._table.may_stand_otherwise([folder.name for folder in folders])
        self._publish(open_ones, {})

    def _look_into(self, wanted: Sequence[Wanted], listings: Sequence[Listing] | None = None) -> list[Seen]:
        if not wanted:
            return []
        number = next(self._looks)
        groups = scan(self._files, wanted) if listings is None else scan_listed(self._files, wanted, listings)
        found: list[Seen] = []
        with _collector_paused():
            for group in groups:
                with self._lock:
                    for each, seen in group:
                        self._table.take(each.run_id, seen, number)
                        seen.contents = None  # JSON takes many times its size
                        found.append(seen)
        self._troubled |= any(seen.unreadable for seen in found)
        records = (
            {} if listings is None else {each.run_id: seen.records for each, seen in zip(wanted, found, strict=True)}
        )
        self._publish([each.run_id for each in wanted], records)
        return found

    def _publish(self, run_ids: Sequence[str], records: Mapping[str, Listing]) -> None:
        """Tell how these runs stand now. records: what was just seen of the record files of some of them."""
        with self._lock:
            dead = self._table.dead_without_points(run_ids)
        if dead:
            there = {run_id: records[run_id] for run_id in dead if run_id in records}
            unseen = [run_id for run_id in dead if run_id not in there]
            there.update(stat_records(self._files, unseen) if unseen else {})
            points = last_points(self._files, there)
            with self._lock:
                for run_id in dead:
                    self._table.take_last_points(run_id, points.get(run_id, OSError()))
        with self._lock:
            for run_id in run_ids:
                self._table.publish(run_id)

    def _read_on(self) -> None:
        """Read runs that were not read yet, for a while. Others can ask for what is known in between."""
        deadline = self._monotonic() + _READ_SECS
        while self._unread:
            self._began_at, self._reads_on = self._monotonic(), True
            started = self._began_at
            with self._lock:
                batch = self._unread[-self._at_once :][::-1]
                del self._unread[-self._at_once :]
            found = self._look_into([Wanted(run_id, self._folders.get(run_id)) for run_id in batch])
            # They are there, whatever else may be told of them.
            hidden = [run_id for run_id, seen in zip(batch, found, strict=True) if "folder" in seen.unreadable]
            self._look_into([Wanted(run_id, FileStat(run_id, True, 0, 0, 0)) for run_id in hidden])
            self._choose_length(self._monotonic() - started, len(batch))
            if self._monotonic() >= deadline and len(self._unread) > _FEW // 10:
                return
            time.sleep(0)
        self._folders = {}
        version = self.version
        if self._save_from is None:
            self._save_from = self._monotonic() + (_SAVE_EVERY_SECS if self._saved_version else _SAVE_FIRST_SECS)
        elif version != self._saved_version and self._monotonic() >= self._save_from:
            self._save()

    def _choose_length(self, took_secs: float, count: int) -> None:
        """Choose how many runs to read in the next go, by what the last one took for so many."""
        before, self._secs_a_run = self._secs_a_run, took_secs / count
        if took_secs < _MORE_IF_WITHIN_SECS:
            self._at_once = min(_MOST_AT_ONCE, _TIMES_MORE * self._at_once)
        elif self._secs_a_run < _CHEAPER * before and took_secs < _MOST_SECS_A_GO:
            self._at_once = min(_MOST_AT_ONCE, _TIMES_MORE_IF_CHEAPER * self._at_once)
        elif took_secs > _FEWER_IF_BEYOND_SECS:
            self._at_once = max(_AT_ONCE // 4, self._at_once // 2)

    def _found(self, run_ids: Sequence[str], seen: Mapping[str, Seen]) -> list[IndexedRun | RunNotFoundError | OSError]:
        found: list[IndexedRun | RunNotFoundError | OSError] = []
        with self._lock:
            for run_id in run_ids:
                look = seen.get(run_id)
                item = self._table.item(run_id)
                if look is not None and item is not None and (look.folder is not None or "folder" in look.unreadable):
                    found.append(item)  # what was known of it holds while its folder cannot be looked at
                elif look is not None and "folder" in look.unreadable:
                    found.append(OSError(None, look.unreadable["folder"]))
                else:
                    found.append(RunNotFoundError(f"There is no run {run_id!r}."))
        return found

    def _load(self) -> None:
        """Begin with what an earlier viewer saved. Its runs are looked at before anything is said of them."""
        if self._loaded:
            return
        self._loaded = True
        assert self._cache is not None
        with _collector_paused():
            self._load_saved(self._cache)

    def _load_saved(self, cache: IndexCache) -> None:
        content = cache.load()
        # What may have been changing is read anew.
        saved = {known.folder.name: known for known in content.runs if known.settled} if content is not None else {}
        if not saved:
            return
        try:
            folders = self._files.list(layout.RUNS)
        except OSError:
            self._loaded = False
            return
        self._listed = folders
        same = [
            (folder, known)
            for folder in folders
            if (known := saved.get(folder.name)) is not None and known.folder == folder and known.base.id == folder.name
        ]  # the others are read anew
        with self._lock:
            for folder, known in same:
                self._table.restore(folder, known, len(saved))
        self._publish([folder.name for folder, _ in same], {})
        self._saved_version = self.version

    def _save(self) -> None:
        with self._lock:
            self._saved_version = self._table.version
            runs = self._table.to_save()
            count = len(self._table)
        self._save_from = self._monotonic() + _SAVE_EVERY_SECS
        if self._cache is not None and count >= self._cache.worth_from:
            self._cache.save(SavedList(runs, self._seen_at))
