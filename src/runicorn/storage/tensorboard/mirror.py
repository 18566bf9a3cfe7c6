"""All event files below a root, followed on a thread while somebody looks, and kept as runs in the cache folder.

The folder that is looked at is never written to. Of several viewers of one root, the one that holds the lock
translates; the others read what it wrote, and one of them takes over when it is gone.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from runicorn.storage import layout
from runicorn.storage.tensorboard import logdir
from runicorn.storage.tensorboard.logdir import EventFile, LogFolder
from runicorn.storage.tensorboard.run_mirror import CHUNK_BYTES, FIRST_BYTES, STATE_FILE, RunMirror

POLL_SECS = 0.25
# After this long without anybody looking, nothing is looked for.
DEMAND_SECS = 5.0
FIRST_LOOK_SECS = 1.0
_CLOSE_SECS = 5.0
_IDLE_SECS = 2.0
_WALK_EVERY_SECS = 0.5
_WALK_SLICE_SECS = 0.05
# On a slow file system, spend at most a fifth of the time looking for folders.
_REST_FACTOR = 4
# Where there are no event files, which is so in most storage roots, it is hardly worth looking for them.
_REST_FACTOR_WITHOUT_ANY = 50
# Files that were written to within this time are asked for their size at every poll, others when their folder is found.
_ACTIVE_SECS = 600.0
_RETRY_SECS = 5.0
_LOCK_FILE = "lock"

_log = logging.getLogger(__name__)


def mirror_home(cache: Path, root: Path) -> Path:
    """Return the folder below `cache` that holds the mirror of a root."""
    return cache / "tensorboard" / hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:16]


class Mirror:
    """The runs that TensorBoard's event files below a root stand for. Starts when it is first asked; close() ends it.

    home: where the mirrored runs lie, a storage root of its own; made only when there is something to hold.
    """

    def __init__(self, root: Path, home: Path) -> None:
        self.root = root
        self.home = home
        self._thread: threading.Thread | None = None
        self._start_lock = threading.Lock()
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._first_look = threading.Event()
        self._settled = threading.Event()
        self._asked_at = float("-inf")
        self._first_look_ends_at = float("inf")
        # Of the thread's state, others only read these two, each replaced as a whole.
        self._shown: dict[str, str] = {}
        self._claimed: frozenset[str] = frozenset()

    def runs(self) -> dict[str, str]:
        """Return run ids with their folders below the root, as they are known now; the first call waits up to 1 s."""
        self.look()
        return self._shown

    def source(self, run_id: str) -> Path | None:
        """Return the folder with a run's event files, or None where there is no such run."""
        self.look()
        path = self._shown.get(run_id)
        return None if path is None else self.root / path

    def claimed(self) -> frozenset[str]:
        """Return the names in the root's runs/ below which event files lie, which are no runs of our own."""
        return self._claimed

    def look(self) -> None:
        """Say that somebody looks, so that what is new is taken in during the next seconds."""
        asleep = time.monotonic() - self._asked_at > DEMAND_SECS
        self._asked_at = time.monotonic()
        if self._thread is None:
            self.start()
        elif asleep:
            self._wake.set()
        if not self._first_look.is_set():
            self._first_look.wait(max(0.0, self._first_look_ends_at - time.monotonic()))

    def start(self) -> None:
        """Begin to look, without waiting for what is found."""
        with self._start_lock:
            if self._thread is None and not self._closed.is_set():
                self._asked_at = time.monotonic()
                self._first_look_ends_at = time.monotonic() + FIRST_LOOK_SECS
                self._thread = threading.Thread(target=self._work, name="runicorn-tensorboard", daemon=True)
                self._thread.start()

    def settle(self, timeout_secs: float) -> bool:
        """Wait until all that is there now was taken in; tell whether it was."""
        self.look()
        self._settled.clear()
        ends_at = time.monotonic() + timeout_secs
        while not self._settled.is_set() and time.monotonic() < ends_at and not self._closed.is_set():
            self.look()
            self._settled.wait(POLL_SECS)
        return self._settled.is_set()

    def close(self) -> None:
        """End the thread, and let another viewer take over."""
        self.end_soon()
        if self._thread is not None:
            self._thread.join(_CLOSE_SECS)

    def end_soon(self) -> None:
        """Ask the thread to end, without waiting for it."""
        self._closed.set()
        self._wake.set()
        self._first_look.set()

    def _work(self) -> None:
        try:
            _Worker(self).work()
        except Exception:  # noqa: BLE001 - the rim of a background task: the viewer goes on with what was taken in
            _log.exception("TensorBoard's event files are not followed any more.")
        finally:
            self._first_look.set()


class _Worker:
    """What the thread does and knows."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._folders: dict[str, LogFolder] = {}
        self._runs: dict[str, RunMirror] = {}
        self._backlog: deque[str] = deque()
        self._waiting: set[str] = set()
        self._tried: set[str] = set()
        self._retry_at: dict[str, float] = {}
        self._lock: FileLock | None = None
        self._walker: Iterator[LogFolder | None] | None = None
        self._found: set[str] = set()
        self._walk_secs = 0.0
        self._walked_at = float("-inf")
        self._walked = False
        self._polled_at = float("-inf")
        self._poll_secs = 0.0

    def work(self) -> None:
        mirror = self._mirror
        try:
            while not mirror._closed.is_set():
                if time.monotonic() - mirror._asked_at > DEMAND_SECS:
                    self._release()
                    mirror._wake.wait(_IDLE_SECS)
                    mirror._wake.clear()
                    self._walked_at = float("-inf")
                    continue
                self._walk()
                if self._folders and self._owns():
                    self._poll()
                    self._take_one()
                elif self._folders:
                    self._read_others()
                self._tell()
                if not self._backlog and self._walker is None:
                    mirror._closed.wait(POLL_SECS)
        finally:
            self._release()

    def _tell(self) -> None:
        """Tell those who wait that each run is there, or that all of all runs is."""
        mirror = self._mirror
        shown = len(mirror._shown) + len(self._retry_at) if self._lock is None else len(self._tried)
        if self._walked and shown >= len(self._folders):
            mirror._first_look.set()
            if not self._backlog and self._walker is None:
                mirror._settled.set()

    def _walk(self) -> None:
        """Look for folders for a short while, or rest."""
        started = time.monotonic()
        if self._walker is None:
            rest = _REST_FACTOR if self._folders else _REST_FACTOR_WITHOUT_ANY
            if started - self._walked_at < max(_WALK_EVERY_SECS, self._walk_secs * rest):
                return
            self._walker, self._found, self._walk_secs = logdir.walk(self._mirror.root), set(), 0.0
        while (now := time.monotonic()) - started < _WALK_SLICE_SECS and not self._mirror._closed.is_set():
            try:
                folder = next(self._walker)
            except StopIteration:
                self._walker, self._walked, self._walked_at = None, True, now
                self._drop_missing()
                self._push_again(now)
                break
            if folder is not None:
                self._note(folder)
        self._walk_secs += time.monotonic() - started

    def _note(self, folder: LogFolder) -> None:
        run_id = logdir.run_id(folder.path)
        self._found.add(run_id)
        if self._folders.get(run_id) != folder:
            self._folders[run_id] = folder
            self._push(run_id, first=True)
            self._show_known(run_id, folder)
            parts = folder.path.split("/")
            if parts[0] == layout.RUNS and len(parts) > 1 and parts[1] not in self._mirror._claimed:
                self._mirror._claimed |= {parts[1]}

    def _drop_missing(self) -> None:
        for run_id in [run_id for run_id in self._folders if run_id not in self._found]:
            del self._folders[run_id]
            self._runs.pop(run_id, None)
            self._tried.discard(run_id)
            self._retry_at.pop(run_id, None)
            self._show(run_id, None)

    def _push_again(self, now: float) -> None:
        for run_id in [run_id for run_id, due in self._retry_at.items() if due <= now]:
            del self._retry_at[run_id]
            self._push(run_id, first=False)

    def _poll(self) -> None:
        """Ask the files that are being written to for their sizes."""
        now = time.monotonic()
        if now - self._polled_at < max(POLL_SECS, self._poll_secs * _REST_FACTOR):
            return
        self._polled_at = now
        for run_id, folder in self._folders.items():
            if self._is_active(folder):
                files = tuple(self._look_at(folder, file) for file in folder.files)
                if files != folder.files:
                    self._folders[run_id] = LogFolder(folder.path, files)
                    self._push(run_id, first=True)
        self._poll_secs = time.monotonic() - now

    def _is_active(self, folder: LogFolder) -> bool:
        since = time.time() - _ACTIVE_SECS
        return any(file.mtime >= since for file in folder.files)

    def _look_at(self, folder: LogFolder, file: EventFile) -> EventFile:
        try:
            status = (self._mirror.root / folder.path / file.name).stat()
        except OSError:
            return file  # the next walk tells
        return EventFile(file.name, status.st_size, status.st_mtime)

    def _push(self, run_id: str, *, first: bool) -> None:
        if run_id not in self._waiting:
            self._waiting.add(run_id)
            (self._backlog.appendleft if first else self._backlog.append)(run_id)

    def _take_one(self) -> None:
        """Take in a piece of one run's files. One that has more then waits behind all others."""
        if not self._backlog:
            return
        run_id = self._backlog.popleft()
        self._waiting.discard(run_id)
        folder = self._folders.get(run_id)
        if folder is None or run_id in self._retry_at:
            return
        limit_bytes = CHUNK_BYTES if run_id in self._tried else FIRST_BYTES
        self._tried.add(run_id)
        try:
            run = self._runs.get(run_id)
            if run is None:
                source = self._mirror.root / folder.path
                run = RunMirror(self._mirror.home, folder.path, source, self._mirror.root.resolve().name)
                self._runs[run_id] = run
            more = run.follow(folder.files, limit_bytes=limit_bytes)
            if run.exists:
                self._show(run_id, folder.path)
            if more:
                self._push(run_id, first=False)
            elif not self._is_active(folder):
                del self._runs[run_id]  # its state is on the disk, and thousands of them would fill the memory
        except Exception:  # noqa: BLE001 - the rim of a background task: one run spoils no other
            _log.exception("The event files in %s are left for now.", folder.path)
            self._runs.pop(run_id, None)
            self._retry_at[run_id] = time.monotonic() + _RETRY_SECS

    def _owns(self) -> bool:
        """Tell whether this process may write the mirror; try to become the one that may."""
        if self._lock is not None:
            return True
        try:
            self._mirror.home.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._mirror.home / _LOCK_FILE)
            lock.acquire(timeout=0)
        except (Timeout, OSError, NotImplementedError):
            return False
        self._lock = lock
        self._sweep()
        for run_id in self._folders:
            self._push(run_id, first=False)
        return True

    def _release(self) -> None:
        """Let another process write the mirror, and forget what it will change."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None
            self._runs.clear()

    def _sweep(self) -> None:
        """Remove the drafts of those who were killed."""
        with contextlib.suppress(OSError):
            for entry in (self._mirror.home / layout.RUNS).iterdir():
                if entry.name.startswith(".new-"):
                    shutil.rmtree(entry, ignore_errors=True)

    def _read_others(self) -> None:
        """Show what the process that holds the lock has taken in."""
        self._backlog.clear()
        self._waiting.clear()
        for run_id, folder in self._folders.items():
            self._show_known(run_id, folder)

    def _show_known(self, run_id: str, folder: LogFolder) -> None:
        """Show a run that was taken in by an earlier process, or by another one."""
        state_file = self._mirror.home / layout.RUNS / run_id / STATE_FILE
        if run_id not in self._mirror._shown and state_file.is_file():
            self._show(run_id, folder.path)

    def _show(self, run_id: str, path: str | None) -> None:
        shown = self._mirror._shown
        if shown.get(run_id) == path:
            return
        changed = dict(shown)
        if path is None:
            changed.pop(run_id, None)
        else:
            changed[run_id] = path
        self._mirror._shown = changed
