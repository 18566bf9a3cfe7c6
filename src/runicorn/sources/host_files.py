"""A root on a host as Files, whatever reads it there: each call is asked at once, however much it asks for."""

from __future__ import annotations

import contextlib
import errno
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from runicorn.remote.server.reading import Reader, Watch, error_of
from runicorn.sources.foreseen import Foreseen
from runicorn.sources.hot_paths import HotPaths
from runicorn.storage.files import (
    Condensed,
    Condensing,
    CondensingRule,
    Files,
    FileStat,
    Range,
    Scan,
    parts_below,
    scanned,
)

# What takes long over there makes room for what does not: a list, or the news of a run.
_NOW, _LATER = 0, 1
# So often, at most, other things are watched than before.
_WATCH_EVERY_SECS = 1.0
_MUCH_BYTES = 512 * 1024


Answer = TypeVar("Answer")


class HostFiles(Files):
    """What an agent, or SFTP, reads below its root. While none answers, an OSError is in the place of every answer.

    What is asked for again and again is watched over there, if there is an agent: it tells what changes, and what was
    appended, so that nobody has to ask; what it told last is answered then.
    """

    batch_bytes = 16 * 2**20
    batch_folders = 256
    condenses = True

    def __init__(self, reader: Reader | None = None, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._current = reader
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._folders, self._paths = HotPaths(), HotPaths()
        self._watch: Watch | None = None
        self._watched_at = float("-inf")
        self._foreseen = Foreseen(monotonic)
        self._why_nobody = "The host is not read by anybody yet"
        self._clock_offset_secs: float | None = None
        # How often something was not answered because the link or the other end was gone, or took too long.
        self.breaks = 0

    def read_by(self, reader: Reader) -> None:
        """Go on with another one, which opened the same root."""
        with self._lock:
            self._current, self._watch, self._watched_at = reader, None, float("-inf")
        self._foreseen.forget()

    def read_by_nobody(self, why: str) -> None:
        """Say in the place of every answer why there is none, until there is another reader."""
        with self._lock:
            self._current, self._watch, self._why_nobody = None, None, why
        self._foreseen.forget()

    @property
    def clock_offset_secs(self) -> float | None:
        """How much the host's clock is ahead of this machine's, as was told last; None where it never was."""
        reader = self._current
        told = None if reader is None else reader.clock_offset_secs
        if told is not None:
            self._clock_offset_secs = told
        return self._clock_offset_secs

    def now(self) -> float:
        """Return unix seconds as the host has them, by which its runs say that they live."""
        return time.time() + (self.clock_offset_secs or 0.0)

    @property
    def is_metered(self) -> bool:
        reader = self._current
        return reader is not None and not reader.tells_changes

    @property
    def _reader(self) -> Reader:
        reader = self._current
        if reader is None:
            raise ConnectionResetError(errno.ECONNRESET, self._why_nobody)
        return reader

    def names(self, path: str) -> list[str]:
        with self._noting_breaks(), _broken_answers():
            return [str(name) for name in self._reader.names(path)]

    def look(self, folders: Sequence[str]) -> list[list[FileStat] | OSError]:
        def ask() -> list[list[FileStat] | OSError]:
            watch = self._watch_of(folders, ())
            found = watch.look(folders) if watch is not None else None
            if found is None:
                found = self._foreseen.look(folders)
            if found is None:
                found = self._reader.look(folders)
            return [error_of(each) or [_stat(entry) for entry in each] for each in _whole(found, folders)]

        return self._of_each(folders, ask)

    def stats(self, paths: Sequence[str]) -> list[FileStat | OSError | None]:
        def ask() -> list[FileStat | OSError | None]:
            watch = self._watch_of((), paths)
            found = watch.stats(paths) if watch is not None else None
            if found is None:
                found = self._reader.stats(paths)
            return [error_of(each) or (None if each is None else _stat(each)) for each in _whole(found, paths)]

        return self._of_each(paths, ask)

    def fetch(self, ranges: Sequence[Range]) -> list[bytes | OSError]:
        watch = self._watch if ranges else None
        told = watch.fetch(ranges) if watch is not None else None
        if told is not None:
            return list(told)
        much = any(each.length is None or each.length > _MUCH_BYTES for each in ranges)

        def ask(wanted: Sequence[Range]) -> list[bytes | OSError]:
            found, errors = self._reader.fetch(wanted, _LATER if much else _NOW)
            return [errors.get(place, data) for place, data in enumerate(found)]

        return self._of_each(ranges, lambda: self._foreseen.fetch(ranges, ask))

    def condense(
        self, wishes: Sequence[Condensing], ranges: Sequence[Range]
    ) -> tuple[list[Condensed | None], list[bytes | OSError]]:
        try:
            with self._noting_breaks(), _broken_answers():
                made = self._foreseen.condense(wishes, ranges)
                if made is None:
                    made = self._reader.condense(wishes, ranges, _LATER)
                if made is not None:
                    told, found, errors = made
                    condensed = [_condensed(each) for each in _whole(told, wishes)]
                    return condensed, [errors.get(place, data) for place, data in enumerate(found)]
        except OSError as error:
            return [None] * len(wishes), [error] * len(ranges)
        return super().condense(wishes, ranges)

    def foresee(self, folders: Sequence[str], rule: CondensingRule | None = None) -> None:
        reader, watch = self._current, self._watch
        is_told = rule is None and watch is not None and watch.holds(folders, ())
        if reader is not None and not is_told:
            self._foreseen.ask(reader, folders, rule)

    def scan(self, folders: Sequence[str], marks: Sequence[str]) -> list[Scan | OSError]:
        def ask() -> list[Scan | OSError]:
            found = _whole(self._reader.scan(folders, marks), folders)
            return [error_of(each) or scanned((_stat(entry) for entry in each), marks) for each in found]

        return self._of_each(folders, ask)

    def real(self, path: str) -> str:
        with self._noting_breaks():
            return self._reader.real(path)

    def replace(self, path: str, content: bytes) -> None:
        """Write a small file anew, all of it or nothing. Raises OSError."""
        self._reader.replace(path, content)
        # What was told of it before is not so any more.
        with self._lock:
            watch, self._watch = self._watch, None
            self._folders.forget()
            self._paths.forget()
        self._foreseen.forget()
        if watch is not None:
            watch.stop()

    def inside(self, folder: str, path: str) -> str | None:
        parts = parts_below(path)
        with self._noting_breaks():
            if not parts or not self._reader.inside(folder, "/".join(parts)):
                return None
        return f"{folder}/{'/'.join(parts)}"

    def _watch_of(self, folders: Sequence[str], paths: Sequence[str]) -> Watch | None:
        """Return what tells of all of these; have them watched, where they are asked for again and again."""
        moment = self._monotonic()
        with self._lock:
            self._folders.note(folders, moment)
            self._paths.note(paths, moment)
            reader, watch = self._current, self._watch
            if watch is not None and watch.is_over:
                watch = self._watch = None
            if watch is not None and watch.holds(folders, paths):
                return watch
            if reader is None or moment - self._watched_at < _WATCH_EVERY_SECS:
                return None
            hot, hot_paths = self._folders.hot(moment), self._paths.hot(moment)
            if not (hot or hot_paths) or (watch is not None and watch.holds(hot, hot_paths)):
                return None
            self._watched_at = moment
        new = reader.watch(hot, hot_paths)
        with self._lock:
            if self._current is reader:
                watch, self._watch = self._watch, new
            else:  # another one reads meanwhile
                watch = new
        if watch is not None:
            watch.stop()
        return None

    def _of_each(self, asked: Sequence[Any], ask: Callable[[], list[Answer]]) -> list[Answer | OSError]:
        """Return the answers, or in the place of each what kept the host from answering."""
        if not asked:
            return []
        try:
            with self._noting_breaks(), _broken_answers():
                return [*ask()]
        except OSError as error:
            return [error] * len(asked)

    @contextlib.contextmanager
    def _noting_breaks(self) -> Iterator[None]:
        try:
            yield
        except (ConnectionError, TimeoutError):
            self.breaks += 1
            raise


@contextlib.contextmanager
def _broken_answers() -> Iterator[None]:
    """Make an OSError of an answer that makes no sense."""
    try:
        yield
    except (ValueError, TypeError, KeyError, IndexError, struct.error, zlib.error) as error:
        raise OSError(f"The host's answer cannot be read: {error}") from error


def _whole(found: list[Any], asked: Sequence[Any]) -> list[Any]:
    if len(found) != len(asked):
        raise ValueError(f"{len(found)} parts where {len(asked)} were asked for")
    return found


def _condensed(told: Any) -> Condensed | None:
    """Return what was made of a file; None where that is nothing."""
    if told is None or error_of(told) is not None:
        return None
    offset, head, anchor, points, rows, rest = told
    if not offset:
        return None
    return Condensed(int(offset), bytes.fromhex(head), bytes.fromhex(anchor), int(points), rows, rest)


def _stat(entry: Sequence[Any]) -> FileStat:
    name, is_dir, size, mtime_ns, inode, is_link = entry
    return FileStat(str(name), bool(is_dir), int(size), int(mtime_ns), int(inode), bool(is_link))
