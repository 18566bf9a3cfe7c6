"""What reads a folder of a host for this side, whatever it is: an agent there, or SFTP alone. Every call blocks."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from runicorn.errors import RemoteRootMissingError, RemoteRootUnreadableError, StartError

# Name, whether it is a folder, bytes, time of the last change in ns since 1970, inode, whether it is a link.
Entry = list[Any]


@dataclass(frozen=True)
class Hello:
    """Who answers. root: as an absolute path. error: where that cannot be read. what: in words, for people.

    pid: over there, 0 where nothing of ours runs.
    """

    what: str
    root: str
    error: OSError | None
    pid: int = 0
    round_trip_secs: float = 0.0


class Reader(Protocol):
    """Reads below the root that hello() opened. For any number of threads.

    What cannot be answered because the link or the other end is gone raises ConnectionResetError, and what takes too
    long TimeoutError; both are OSErrors, of which nobody concludes that a file is not there. What alone cannot be read
    is {"error": [name, text]} in its place, see error_of(). urgency: whose answer comes first, the lowest number.
    """

    # Whether watch() is there to tell what changes; where it tells of nothing after all, its answers are short.
    tells_changes: bool

    @property
    def alive(self) -> bool: ...

    @property
    def clock_offset_secs(self) -> float | None:
        """How much the host's clock is ahead of ours, as of its last answer to hello() or answers(): from the middle of
        the round trip, with half of that as its error. None where it tells no time.
        """

    def hello(self, root: str) -> Hello:
        """Open a root, as a person types it."""

    def answers(self, timeout_secs: float) -> float:
        """Return how many ms it takes to answer, before everything else. Raises OSError."""

    def names(self, path: str, urgency: int = 0) -> list[str]:
        """Return the names in a folder; none where it is missing. Raises OSError."""

    def look(self, folders: Sequence[str], urgency: int = 0) -> list[Any]:
        """Return what each folder holds: a list of entries, or an error."""

    def stats(self, paths: Sequence[str], urgency: int = 0) -> list[Any]:
        """Return what is at each path: an entry, None, or an error."""

    def inside(self, folder: str, path: str) -> bool:
        """Tell whether a path below a folder is that of a file there, also if links are followed. Raises OSError."""

    def fetch(
        self, ranges: Sequence[tuple[str, int, int | None]], urgency: int = 0
    ) -> tuple[list[bytes], dict[int, OSError]]:
        """Return the bytes of each range, and the errors of those that could not be read, by their places."""

    def scan(self, folders: Sequence[str], marks: Sequence[str], urgency: int = 0) -> list[Any]:
        """Return the folders in each folder, and the files whose names hold one of the marks: entries, or an error."""

    def condense(
        self, files: Sequence[tuple[str, int, int, int, int]], ranges: Sequence[tuple[str, int, int | None]],
        urgency: int = 0
    ) -> tuple[list[Any], list[bytes], dict[int, OSError]] | None:  # fmt: skip
        """Return what is made of record files over there, see agent.client; None where nothing there makes any."""

    def open(self, folder: str, rule: Sequence[Any] | None) -> Opening | None:
        """Have all told that is going to be asked for of a run's folder, without waiting for any of it; None where that
        is no quicker than to ask one after the other.

        rule: how buckets are made of its record files, see program.do_open; None for none. Raises OSError.
        """

    def real(self, path: str) -> str:
        """Return the absolute path of what is there if links are followed. Raises OSError."""

    def replace(self, path: str, content: bytes) -> None:
        """Write a small file anew, all of it or nothing; nothing else is ever written over there. Raises OSError."""

    def watch(self, folders: Sequence[str], paths: Sequence[str]) -> Watch | None:
        """Have changes of folders, and of what is at paths, told as they happen; None where nothing tells of them."""

    def close(self) -> None: ...


class Opening(Protocol):
    """What was asked for of a folder at once. For any number of threads, each of which waits for what it wants.

    brings: whether the bytes of its record file come, in place of what is made of it.
    """

    @property
    def brings(self) -> bool: ...

    @property
    def is_over(self) -> bool:
        """Whether all that it brings was given."""

    def told(self) -> tuple[list[Any] | dict[str, Any], dict[str, bytes]]:
        """Return the folder's entries, or an error, and what is in its small files, by name. Raises OSError."""

    def condensed(self) -> dict[str, Any]:
        """Return what condense() does of each record file of which anything was made, by its path. Raises OSError."""

    def holds(self, path: str, start: int, length: int) -> bool:
        """Tell whether read() gives these bytes, unless somebody else takes them before."""

    def read(self, path: str, start: int, length: int) -> bytes | None:
        """Return bytes that it brings, once, as fetch() does; None where they are not known. Raises OSError."""

    def close(self) -> None:
        """Let go of what nobody waits for. May be called twice."""


class Watch(Protocol):
    """What is told of folders and paths as it changes. Each answer is None where it is not known here."""

    @property
    def is_over(self) -> bool: ...

    def holds(self, folders: Sequence[str], paths: Sequence[str]) -> bool:
        """Tell whether all of these are watched."""

    def look(self, folders: Sequence[str]) -> list[Any] | None: ...

    def stats(self, paths: Sequence[str]) -> list[Any] | None: ...

    def fetch(self, ranges: Sequence[tuple[str, int, int | None]]) -> list[bytes] | None:
        """Return the bytes of each range, where they were appended just now."""

    def stop(self) -> None: ...


def error_of(answer: Any) -> OSError | None:
    """Return the error that stands in the place of what could not be read there; None where there is none."""
    return os_error(*answer["error"]) if isinstance(answer, dict) and "error" in answer else None


def os_error(name: str, text: str) -> OSError:
    """Return an error by its name, since the same number may mean something else there."""
    return OSError(getattr(errno, name, errno.EIO), text)


def gone(what: str) -> ConnectionResetError:
    return ConnectionResetError(errno.ECONNRESET, f"{what} has ended")


def no_answer(secs: float) -> TimeoutError:
    return TimeoutError(errno.ETIMEDOUT, f"The host gave no answer for {secs:.0f} s")


def root_error(error: OSError, root: str) -> StartError:
    """Return what is wrong with a root that cannot be read, in our words."""
    if isinstance(error, FileNotFoundError):
        return RemoteRootMissingError(f"The folder {root} does not exist on the server.")
    if isinstance(error, NotADirectoryError):
        return RemoteRootMissingError(f"{root} is not a folder on the server.")
    return RemoteRootUnreadableError(f"The folder {root} cannot be read on the server: {error.strerror}.")
