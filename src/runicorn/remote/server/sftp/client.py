"""The client: a folder of a host by SFTP alone, many questions under way at once over one channel, or two."""

from __future__ import annotations

import errno
import secrets
import stat
import struct
import threading
import time
import weakref
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from typing import Any

from runicorn.errors import ConnectionClosedError, SftpUnavailableError
from runicorn.remote.server.reading import Hello, os_error
from runicorn.remote.server.sftp import in_one_go, steps
from runicorn.remote.server.sftp.ahead import Ahead
from runicorn.remote.server.sftp.lane import Lane
from runicorn.remote.server.sftp.lanes import Lanes
from runicorn.remote.server.sftp.opening import Opening
from runicorn.remote.server.sftp.packets import Attrs
from runicorn.remote.ssh.interface import Connection

# From so many names on, their number is remembered.
_LARGE_FOLDER = 100
# For so long, what was seen at a path is known to whoever reads it.
_LATELY_SECS = 10.0
# A file that was changed in this second can be changed once more in it: until so long after it was first seen like
# this, it counts as changed whenever it is looked at. One that is older than any clock is wrong by does not.
_YOUNG_SECS = 2.5
_OLD_SECS = 24 * 3600.0
_MAX_SEEN = 100_000
_PIECE_BYTES = 2**20
# So many files may be brought at once: of each, some MiB are held for who has not come for them yet.
_MOST_AHEAD = 2


class Sftp:
    """See reading.Reader. lane: is closed with this. another: opens one more channel, or raises."""

    tells_changes = False
    clock_offset_secs = None  # it tells no time

    def __init__(self, lane: Lane, another: Callable[[], Lane]) -> None:
        self._lanes = Lanes(lane, another)
        self._lane = lane
        self._root = "/"
        self._seen: dict[str, tuple[Attrs, float, int]] = {}
        self._sizes: dict[str, int] = {}  # of large folders
        self._lately: dict[str, tuple[Attrs, float]] = {}
        self._bringing = threading.Lock()
        self._brought: weakref.WeakSet[Ahead] = weakref.WeakSet()

    @property
    def alive(self) -> bool:
        return self._lane.alive

    def hello(self, root: str) -> Hello:
        # The server knows the home as the folder that it begins in, and no variable.
        for home in ("~", "$HOME", "${HOME}"):
            if root == home or root.startswith(f"{home}/"):
                root = f".{root[len(home) :]}"
        began = time.monotonic()
        real, attrs, error = self._lane.run([steps.real(root), steps.status(root), steps.opens(root)])
        if isinstance(real, OSError):
            return Hello("SFTP", root, real)
        self._root = real
        secs, error = time.monotonic() - began, _root_error(attrs, error)
        if error is None:
            self._lanes.widen_behind(real)
        return Hello("SFTP", real, error, round_trip_secs=secs)

    def answers(self, timeout_secs: float) -> float:
        began = time.monotonic()
        try:
            self._lane.run([steps.real(".")], timeout_secs=timeout_secs)
        except TimeoutError:
            # It answers in order: on a slow link, what was asked before fills it, and comes.
            if self._lane.heard_at < began:
                raise
        return (time.monotonic() - began) * 1000

    def open(self, folder: str, rule: Sequence[Any] | None) -> Opening | None:
        if rule is None:  # what there is to be read is not known before it was looked at
            return None
        return Opening(folder, rule, self.look, self.fetch, self._bring)

    def names(self, path: str, urgency: int = 0) -> list[str]:
        (found,) = self._listed([path])
        if isinstance(found, OSError):
            raise found
        return [name for name, _ in found]

    def look(self, folders: Sequence[str], urgency: int = 0) -> list[Any]:
        lists = self._listed(folders)
        links = [
            (folder, name)
            for folder, entries in zip(folders, lists, strict=True)
            if not isinstance(entries, OSError)
            for name, attrs in entries
            if stat.S_ISLNK(attrs.mode)
        ]
        targets = dict(
            zip(links, self._lane.run([steps.status(self._path(_join(*link))) for link in links]), strict=True)
        )
        found: list[Any] = []
        for folder, entries in zip(folders, lists, strict=True):
            if isinstance(entries, OSError):
                found.append(_told(entries))
                continue
            shown: list[Any] = []
            for name, attrs in entries:
                is_link = stat.S_ISLNK(attrs.mode)
                meant = targets[folder, name] if is_link else attrs
                if isinstance(meant, Attrs):  # a link to nowhere is not there
                    shown.append(self._entry(_join(folder, name), name, meant, is_link))
            found.append(shown)
        return found

    def stats(self, paths: Sequence[str], urgency: int = 0) -> list[Any]:
        found = self._lane.run([steps.status(self._path(path)) for path in paths])
        return [
            _told(each)
            if isinstance(each, OSError)
            else None
            if each is None
            else self._entry(path, path.rsplit("/", 1)[-1], each, False)
            for path, each in zip(paths, found, strict=True)
        ]

    def scan(self, folders: Sequence[str], marks: Sequence[str], urgency: int = 0) -> list[Any]:
        return self.look(folders, urgency)  # a server tells everything of all that a folder holds

    def condense(self, files: Sequence[Any], ranges: Sequence[Any], urgency: int = 0) -> None:
        """Nothing over there makes anything of files."""

    def watch(self, folders: Sequence[str], paths: Sequence[str]) -> None:
        """Nothing over there tells of changes."""

    def real(self, path: str) -> str:
        (found,) = self._lane.run([steps.real(self._path(path))])
        if isinstance(found, OSError):
            raise found
        return str(found)

    def replace(self, path: str, content: bytes) -> None:
        folder, _, name = self._path(path).rpartition("/")
        draft = f"{folder}/.{name}.{secrets.token_hex(8)}.tmp"
        (error,) = self._lane.run([steps.replaced(self._path(path), draft, content)])
        if error is not None:
            raise error

    def inside(self, folder: str, path: str) -> bool:
        whole = self._path(_join(folder, path))
        home, real, attrs = self._lane.run([steps.real(self._path(folder)), steps.real(whole), steps.status(whole)])
        if not isinstance(attrs, Attrs) or isinstance(home, OSError) or isinstance(real, OSError):
            return False
        return str(real).startswith(f"{str(home).rstrip('/')}/") and stat.S_ISREG(attrs.mode)

    def fetch(
        self, ranges: Sequence[tuple[str, int, int | None]], urgency: int = 0
    ) -> tuple[list[bytes], dict[int, OSError]]:
        seen = [self._known(path) for path, _, _ in ranges]
        asked = [(self._path(path), start, length) for path, start, length in ranges]
        found = self._lanes.read(
            [
                None if known is None else in_one_go.fetched(*each, known)
                for each, known in zip(asked, seen, strict=True)
            ],
            [steps.fetched(*each, known) for each, known in zip(asked, seen, strict=True)],
        )
        errors = {place: each for place, each in enumerate(found) if isinstance(each, OSError)}
        return [b"" if isinstance(each, OSError) else each for each in found], errors

    def close(self) -> None:
        self._lanes.close()
        with self._bringing:
            brought = list(self._brought)
        for each in brought:
            each.close()

    def _bring(self, path: str, size: int) -> Ahead | None:
        """Begin to bring a file that was looked at a moment ago; None where as much as there is room for is brought."""
        with self._bringing:
            if sum(not each.is_over for each in self._brought) >= _MOST_AHEAD:
                return None
            ahead = Ahead(path, size)
            self._brought.add(ahead)
        # It ends with what it asks for, as every answer comes in time or there is an error, and when nobody comes.
        threading.Thread(
            target=ahead.bring, args=(self._pieces(path, size),), name="sftp-bringing", daemon=True
        ).start()
        return ahead

    def _pieces(self, path: str, size: int) -> Generator[bytes, None, None]:
        """Yield the first bytes of a file, so many of them, of one opening of it. Raises OSError."""
        known = self._known(path)
        if known is None:  # it took a while until this could begin
            (known,) = self._lane.run([steps.status(self._path(path))])
        if not isinstance(known, Attrs):
            raise known or os_error("ENOENT", "No such file or directory")
        (handle,) = self._lane.run([steps.opened(self._path(path), known)])
        if isinstance(handle, OSError):
            raise handle
        try:
            places = range(0, size, _PIECE_BYTES)
            reads = [steps.read(handle, at, min(size, at + _PIECE_BYTES)) for at in places]
            yield from _in_order(self._lane.each(reads))
        finally:
            with suppress(OSError):
                self._lane.run([steps.closed(handle)])

    def _listed(self, folders: Sequence[str]) -> list[Any]:
        asked = [(self._path(folder), self._sizes.get(folder, 0)) for folder in folders]
        found = self._lanes.read([in_one_go.listed(*each) for each in asked], [steps.listed(*each) for each in asked])
        for folder, entries in zip(folders, found, strict=True):
            if not isinstance(entries, OSError) and len(entries) >= _LARGE_FOLDER:
                self._sizes[folder] = len(entries)
        return found

    def _path(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}" if path else self._root

    def _entry(self, path: str, name: str, attrs: Attrs, is_link: bool) -> list[Any]:
        if len(self._lately) > _MAX_SEEN:
            self._lately.clear()
        self._lately[path] = attrs, time.monotonic()
        return [name, int(stat.S_ISDIR(attrs.mode)), attrs.size, self._time_of(path, attrs), 0, int(is_link)]

    def _known(self, path: str) -> Attrs | None:
        """Return what was at a path when it was looked at a moment ago."""
        attrs, seen_at = self._lately.get(path, (None, 0.0))
        return attrs if time.monotonic() - seen_at < _LATELY_SECS else None

    def _time_of(self, path: str, attrs: Attrs) -> int:
        """Return when a file was changed, in ns: another moment each time, as long as it can be changed unseen."""
        time_ns = attrs.mtime * 10**9
        if stat.S_ISDIR(attrs.mode) or time.time() - attrs.mtime > _OLD_SECS:
            return time_ns
        now = time.monotonic()
        if len(self._seen) > _MAX_SEEN:
            self._seen.clear()
        before = self._seen.get(path)
        if before is None or before[0] != attrs:
            self._seen[path] = before = attrs, now, 0
        seen, since, looks = before
        if now - since >= _YOUNG_SECS:
            return time_ns
        self._seen[path] = seen, since, looks + 1
        return time_ns + looks + 1


def _in_order(pieces: Iterator[tuple[int, bytes | OSError]]) -> Iterator[bytes]:
    """Yield pieces by their numbers, as far as they come whole. Raises OSError."""
    early: dict[int, bytes | OSError] = {}
    number = 0
    for each, piece in pieces:
        early[each] = piece
        while number in early:
            came = early.pop(number)
            if isinstance(came, OSError):
                raise came
            yield came
            if len(came) < _PIECE_BYTES:  # the file ends
                return
            number += 1


def start(connection: Connection, own: Callable[[Any], Any], log: Callable[[str], None]) -> Sftp:
    """Return a reader over a connection. Raises SftpUnavailableError, SessionLimitError, ConnectionClosedError."""
    channel = connection.start_subsystem("sftp")
    own(channel)
    lane = Lane(channel)
    try:
        lane.begin()
    except (OSError, ValueError, struct.error) as error:
        lane.close()
        if not connection.alive:
            raise ConnectionClosedError("The connection closed while SFTP was started.") from error
        raise SftpUnavailableError(
            f"{connection.target.host} offers no file access (SFTP): {getattr(error, 'strerror', None) or error}."
        ) from error
    return Sftp(lane, lambda: _another(connection))


def _another(connection: Connection) -> Lane:
    lane = Lane(connection.start_subsystem("sftp"))
    try:
        lane.begin()
    except BaseException:
        lane.close()
        raise
    return lane


def _root_error(attrs: Attrs | OSError | None, error: OSError | None) -> OSError | None:
    if attrs is None:
        return os_error("ENOENT", "No such file or directory")
    if isinstance(attrs, Attrs) and not stat.S_ISDIR(attrs.mode):
        return os_error("ENOTDIR", "Not a directory")
    return attrs if isinstance(attrs, OSError) else error


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _told(error: OSError) -> dict[str, Any]:
    return {"error": [errno.errorcode.get(error.errno or errno.EIO, "EIO"), error.strerror or str(error)]}
