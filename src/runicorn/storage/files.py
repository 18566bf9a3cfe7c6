"""How a storage root is read: look into folders, stat, fetch ranges of bytes. Paths are relative to it, with slashes.

Reading is asked for in batches, because behind a slow link each call is a round trip, however much it asks for.
"""

from __future__ import annotations

import abc
import contextlib
import errno
import functools
import io
import os
import stat as stat_mode
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TypeVar

from runicorn.regular_files import leads_nowhere, open_regular, read_range
from runicorn.storage import layout

Found = TypeVar("Found")
Item = TypeVar("Item")


class FileStat(NamedTuple):
    """What identifies a file's content without reading it. inode is 0 where the system has none.

    Of a link, all of it is said of what it points to. is_link is told by look() only.
    """

    name: str
    is_dir: bool
    size_bytes: int
    mtime_ns: int
    inode: int
    is_link: bool = False


Listing = Mapping[str, FileStat]


class Scan(NamedTuple):
    """What a folder holds, without a look at each file. files: those that were asked for. folders: whether each of them
    is a link, by name.
    """

    files: list[FileStat]
    folders: dict[str, bool]


class Range(NamedTuple):
    """A part of a file: `length` bytes from `start`, or all of the rest for None."""

    path: str
    start: int = 0
    length: int | None = None


class Condensing(NamedTuple):
    """A wish for the buckets of a record file in place of its first bytes. points, of_many: how many points make one,
    and how many do where at least `many` metrics take turns in the file.
    """

    path: str
    size_bytes: int
    points: int
    of_many: int
    many: int


class CondensingRule(NamedTuple):
    """How many points make a bucket of record files that nobody has looked at yet.

    least_bytes, most_bytes: of files that are condensed by it. steps: bytes below which a file's buckets are of so many
    points, in order, the last of them above most_bytes; and of these. of_many, many: as in Condensing.
    """

    least_bytes: int
    most_bytes: int
    steps: tuple[tuple[int, int], ...]
    of_many: int
    many: int


class Condensed(NamedTuple):
    """What was made of a record file up to a byte: rows of pyramid.levels.BUCKET, and the points that fill none, whose
    fields are those of levels.Points. head, anchor: see growing.Marks. points: how many make a bucket.
    """

    offset: int
    head: bytes
    anchor: bytes
    points: int
    rows: bytes
    rest: bytes


# The word `list` is a method within the classes.
Scans = list[Scan | OSError]


class Files(abc.ABC):
    """Read access to one storage root.

    What cannot be read gives an OSError in its place, and spoils nothing else that was asked for in the same call: of
    what cannot be read for a moment, nobody may conclude that it is not there.
    """

    # About how much is asked for in one call where more is wanted: what takes memory here, and a round trip elsewhere.
    batch_bytes = 32 * 2**20
    # Into how many folders scan() is asked to look at once by who goes through all of them.
    batch_folders = 8
    # Whether condense() may be worth asking.
    condenses = False
    # Whether pour() costs less than reading.
    pours = False

    @property
    def is_metered(self) -> bool:
        """Whether every look comes over a link as a whole, since nothing at its other end tells what has changed."""
        return False

    @abc.abstractmethod
    def names(self, path: str) -> list[str]:
        """Return the names of what a folder holds, which may cost far less than look(); nothing where it is missing.

        Raises OSError.
        """

    @abc.abstractmethod
    def look(self, folders: Sequence[str]) -> list[list[FileStat] | OSError]:
        """Return what each folder holds, in no order; nothing of one that is missing."""

    @abc.abstractmethod
    def stats(self, paths: Sequence[str]) -> list[FileStat | OSError | None]:
        """Return what is at each path, None where nothing is."""

    @abc.abstractmethod
    def fetch(self, ranges: Sequence[Range]) -> list[bytes | OSError]:
        """Return the bytes of each range, fewer where the file ends before; FileNotFoundError for what is missing."""

    @abc.abstractmethod
    def inside(self, folder: str, path: str) -> str | None:
        """Return the path of a file below a folder; None where there is none, or it lies outside if links are followed.

        path: by whoever asks, to be trusted in nothing. Raises OSError.
        """

    def scan(self, folders: Sequence[str], marks: Sequence[str]) -> Scans:
        """Return the folders in each folder, and the files whose names hold one of the marks; nothing of one that is
        missing. Of a folder with a million other files, this costs their names only, where that is possible.
        """
        return [each if isinstance(each, OSError) else scanned(each, marks) for each in self.look(folders)]

    def condense(
        self, wishes: Sequence[Condensing], ranges: Sequence[Range]
    ) -> tuple[list[Condensed | None], list[bytes | OSError]]:
        """Return what is made of record files where they lie, None where they are to be read; and what fetch() does,
        read behind that.
        """
        return [None for _ in wishes], self.fetch(ranges)

    def foresee(  # noqa: B027 - where nothing is far, there is nothing to do
        self, folders: Sequence[str], rule: CondensingRule | None = None
    ) -> None:
        """Take note that these folders of runs are looked into next, and what is in their small files, and the buckets
        of their record files if there is a rule for them. What can be asked for at once, is. Waits for nothing.
        """

    def pour(self, path: str, sizes: Iterable[int], take: Callable[[memoryview], bool]) -> None:
        """Give a file to `take` from its beginning, in pieces of these sizes in bytes, until that returns False.

        Where the file ends, one is shorter, and is the last. Each lies in the memory of the one before: whoever takes
        one holds on to nothing of it. All come of one opening of the file, so that none is of another one that is put
        in its place meanwhile. Raises OSError, also where files are not poured.
        """
        raise OSError(errno.ENOTSUP, "is only read in ranges", path)

    def real(self, path: str) -> str:
        """Return the absolute path of what is there if links are followed, as the machine has it where it lies.

        Raises OSError, also where that cannot be told.
        """
        raise OSError(errno.ENOTSUP, "links are not followed here", path)

    def arriving(self) -> int:
        """Return how many runs are known that names() does not show yet, as somebody else still brings them."""
        return 0

    def list(self, path: str) -> list[FileStat]:
        """Return what one folder holds: look(). Raises OSError."""
        return found_or_raise(self.look([path])[0])

    def stat(self, path: str) -> FileStat | None:
        """Return what is at one path: stats(). Raises OSError."""
        return found_or_raise(self.stats([path])[0])

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        """Return one range of a file: fetch(). Raises OSError."""
        return found_or_raise(self.fetch([Range(path, offset, length)])[0])


def found_or_raise(found: Found | OSError) -> Found:
    """Return what a batch gave for one of its parts, or raise the error that stands in its place."""
    if isinstance(found, OSError):
        raise found
    return found


def scanned(entries: Iterable[FileStat], marks: Sequence[str]) -> Scan:
    """Return what of a folder's entries scan() shows."""
    found = Scan([], {})
    for entry in entries:
        if entry.is_dir:
            found.folders[entry.name] = entry.is_link
        elif any(mark in entry.name for mark in marks):
            found.files.append(entry)
    return found


def in_calls(items: Iterable[Item], size_bytes: Callable[[Item], int], most_bytes: int) -> Iterator[list[Item]]:
    """Yield items in groups whose bytes can be asked for in one call, as far as that is possible."""
    group: list[Item] = []
    left = most_bytes
    for item in items:
        size = size_bytes(item)
        if group and size > left:
            yield group
            group, left = [], most_bytes
        group.append(item)
        left -= size
    if group:
        yield group


def by_name(entries: Iterable[FileStat]) -> Listing:
    """Return what look() showed of a folder by the names in it."""
    return {entry.name: entry for entry in entries}


class OneByOne(Files):
    """Files of this machine, where a batch is nothing but its parts: made of list(), stat() and read()."""

    def look(self, folders: Sequence[str]) -> list[list[FileStat] | OSError]:
        found: list[list[FileStat] | OSError] = []
        for folder in folders:
            try:
                found.append(self.list(folder))
            except OSError as error:
                found.append(error)
        return found

    def stats(self, paths: Sequence[str]) -> list[FileStat | OSError | None]:
        found: list[FileStat | OSError | None] = []
        for path in paths:
            try:
                found.append(self.stat(path))
            except OSError as error:
                found.append(error)
        return found

    def fetch(self, ranges: Sequence[Range]) -> list[bytes | OSError]:
        found: list[bytes | OSError] = []
        for path, start, length in ranges:
            try:
                found.append(self.read(path, start, length))
            except OSError as error:
                found.append(error)
        return found


# From so many bytes on, it is worth that what was read is put where something was before: see _keep_large_blocks().
_LARGE_BYTES = 2**20


@functools.cache
def _keep_large_blocks() -> None:
    """Have blocks of up to some MiB stay with this process when they are let go of, for the next ones.

    The C library of Linux asks the system for each larger one, and touching it for the first time costs as much as
    reading into it. Its limit rises to the size of the largest block that was ever let go of: mallopt(3),
    M_MMAP_THRESHOLD. On other systems this does nothing.
    """
    bytearray(2 * LocalFiles.batch_bytes)


class _Buffer(threading.local):
    """Memory of a thread that reads much: touching new one for the first time costs as much as reading into it."""

    memory = bytearray()

    def of(self, size: int) -> memoryview:
        if len(self.memory) < size:
            self.memory = bytearray(size)
        return memoryview(self.memory)[:size]


class LocalFiles(OneByOne):
    """A storage root on this machine's file systems."""

    batch_bytes = 4 * 2**20
    pours = True
    _buffer = _Buffer()

    def __init__(self, root: Path) -> None:
        self.root = root
        self._prefix = os.fspath(root) + os.sep

    def names(self, path: str) -> list[str]:
        try:
            return os.listdir(self._prefix + path)  # noqa: PTH208 - see stat
        except OSError as error:
            if leads_nowhere(error):
                return []
            raise

    def inside(self, folder: str, path: str) -> str | None:
        parts = parts_below(path)
        if not parts:
            return None
        home = self.path(folder)
        try:
            file = home.joinpath(*parts).resolve(strict=True)
            if file.is_relative_to(home.resolve(strict=True)) and file.is_file():
                return f"{folder}/{'/'.join(parts)}"
        except OSError as error:
            if not leads_nowhere(error):
                raise
        except (RuntimeError, ValueError):  # a circle of links before Python 3.13, a forbidden name
            pass
        return None

    def list(self, path: str) -> list[FileStat]:
        try:
            with os.scandir(self._prefix + path) as entries:
                return [found for entry in entries if (found := _entry_stat(entry)) is not None]
        except OSError as error:
            if leads_nowhere(error):
                return []
            raise

    def scan(self, folders: Sequence[str], marks: Sequence[str]) -> Scans:
        found: Scans = []
        for folder in folders:
            try:
                found.append(_scan(self._prefix + folder, marks))
            except OSError as error:
                found.append(Scan([], {}) if leads_nowhere(error) else error)
        return found

    def real(self, path: str) -> str:
        return os.path.realpath(self._prefix + path)

    def stat(self, path: str) -> FileStat | None:
        try:
            status = os.stat(self._prefix + path)  # noqa: PTH116 - ten times per run and listing; Path doubles the cost
        except OSError as error:
            if leads_nowhere(error):
                return None
            raise
        return _file_stat(path.rsplit("/", 1)[-1], status)

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        if length is not None and length >= _LARGE_BYTES:
            _keep_large_blocks()
        if length is not None:
            return read_range(self._prefix + path, offset, length)
        with open_regular(self._prefix + path) as file:
            file.seek(offset)
            return file.read() or b""

    def pour(self, path: str, sizes: Iterable[int], take: Callable[[memoryview], bool]) -> None:
        _keep_large_blocks()  # for what `take` needs in between
        with open_regular(self._prefix + path) as file:
            for size in sizes:
                piece = self._buffer.of(size)
                count = _fill(file, piece)
                if not count or not take(piece[:count]) or count < size:
                    return

    def path(self, path: str) -> Path:
        """Return where a relative path lies on this machine."""
        return self.root / path


def parts_below(path: str) -> tuple[str, ...]:
    """Return the parts of a path that somebody asks for below a folder; none where it leads out of it by its text."""
    parts = PurePosixPath(path).parts
    return () if any(part in ("..", "/") or any(char in part for char in "\\:\0") for part in parts) else parts


def walk(files: Files, path: str, *, limit: int = 1000, depth: int = 4) -> list[tuple[str, FileStat]]:
    """Return the files under a folder with their paths below it, at most `limit`, sorted by path.

    Left out are the claims of writers, which come and go, and folders below it that cannot be read. Links to folders
    are not followed: they may lead out of it, or round in circles. Raises OSError where the folder itself cannot be
    read.
    """
    found: list[tuple[str, FileStat]] = []
    level = [""]
    for left in range(depth, -1, -1):
        deeper: list[str] = []
        for below, entries in zip(level, files.look([f"{path}/{below}" if below else path for below in level]),
                                  strict=True):  # fmt: skip
            if isinstance(entries, OSError):
                if not below:
                    raise entries
                continue
            for entry in entries:
                name = f"{below}/{entry.name}" if below else entry.name
                if entry.name.startswith(layout.CLAIM_PREFIX):
                    continue
                if not entry.is_dir:
                    found.append((name, entry))
                elif left > 0 and not entry.is_link:
                    deeper.append(name)
        level = deeper
        if not level or len(found) >= limit:
            break
    return sorted(found)[:limit]


def _entry_stat(entry: os.DirEntry[str]) -> FileStat | None:
    try:
        status = _file_stat(entry.name, entry.stat())
        return status._replace(is_link=True) if entry.is_symlink() else status
    except OSError:  # gone since the folder was read, or a link to nowhere
        return None


def _fill(file: io.FileIO, piece: memoryview) -> int:
    """Read until a piece is full or the file ends; return how many bytes came."""
    count = 0
    while count < len(piece) and (came := file.readinto(piece[count:])):
        count += came
    return count


def _scan(folder: str, marks: Sequence[str]) -> Scan:
    found = Scan([], {})
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):  # gone meanwhile, or a link to nowhere
                if entry.is_dir():
                    found.folders[entry.name] = entry.is_symlink()
                elif any(mark in entry.name for mark in marks):
                    # Windows keeps what a folder says of an open file as it was when the file was opened.
                    status = os.stat(entry.path) if os.name == "nt" else entry.stat()  # noqa: PTH116
                    if stat_mode.S_ISREG(status.st_mode):
                        found.files.append(_file_stat(entry.name, status))
    return found


def _file_stat(name: str, status: os.stat_result) -> FileStat:
    return FileStat(name, stat_mode.S_ISDIR(status.st_mode), status.st_size, status.st_mtime_ns, status.st_ino)
