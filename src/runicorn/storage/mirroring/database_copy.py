"""A database of MLflow's, asked where it lies, or as a copy of it where it lies far away.

On this machine SQLite itself sees to it that what is read is whole. Of a file that is read in ranges, the copy is taken
again where something was written meanwhile. Nothing is written beside the database in either case: where its journal is
a write-ahead log, SQLite would make a file there even to read, so that one is copied, too.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runicorn.storage.files import Files, FileStat, LocalFiles, Range, found_or_raise
from runicorn.storage.foreign.mlflow_rows import as_text
from runicorn.storage.foreign.mlflow_text import DATABASE_HEAD
from runicorn.storage.tensorboard.logdir import EventFile, event_file

if TYPE_CHECKING:
    import sqlite3

# Larger ones are read on the machine that they lie on, by a viewer there.
MAX_COPIED_BYTES = 1 << 28
_FOLDER = "databases"
_JOURNAL, _WAL = "-journal", "-wal"
_HEAD_BYTES = 100
_CHANGES = slice(24, 28)
_VERSIONS, _WITH_WAL = slice(18, 20), b"\x02\x02"
# So much longer than it took to copy it, it is left alone.
_REST_FACTOR = 10
_BUSY_SECS = 0.5
# Nobody has been writing to a draft that is so old.
_DRAFT, _DRAFT_SECS = ".new-", 3600.0


def sweep(home: Path) -> None:
    """Remove the drafts of those who were killed while they copied; another process may be at a younger one."""
    with contextlib.suppress(OSError):
        for draft in (home / _FOLDER).iterdir():
            if draft.name.startswith(_DRAFT) and time.time() - draft.stat().st_mtime > _DRAFT_SECS:
                draft.unlink()


class NotNowError(Exception):
    """The database cannot be read at this moment: it is being written to, or it is no whole one."""


class DatabaseCopy:
    """path: of the database, below the root that `files` reads. home: the folder for what is derived.

    too_large: whether it is too large to be copied.
    """

    def __init__(self, files: Files, path: str, home: Path, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._files = files
        self._path = path
        name = hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        self._copy = home / _FOLDER / f"{name}.db"
        self._monotonic = monotonic
        self._copied: tuple[FileStat | None, ...] = ()
        self._rests_until = float("-inf")
        self.too_large = False
        self._is_opened_there = False

    @contextlib.contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """Give a connection to what is there now. Raises NotNowError, OSError."""
        import sqlite3

        place = self._place()
        try:
            with contextlib.closing(
                sqlite3.connect(f"{place.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECS)
            ) as database:
                database.text_factory = as_text
                yield database
        except (sqlite3.Error, UnicodeDecodeError) as error:  # also where the words of an error are damaged
            raise NotNowError(str(error)) from error

    def is_of(self, files: Sequence[EventFile]) -> bool:
        """Tell whether what was opened last is the database, and its log, that a look at its folder showed.

        What is told of single files may be older than such a look, as where a host tells what changes.
        """
        if self._is_opened_there:
            return True
        copied = [event_file(each.name, each) for each in (self._copied[:1] + self._copied[2:]) if each is not None]
        return [(each.size_bytes, each.mtime) for each in copied] == [(each.size_bytes, each.mtime) for each in files]

    def _place(self) -> Path:
        """Return what to open. Raises NotNowError, OSError."""
        head = self._files.read(self._path, 0, _HEAD_BYTES)
        if not head.startswith(DATABASE_HEAD):
            raise NotNowError("it is no database")
        if isinstance(self._files, LocalFiles) and head[_VERSIONS] != _WITH_WAL:
            self._is_opened_there = True
            return self._files.path(self._path)
        self._is_opened_there = False
        self._renew(head)
        if not self._copied:
            raise NotNowError("no whole copy of it could be taken")
        return self._copy

    def _renew(self, head: bytes) -> None:
        """Copy it if it changed, unless it was copied a moment ago, or changes just now. Raises OSError."""
        seen = self._seen()
        if seen == self._copied or self._monotonic() < self._rests_until:
            return
        database, journal, wal = seen
        self.too_large = database is not None and database.size_bytes > MAX_COPIED_BYTES
        if database is None or self.too_large or (journal is not None and journal.size_bytes > 0):
            return
        import sqlite3

        started = self._monotonic()
        self._copy.parent.mkdir(parents=True, exist_ok=True)
        # Other readers of the same root copy it, too, each into a draft of its own.
        draft = self._copy.with_name(f"{_DRAFT}{os.urandom(8).hex()}-{self._copy.name}")
        drafts = [draft, draft.with_name(draft.name + _WAL)]
        try:
            self._take(self._path, database.size_bytes, drafts[0])
            self._take(self._path + _WAL, 0 if wal is None else wal.size_bytes, drafts[1])
            again = self._files.read(self._path, 0, _HEAD_BYTES)
            if again[_CHANGES] == head[_CHANGES] and self._seen() == seen:
                _made_plain(drafts[0])
                drafts[0].replace(self._copy)
                self._copied = seen
        except (sqlite3.Error, UnicodeDecodeError):
            pass  # it was no whole one: it is copied again
        finally:
            # Where there is nothing to show yet, it is tried again sooner.
            factor = _REST_FACTOR if self._copied else 1
            self._rests_until = self._monotonic() + factor * (self._monotonic() - started)
            for each in drafts:
                with contextlib.suppress(OSError):
                    each.unlink(missing_ok=True)

    def _seen(self) -> tuple[FileStat | None, FileStat | None, FileStat | None]:
        database, journal, wal = (
            None if each is None else found_or_raise_status(each)
            for each in self._files.stats([self._path, self._path + _JOURNAL, self._path + _WAL])
        )
        return database, journal, wal

    def _take(self, path: str, size: int, draft: Path) -> None:
        step = self._files.batch_bytes
        with draft.open("wb") as file:
            for at in range(0, size, step):
                file.write(found_or_raise(self._files.fetch([Range(path, at, min(step, size - at))])[0]))


def found_or_raise_status(found: FileStat | OSError) -> FileStat:
    """Return what a look at a file showed. Raises the OSError that it showed instead."""
    if isinstance(found, OSError):
        raise found
    return found


def _made_plain(draft: Path) -> None:
    """Have a copy take in its write-ahead log, so that whoever only reads it makes no file.

    Raises sqlite3.Error, UnicodeDecodeError.
    """
    import sqlite3

    with contextlib.closing(sqlite3.connect(draft, timeout=_BUSY_SECS)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()
