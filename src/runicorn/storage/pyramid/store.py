"""The pyramids of many runs, kept in memory and on disk and followed as their files grow. Memory is bounded."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from runicorn.storage import layout
from runicorn.storage.files import CondensingRule, Files, FileStat, Listing, by_name, found_or_raise, in_calls
from runicorn.storage.holding import holding
from runicorn.storage.points import combined
from runicorn.storage.pyramid.answers import RunBuckets, RunSummary, Summary
from runicorn.storage.pyramid.cache import PyramidCache
from runicorn.storage.pyramid.run_choice import RunChoice, choose_of_run
from runicorn.storage.pyramid.table import PyramidTable, foreseen_rule
from runicorn.storage.series import Window
from runicorn.storage.tail import advance

if TYPE_CHECKING:
    from runicorn.storage.pyramid.window import Span

T = TypeVar("T")
R = TypeVar("R")

DEFAULT_BUDGET_BYTES = 96 * 2**20
# Of a local disk: a million records, which takes 15 ms.
DEFAULT_POINT_BYTES = 32 * 2**20
# Reading, and most of what is computed, lets another thread of Python run meanwhile.
_THREADS = 2
# In fewer bytes, most of the time goes to Python itself.
_WORTH_A_THREAD_BYTES = 8 * 2**20
# So much may wait for being saved once an answer is complete; more is saved as it comes.
_SAVED_LATER_BYTES = 40 * 2**20


class PyramidStore:
    """Reads record files, each byte once, and forgets the least recently used ones above a budget of memory.

    cache: what is kept on disk; None for nothing. point_bytes: how much of a file may be read again for an answer, see
    read_each(); less where reading takes long. save_later: whether what is kept on disk is written by a thread of its
    own, once the answer is complete; save() ends it. The one pyramid that was used last stays however large it is:
    about a fiftieth of its file, a tenth where many metrics take turns in it. Safe to use from several threads; two of
    them never read the same file at once.
    """

    def __init__(
        self,
        files: Files,
        cache: PyramidCache | None = None,
        budget_bytes: int = DEFAULT_BUDGET_BYTES,
        point_bytes: int = DEFAULT_POINT_BYTES,
        *,
        save_later: bool = False,
    ) -> None:
        self._files = files
        self._point_bytes = point_bytes
        self._cache = cache
        self._budget_bytes = budget_bytes
        self._tables: OrderedDict[str, PyramidTable] = OrderedDict()
        self._lock = threading.Lock()
        self._save_later = save_later
        self._due: deque[PyramidTable] = deque()
        self._due_bytes = 0
        self._saver: threading.Thread | None = None

    def read_each(
        self,
        listings: Mapping[str, Listing],
        metrics: Iterable[str],
        window: Window,
        created_at: Mapping[str, float] | None = None,
    ) -> Iterator[tuple[str, RunBuckets | OSError]]:
        """Yield what these metrics have in a window for each run, in order, or the error in its place.

        listings: what look() showed of each run's folder a moment ago. created_at: by run, in unix seconds; needed
        where the window's axis is relative.

        The buckets of a metric hold exactly the points of the window, each once, in file order. There are at most about
        twice as many as window.points, and about half as many at least if there are as many points; where these are no
        more than twice as many, each is a bucket of its own. For this, the points of buckets at the window's edges are
        read from the file, and where the window holds few buckets, all of its points are. But there may be fewer
        where these points lie scattered over more than point_bytes of the file, as metrics take turns in it: one for
        256 points, or for 64 in files of eight metrics or more.

        Where steps go back, as in a resumed run, another bucket begins; where they do so all the time, all points may
        be read for a window. Of several writers, see window.joined. Where the file is damaged, or became another one a
        moment ago, buckets at the edges come whole.
        """
        wanted = set(metrics)

        def span(run_id: str) -> Span:
            from runicorn.storage.pyramid.window import Span

            origin = (created_at or {}).get(run_id, 0.0)
            return Span(window.axis, window.low, window.high, origin, max(1, window.points))

        def work(batch: Mapping[str, Listing]) -> list[tuple[str, RunBuckets | OSError]]:
            return self._answer(batch, wanted, span)

        try:
            for found in _ahead(work, self._batches(listings)):
                found.reverse()
                while found:  # what was taken is not held on to
                    yield found.pop()
        finally:
            self._begin_to_save()

    def stats(self, run_id: str, listing: Listing | None = None) -> RunSummary:
        """Return what is known of every metric as a whole, from every file of the run. Raises OSError."""
        if listing is None:
            listing = by_name(self._files.list(layout.run_path(run_id)))
        metrics: dict[str, Summary] = {}
        skipped = 0
        with holding({run_id: listing}, self._table) as tables:
            for error in self._follow(tables).values():
                raise error
            for table, _ in tables.values():
                skipped += table.tail.skipped
                for metric, summary in table.summaries():
                    metrics[metric] = _combined(metrics[metric], summary) if metric in metrics else summary
        self._make_room()
        self._begin_to_save()
        return RunSummary(metrics, skipped)

    def foreseen_rule(self, run_ids: Iterable[str]) -> CondensingRule | None:
        """Return how the usual record files of runs that nobody has looked at are going to be condensed; None where
        nothing is left to be made of one of them.
        """
        if not self._files.condenses:
            return None
        for run_id in run_ids:
            path = layout.run_path(run_id, layout.METRICS_FILE)
            with self._lock:
                is_known = path in self._tables
            if is_known or (self._cache is not None and self._cache.holds(path)):
                return None
        return foreseen_rule()

    @property
    def size_bytes(self) -> int:
        """How much memory is taken by what is kept."""
        with self._lock:
            return sum(table.size_bytes for table in self._tables.values())

    def save(self) -> None:
        """Save what is worth it and has grown since it was; before the end, for instance."""
        if self._cache is None:
            return
        with self._lock:
            self._save_later = False
            tables = [*self._due, *self._tables.values()]
            self._due.clear()
        for table in tables:
            with table.lock:
                self._cache.save(table)

    def _answer(
        self, batch: Mapping[str, Listing], wanted: set[str], span: Callable[[str], Span]
    ) -> list[tuple[str, RunBuckets | OSError]]:
        chosen: list[RunChoice] = []
        with holding(batch, self._table) as tables:
            errors = self._follow(tables)
            failed: dict[str, OSError] = {}
            for run_id, listing in batch.items():
                mine = {name: layout.run_path(run_id, name) for name in layout.record_files(listing)}
                error = next((errors[path] for path in mine.values() if path in errors), None)
                if error is not None:
                    failed[run_id] = error
                else:
                    held = {name: tables[path][0] for name, path in mine.items()}
                    chosen.append(choose_of_run(run_id, held, wanted, span(run_id), self._point_bytes))
        self._make_room()
        finished: dict[str, RunBuckets | OSError] = {**failed}
        # Not while the tables are held: a disk may take its time.
        for group in in_calls(chosen, lambda choice: choice.wanted_bytes, self._files.batch_bytes):
            finished.update(self._finish(group))
        return [(run_id, finished[run_id]) for run_id in batch]

    def _finish(self, group: Sequence[RunChoice]) -> Iterator[tuple[str, RunBuckets | OSError]]:
        ranges = [each for choice in group for each in choice.ranges]
        read = iter(self._files.fetch(ranges) if ranges else [])
        for choice in group:
            parts = [next(read) for _ in choice.ranges]
            error = next((part for part in parts if isinstance(part, OSError)), None)
            if error is not None:
                yield choice.run_id, error
            else:
                yield choice.run_id, choice.finish([found_or_raise(part) for part in parts])

    def _batches(self, listings: Mapping[str, Listing]) -> Iterator[tuple[Mapping[str, Listing], int]]:
        """Yield the runs in groups that can be read in one call, if that is possible, with their unread bytes."""
        batch: dict[str, Listing] = {}
        total = 0
        for run_id, listing in listings.items():
            tables = [
                self._table(layout.run_path(run_id, name), listing[name]) for name in layout.record_files(listing)
            ]
            size = sum(_unread(table, listing) for table in tables)
            if batch and total + size > self._files.batch_bytes:
                yield batch, total
                batch, total = {}, 0
            batch[run_id] = listing
            total += size
        if batch:
            yield batch, total

    def _table(self, path: str, status: FileStat) -> PyramidTable:
        with self._lock:
            table = self._tables.get(path)
            if table is not None:
                self._tables.move_to_end(path)
                return table
            table = self._tables[path] = PyramidTable(path)
            table.lock.acquire()  # nobody else knows it yet
        try:
            if self._cache is not None:
                self._cache.load(table, status.size_bytes)
        finally:
            table.lock.release()
        return table

    def _follow(self, tables: Mapping[str, tuple[PyramidTable, Listing]]) -> dict[str, OSError]:
        """Take in what is new in all of them, as many bytes at once as one call may ask for. Return what failed."""
        errors: dict[str, OSError] = {}
        if self._files.condenses:
            self._have_condensed(tables)
        elif self._files.pours:
            self._pour(tables)
        pending = deque(tables.values())
        while pending:
            group = [pending.popleft()]
            left = self._files.batch_bytes - _unread(*group[0])
            while pending and _unread(*pending[0]) <= left:
                group.append(pending.popleft())
                left -= _unread(*group[-1])
            found = advance(self._files, [(table.tail, listing) for table, listing in group], self._files.batch_bytes)
            for (table, listing), piece in zip(group, found, strict=True):
                if isinstance(piece, OSError):
                    errors[table.tail.path] = piece
                    continue
                if piece is None and not table.tail.is_proven:  # its marks cannot be read just now
                    table.tail.begin_again()
                if table.take(piece, _status(table, listing)):
                    pending.append((table, listing))
        if self._cache is not None:
            for table, _ in tables.values():
                if table.tail.path not in errors and self._cache.is_due(table) and not self._left_for_later(table):
                    self._cache.save(table)
        return errors

    def _have_condensed(self, tables: Mapping[str, tuple[PyramidTable, Listing]]) -> None:
        """Take in what can be made of long files where they lie, with the names of their metrics; in one call."""
        new = [
            (table, _status(table, listing), wish, table.tail.names.plan(listing.get(_name(table.tail.names.path))))
            for table, listing in tables.values()
            if (wish := table.wish(_status(table, listing))) is not None
        ]
        if not new:
            return
        made, read = self._files.condense([wish for _, _, wish, _ in new], [each for *_, keys in new for each in keys])
        names = iter(read)
        for (table, status, _, keys), condensed in zip(new, made, strict=True):
            for each in [next(names) for _ in keys]:
                if not isinstance(each, OSError):  # else it is asked for once more
                    table.tail.names.take(each)
            if condensed is not None:
                with contextlib.suppress(ValueError):  # it is read as any other, then
                    table.take_condensed(condensed, status)

    def _pour(self, tables: Mapping[str, tuple[PyramidTable, Listing]]) -> None:
        """Take in what can be made of long files on the way, without a piece of them for everybody."""
        from runicorn.storage.pyramid.poured import condense

        for table, listing in tables.values():
            status = _status(table, listing)
            wish = table.wish(status)
            made = condense(self._files, wish) if wish is not None else None
            if made is not None:
                table.take_condensed(made, status)

    def _left_for_later(self, table: PyramidTable) -> bool:
        """Leave a table to be saved later, while those that wait take little memory; False where it is not left."""
        size = table.size_bytes
        with self._lock:
            if not self._save_later or self._due_bytes + size > _SAVED_LATER_BYTES:
                return False
            self._due.append(table)
            self._due_bytes += size
        return True

    def _begin_to_save(self) -> None:
        """Have a thread save what is due, which lives as long as there is some."""
        with self._lock:
            if self._due and self._saver is None:
                self._saver = threading.Thread(target=self._save_due, name="pyramid-saver", daemon=True)
                self._saver.start()

    def _save_due(self) -> None:
        assert self._cache is not None
        while True:
            with self._lock:
                if not self._due:
                    self._saver, self._due_bytes = None, 0
                    return
                table = self._due.popleft()
            with table.lock:
                self._cache.save(table)

    def _make_room(self) -> None:
        """Let go of what was not used for longest."""
        with self._lock:
            total = sum(table.size_bytes for table in self._tables.values())
            while total > self._budget_bytes and len(self._tables) > 1:
                _, oldest = self._tables.popitem(last=False)
                total -= oldest.size_bytes


def _status(table: PyramidTable, listing: Listing) -> FileStat:
    return listing[_name(table.tail.path)]


def _name(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def _unread(table: PyramidTable, listing: Listing) -> int:
    size, offset = _status(table, listing).size_bytes, table.offset
    return size - offset if size >= offset else size  # another file, or cut: all of it


def _ahead(work: Callable[[T], R], items: Iterator[tuple[T, int]]) -> Iterator[R]:
    """Yield what `work` returns for each, in order; large ones are made ahead in threads. items: with their sizes."""
    ready: deque[Future[R]] = deque()
    with ThreadPoolExecutor(_THREADS, "pyramid") as pool:
        for item, size in items:
            while ready and (len(ready) >= _THREADS or size < _WORTH_A_THREAD_BYTES):
                yield ready.popleft().result()
            if size < _WORTH_A_THREAD_BYTES:
                yield work(item)
            else:
                ready.append(pool.submit(work, item))
        while ready:
            yield ready.popleft().result()


def _combined(first: Summary, second: Summary) -> Summary:
    counts = [each.stats.count - each.not_finite for each in (first, second)]
    total = sum((each.mean or 0.0) * count for each, count in zip((first, second), counts, strict=True))
    return Summary(
        combined(first.stats, second.stats),
        total / sum(counts) if sum(counts) else None,
        first.not_finite + second.not_finite,
    )
