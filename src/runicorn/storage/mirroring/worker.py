"""The thread behind a mirror: finds event files, follows those that grow, and takes them in piece by piece.

Each turn is short: a slice of the walk through the folders, a look at the files that are being written to, one piece of
one run. So a new point of a live run is not held up by a logdir that is still being taken in.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from filelock import FileLock, Timeout

from runicorn.storage import layout
from runicorn.storage.files import Files, FileStat, Range
from runicorn.storage.foreign import recognition
from runicorn.storage.foreign.kinds import Kind
from runicorn.storage.mirroring import database_copy, finding
from runicorn.storage.mirroring.board import FIRST_LOOK_SECS, Board
from runicorn.storage.mirroring.database_mirror import DatabaseMirror, DatabaseRun, Databases
from runicorn.storage.mirroring.event_mirror import EventMirror
from runicorn.storage.mirroring.finding import EventFolder, Log, LogFile, Unreadable
from runicorn.storage.mirroring.log_mirror import LogMirror
from runicorn.storage.mirroring.mirrored_run import CHUNK_BYTES, FIRST_BYTES, STATE_FILE, MirroredRun
from runicorn.storage.mirroring.mlflow_mirror import MlflowMirror
from runicorn.storage.mirroring.prefetching import MOST_LOGS, PrefetchedFiles
from runicorn.storage.mirroring.wandb_mirror import WandbMirror
from runicorn.storage.tensorboard.logdir import EventFile, event_file

POLL_SECS = 0.25
# After this long without anybody looking, nothing is looked for.
DEMAND_SECS = 5.0
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
_MANY = 50
_RECOGNISED_AT_ONCE = 32
_FEW_BYTES = 1 << 14
_LOCK_FILE = "lock"

_AnyLog: TypeAlias = Log | DatabaseRun

_log = logging.getLogger(__name__)


class Worker:
    """What the thread does and knows. work() returns when the board is closed."""

    def __init__(self, board: Board, files: Files, root_name: str) -> None:
        self._board = board
        self._files = files
        self._root_name = root_name
        self._folders: dict[str, _AnyLog] = {}
        self._databases = Databases(files, lambda: board.home)
        self._prefetched = PrefetchedFiles(files)
        self._ahead: set[str] = set()
        self._runs: dict[str, MirroredRun] = {}
        self._backlog: deque[str] = deque()
        self._waiting: set[str] = set()
        self._tried: set[str] = set()
        self._grew_at: dict[str, float] = {}
        self._retry_at: dict[str, float] = {}
        self._kinds: dict[str, Kind] = {}
        self._unsure: dict[str, LogFile] = {}
        self._no_logs: dict[str, tuple[EventFile, ...]] = {}
        self._lock: FileLock | None = None
        self._walker: Iterator[Log | Unreadable | None] | None = None
        self._found: set[str] = set()
        self._walk_secs = 0.0
        self._walked_at = float("-inf")
        self._walked = False
        self._is_blind = False  # the folder itself could not be looked at
        self._polled_at = float("-inf")
        self._poll_secs = 0.0
        self._reading_since: float | None = None

    def work(self) -> None:
        board = self._board
        try:
            while not board.closed.is_set():
                if board.unwatched_secs() > DEMAND_SECS:
                    self._release()
                    board.wake.wait(_IDLE_SECS)
                    board.wake.clear()
                    self._walked_at = float("-inf")
                    continue
                self._walk()
                self._recognise()
                if self._folders and not self._is_blind and self._owns():
                    self._poll()
                    self._take_one()
                    self._settle()
                elif self._folders:
                    self._read_others()
                self._tell()
                if not self._backlog and self._walker is None and not self._unsure:
                    board.closed.wait(POLL_SECS)
        finally:
            self._release()

    def _tell(self) -> None:
        """Tell those who wait that each run is there, or that all of all runs is."""
        board = self._board
        waiting = len(self._folders) - len(self._tried if self._lock is not None else board.shown) + len(self._unsure)
        if self._lock is not None or self._reading_since is None:
            done = len(self._tried) >= len(self._folders)
        else:  # of what another process never shows, such as an empty file, nothing is known here
            waited_secs = time.monotonic() - self._reading_since
            done = len(board.shown) >= len(self._folders) or waited_secs > FIRST_LOOK_SECS
        if self._walked and done and not self._unsure:
            board.first_look.set()
            if (
                not self._backlog
                and self._walker is None
                and not self._unsure
                and not any(run.owes for run in self._runs.values())
            ):
                board.settled.set()
        if not board.first_look.is_set() and (self._folders or self._unsure):
            board.arriving = max(1, waiting)
        else:  # some that come later are there before anybody could read of it
            board.arriving = waiting if self._lock is not None and waiting >= _MANY else 0

    def _walk(self) -> None:
        """Look for folders for a short while, or rest."""
        started = time.monotonic()
        if self._walker is None:
            rest = _REST_FACTOR if self._folders else _REST_FACTOR_WITHOUT_ANY
            if started - self._walked_at < max(_WALK_EVERY_SECS, self._walk_secs * rest):
                return
            self._walker, self._found, self._walk_secs = finding.walk(self._files), set(), 0.0
        while (now := time.monotonic()) - started < _WALK_SLICE_SECS and not self._board.closed.is_set():
            try:
                folder = next(self._walker)
            except StopIteration:
                self._walker, self._walked, self._walked_at = None, True, now
                self._is_blind = False
                self._drop_missing()
                self._push_again(now)
                break
            except OSError:  # nothing is known of it now, so that nothing is gone
                self._walker, self._walked_at = None, now
                # Another viewer may see more, as one that reads the same host by a link that holds.
                self._is_blind = True
                self._release()
                self._push_again(now)
                break
            if isinstance(folder, Unreadable):
                self._found |= {run_id for run_id, each in self._folders.items() if _is_below(each.path, folder.path)}
            elif folder is not None:
                self._note(folder)
        self._walk_secs += time.monotonic() - started

    def _note(self, folder: _AnyLog) -> None:
        run_id = folder.run_id
        self._found.add(run_id)
        if isinstance(folder, LogFile) and run_id not in self._kinds:
            if self._no_logs.get(run_id) != folder.files:
                self._unsure[run_id] = folder
            return
        if isinstance(folder, LogFile) and self._kinds[run_id] is Kind.MLFLOW_DATABASE:
            self._owns()  # a copy lies where this process writes, or would
            for each in self._databases.runs(folder):
                self._note(each)
            self._board.database_problem = self._databases.problem
            return
        known = self._folders.get(run_id)
        if known != folder:
            self._folders[run_id] = folder
            if known is not None:
                self._grew_at[run_id] = time.monotonic()
            self._push(run_id, first=True)
            self._show_known(run_id, folder)
            parts = folder.path.split("/")
            if parts[0] == layout.RUNS and len(parts) > 1:
                self._board.claimed |= {parts[1]}

    def _drop_missing(self) -> None:
        for known in (self._kinds, self._no_logs):
            for run_id in [run_id for run_id in known if run_id not in self._found]:
                del known[run_id]
        for run_id in [run_id for run_id in self._folders if run_id not in self._found]:
            del self._folders[run_id]
            self._runs.pop(run_id, None)
            self._tried.discard(run_id)
            self._retry_at.pop(run_id, None)
            self._grew_at.pop(run_id, None)
            self._board.hide(run_id)

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
        asked = [
            (run_id, folder, file)
            for run_id, folder in self._folders.items()
            if self._is_active(run_id, folder) and not isinstance(folder, DatabaseRun)  # those change with the walk
            # Of many files in a folder, most were written by programs that ended: they are left to the walk.
            for since in [max(file.mtime for file in folder.files) - _ACTIVE_SECS]
            for file in folder.files
            if file.mtime >= since
        ]
        with contextlib.suppress(OSError):  # what cannot be read at all is as it was
            stats = self._files.stats([_path(folder, file) for _, folder, file in asked])
            for (run_id, _, file), status in zip(asked, stats, strict=True):
                if isinstance(status, FileStat):  # of others, the next walk tells
                    self._grew(run_id, file, event_file(file.name, status), now)
        self._poll_secs = time.monotonic() - now

    def _grew(self, run_id: str, before: EventFile, file: EventFile, now: float) -> None:
        """Take in how a file is now, if it is not as it was."""
        if file == before:
            return
        folder = self._folders[run_id]
        files = tuple(file if each.name == file.name else each for each in folder.files)
        self._folders[run_id] = replace(folder, files=files)
        self._grew_at[run_id] = now
        self._push(run_id, first=True)

    def _is_active(self, run_id: str, folder: _AnyLog) -> bool:
        """Tell whether a run was written to lately, by the clock of its disk or by what was seen here."""
        if time.monotonic() - self._grew_at.get(run_id, float("-inf")) < _ACTIVE_SECS:
            return True
        since = time.time() - _ACTIVE_SECS
        return any(file.mtime >= since for file in folder.files)

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
        limit_bytes = max(CHUNK_BYTES, self._files.batch_bytes // 16) if run_id in self._tried else FIRST_BYTES
        self._tried.add(run_id)
        try:
            run = self._runs.get(run_id)
            if run is None:
                self._prefetch(run_id)
                run = self._runs[run_id] = self._open(folder)
            more = run.follow(folder.files, limit_bytes=limit_bytes)
            if run_id in self._ahead and not isinstance(folder, DatabaseRun):
                self._ahead.discard(run_id)
                self._prefetched.forget(folder)
            if run.exists:
                self._board.show(run_id, folder.path)
            elif not run.unread:  # deleted by its own tool; one that cannot be read just now stays as it was
                self._board.hide(run_id)
            if more:
                self._push(run_id, first=False)
            elif run.unread:
                self._retry_at[run_id] = time.monotonic() + _RETRY_SECS
            elif not self._is_active(run_id, folder):
                run.settle()
                del self._runs[run_id]  # its state is on the disk, and thousands of them would fill the memory
        except Exception:  # noqa: BLE001 - the rim of a background task: one run spoils no other
            self._leave(run_id)

    def _prefetch(self, run_id: str) -> None:
        """Ask for the first bytes of a run's log together with those of the next ones that nothing is known of."""
        if run_id in self._ahead:
            return
        logs, ids = [], []
        for each in (run_id, *self._backlog):
            log = self._folders.get(each)
            is_new = each == run_id or each not in self._tried
            if log is None or isinstance(log, DatabaseRun) or not is_new or self._state_file(each).is_file():
                continue
            logs.append((log, self._kinds.get(each)))
            ids.append(each)
            if len(logs) == MOST_LOGS:
                break
        self._ahead = set(ids[: self._prefetched.prefetch(logs)]) if logs else set()

    def _state_file(self, run_id: str) -> Path:
        return self._board.home / layout.RUNS / run_id / STATE_FILE

    def _open(self, log: _AnyLog) -> MirroredRun:
        files = self._prefetched
        if isinstance(log, EventFolder):
            return EventMirror(self._board.home, log.path, files, self._root_name)
        if isinstance(log, DatabaseRun):
            return DatabaseMirror(self._board.home, log, files, self._root_name)
        kind = self._kinds[log.run_id]
        if kind is Kind.WANDB:
            return WandbMirror(self._board.home, log, files, self._root_name)
        if kind is Kind.MLFLOW:
            return MlflowMirror(self._board.home, log, files, self._root_name)
        return LogMirror(self._board.home, log, kind, files, self._root_name)

    def _recognise(self) -> None:
        """Look at the first bytes of some files whose names are those of logs."""
        logs = list(self._unsure.values())[: max(_RECOGNISED_AT_ONCE, self._files.batch_folders)]
        if not logs:
            return
        found = self._heads(logs, _FEW_BYTES)
        # Where the first lines of a longer one do not tell, more of them may.
        unsure = [at for at, (log, head) in enumerate(zip(logs, found, strict=True)) if _may_tell_more(log, head)]
        for at, head in zip(unsure, self._heads([logs[at] for at in unsure], recognition.HEAD_BYTES), strict=True):
            found[at] = head
        for log, head in zip(logs, found, strict=True):
            del self._unsure[log.run_id]
            if isinstance(head, OSError):
                continue  # the next walk finds it again
            kind = recognition.kind_of(log.candidate, head)
            if kind is None:
                self._no_logs[log.run_id] = log.files
            else:
                self._kinds[log.run_id] = kind
                self._note(log)

    def _heads(self, logs: Sequence[LogFile], length: int) -> list[bytes | OSError]:
        try:
            return self._files.fetch([Range(_path(log, log.files[0]), 0, length) for log in logs]) if logs else []
        except OSError as error:  # nothing is known of them now
            return [error] * len(logs)

    def _settle(self) -> None:
        """Renew the notes that are due; at once where somebody waits for all of it."""
        for run_id, run in list(self._runs.items()):
            if run.owes and (run.due or (self._board.asked_to_settle and run_id not in self._waiting)):
                try:
                    run.settle()
                except Exception:  # noqa: BLE001 - as in _take_one
                    self._leave(run_id)

    def _leave(self, run_id: str) -> None:
        """Leave a run that failed alone for a while; the exception is being handled."""
        folder = self._folders.get(run_id)
        _log.exception("The event files in %s are left for now.", run_id if folder is None else folder.path)
        self._runs.pop(run_id, None)
        self._retry_at[run_id] = time.monotonic() + _RETRY_SECS

    def _owns(self) -> bool:
        """Tell whether this process may write the mirror; try to become the one that may."""
        if self._lock is not None:
            return True
        try:
            self._board.home.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._board.home / _LOCK_FILE)
            lock.acquire(timeout=0)
        except Timeout:
            return False
        except (OSError, NotImplementedError) as error:
            return self._manage_without(error) and self._owns()
        self._lock = lock
        self._board.problem = None
        self._reading_since = None
        self._sweep()
        for run_id in self._folders:
            self._push(run_id, first=False)
        return True

    def _manage_without(self, error: Exception) -> bool:
        """Go on in a temporary folder where the cache cannot be written; tell whether there is one."""
        home = self._board.home
        if self._board.move_to_temporary():
            _log.warning("The cache folder %s cannot be written; what is read is kept until the end: %s", home, error)
            return True
        if self._board.problem is None:
            reason = getattr(error, "strerror", None) or str(error)
            self._board.problem = (
                "TensorBoard's event files are not shown: neither the cache folder nor a temporary folder can be "
                f"written ({home}: {reason})."
            )
            _log.warning("%s", self._board.problem)
        return False

    def _release(self) -> None:
        """Let another process write the mirror, and forget what it will change."""
        if self._lock is not None:
            for run in self._runs.values():
                with contextlib.suppress(OSError):  # the next one reads again what is not noted
                    run.settle()
            self._lock.release()
            self._lock = None
            self._runs.clear()

    def _sweep(self) -> None:
        """Remove the drafts of those who were killed."""
        with contextlib.suppress(OSError):
            for entry in (self._board.home / layout.RUNS).iterdir():
                if entry.name.startswith(".new-"):
                    shutil.rmtree(entry, ignore_errors=True)
        database_copy.sweep(self._board.home)

    def _read_others(self) -> None:
        """Show what the process that holds the lock has taken in."""
        if self._reading_since is None:
            self._reading_since = time.monotonic()
        self._backlog.clear()
        self._waiting.clear()
        for run_id, folder in self._folders.items():
            self._show_known(run_id, folder)

    def _show_known(self, run_id: str, folder: _AnyLog) -> None:
        """Show a run that was taken in by an earlier process, or by another one."""
        if run_id not in self._board.shown and self._state_file(run_id).is_file():
            self._board.show(run_id, folder.path)


def _may_tell_more(log: LogFile, head: bytes | OSError) -> bool:
    return (
        not isinstance(head, OSError) and len(head) == _FEW_BYTES and recognition.kind_of(log.candidate, head) is None
    )


def _path(folder: _AnyLog, file: EventFile) -> str:
    return f"{folder.path}/{file.name}" if folder.path else file.name


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")
