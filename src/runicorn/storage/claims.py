"""Claims: small files that say which process writes something, for whoever would take it away or go on with it.

A claim holds one JSON object with the `host`, `pid`, `pid_start` and `pid_scope` of its process, as run.json does. When
it was last changed is its process's heartbeat.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runicorn import processes
from runicorn.model import Origin
from runicorn.regular_files import read_regular
from runicorn.storage import liveness

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


@dataclass(frozen=True)
class Claim:
    """What a claim says. origin: empty where it says nothing yet. beaten_at: by the file system's clock, unix secs."""

    origin: Origin
    beaten_at: float


class HeldClaim:
    """A claim of this process. A forked child holds none of its parent's: in it, nothing here does anything."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pid = os.getpid()

    def beat(self) -> bool:
        """Let the claim be young; return whether it is still there. Raises OSError."""
        if self._pid == os.getpid():
            try:
                os.utime(self.path)  # without a time given, it is the file server's
            except FileNotFoundError:
                return False
        return True

    def release(self) -> None:
        """Take the claim back. Raises nothing: of a process that is gone it holds up nobody."""
        if self._pid == os.getpid():
            with contextlib.suppress(OSError):
                self.path.unlink()


def create(path: Path) -> HeldClaim:
    """Claim what nobody claims; between processes that ask at once, creating the file decides.

    Raises FileExistsError where there is a claim, OSError.
    """
    fd = os.open(path, _CREATE, 0o644)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(_this_process())
    except BaseException:  # a full disk: an empty claim would hold up others for a while, and say nothing
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    return HeldClaim(path)


def take_over(path: Path) -> HeldClaim:
    """Claim what nobody else may claim now, whatever claim is there. Raises OSError."""
    try:
        return create(path)
    except FileExistsError:
        draft = create(path.with_name(f"{path.name}.{os.urandom(8).hex()}.tmp"))
        try:
            draft.path.replace(path)
        except BaseException:
            draft.release()
            raise
        return HeldClaim(path)


def read(path: Path) -> Claim | None:
    """Return what a claim says, or None where there is none. Raises OSError where that cannot be told."""
    try:
        data = read_regular(path)
        beaten_at = path.stat().st_mtime
    except FileNotFoundError:
        return None
    return Claim(parse(data), beaten_at)


def parse(data: bytes) -> Origin:
    """Return the process that a claim's content names; an empty one where it names none, or is still being written."""
    try:
        found: Any = json.loads(data)
        if isinstance(found, list):  # of older versions
            host, scope, pid, started_at = found
            return Origin(host=str(host), pid=int(pid), pid_started_at=float(started_at), pid_scope=_scope(scope))
        start = found["pid_start"]
        return Origin(
            host=str(found["host"]),
            pid=int(found["pid"]),
            pid_scope=_scope(found["pid_scope"]),
            pid_start=None if start is None else int(start),
        )
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return Origin()


def time_on(folder: Path) -> float:
    """Return the time by the clock of the folder's file system, which is that of its files; else this machine's."""
    path = folder / f".clock-{os.urandom(8).hex()}"
    try:
        fd = os.open(path, _CREATE, 0o600)
        try:
            return os.fstat(fd).st_mtime
        finally:
            os.close(fd)
            path.unlink()
    except OSError:
        return time.time()


def _this_process() -> bytes:
    place, pid = liveness.here(), os.getpid()
    known = {"host": place.host, "pid": pid, "pid_start": processes.start_of(pid), "pid_scope": place.scope}
    return json.dumps(known).encode("ascii")


def _scope(value: object) -> str | None:
    return value if isinstance(value, str) else None
