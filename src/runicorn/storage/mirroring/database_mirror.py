"""One run of MLflow's database, followed and kept as a run of our own format."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runicorn.storage.files import Files
from runicorn.storage.foreign import mlflow_rows
from runicorn.storage.foreign.facts import Facts
from runicorn.storage.foreign.mlflow_rows import Standing
from runicorn.storage.growing import OLD_SECS
from runicorn.storage.mirroring.database_copy import MAX_COPIED_BYTES, DatabaseCopy, NotNowError
from runicorn.storage.mirroring.finding import LogFile
from runicorn.storage.mirroring.mirrored_run import CHUNK_BYTES, MirroredRun
from runicorn.storage.mirroring.told_run import told_info, told_note, told_status
from runicorn.storage.tensorboard.logdir import EventFile, run_id
from runicorn.storage.tensorboard.translate import Batch

_ROW_BYTES = 64


@dataclass(frozen=True)
class DatabaseRun:
    """One run in a database. path: of the folder that this lies in, as of other logs. row: MLflow's id of the run."""

    path: str
    files: tuple[EventFile, ...]
    name: str
    row: str
    standing: Standing
    database: DatabaseCopy = field(compare=False)

    @property
    def log_path(self) -> str:
        """What stands for it below the root."""
        return f"{self.path}/{self.name}/{self.row}" if self.path else f"{self.name}/{self.row}"

    @property
    def run_id(self) -> str:
        return run_id(self.log_path, "log")


class Databases:
    """The databases below a root, each asked again when it changed. home: the folder for what is derived.

    problem: why one of them is not shown, in one sentence.
    """

    def __init__(self, files: Files, home: Callable[[], Path]) -> None:
        self._files = files
        self._home = home
        self._known: dict[str, tuple[LogFile, dict[str, DatabaseRun]]] = {}
        self._copies: dict[str, DatabaseCopy] = {}
        self.problem: str | None = None

    def runs(self, log: LogFile) -> Iterator[DatabaseRun]:
        """Yield the runs of a database that was found; those known before, where it cannot be read at this moment."""
        before, known = self._known.get(log.log_path, (None, {}))
        if before != log:
            self.problem = None
            copy = self._copies.setdefault(log.log_path, DatabaseCopy(self._files, log.log_path, self._home()))
            try:
                with copy.opened() as database:
                    standings = mlflow_rows.standings(database)
            except ImportError:  # a Python that was built without SQLite
                self.problem = f"The database {log.log_path} is not shown: this Python has no SQLite."
            except (NotNowError, OSError) as error:
                if time.time() - log.files[0].mtime > OLD_SECS:  # nobody writes to it, so it stays as it is
                    self.problem = f"The database {log.log_path} is not shown: {error}."
                if copy.too_large:
                    self.problem = (
                        f"The database {log.log_path} is not shown: it is larger than "
                        f"{MAX_COPIED_BYTES >> 20} MiB, and would be copied. A viewer on its machine reads it."
                    )
            else:
                (file,) = log.files[:1]
                known = {row: self._run(log, file, row, each, copy, known) for row, each in standings.items()}
                # Of a copy that is older than what was seen, there is more to come.
                if copy.is_of(log.files):
                    self._known[log.log_path] = (log, known)
        yield from known.values()

    @staticmethod
    def _run(
        log: LogFile, file: EventFile, row: str, standing: Standing, copy: DatabaseCopy, known: dict[str, DatabaseRun]
    ) -> DatabaseRun:
        before = known.get(row)
        if before is not None and before.standing == standing:
            return before
        # Of one that is seen for the first time, nobody knows when it changed.
        changed_at = standing.last_time if before is None else file.mtime
        changed = replace(file, size_bytes=standing.points, mtime=changed_at)
        return DatabaseRun(log.path, (changed,), log.candidate.path, row, standing, copy)


class DatabaseMirror(MirroredRun):
    """log: the run in its database. See MirroredRun."""

    state_version = 1
    recorded_by = "mlflow"
    _told: Facts | None
    _after: int
    _taken: int

    def __init__(
        self,
        home: Path,
        log: DatabaseRun,
        files: Files,
        root_name: str,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._row = log.row
        self._database = log.database
        path = log.log_path
        super().__init__(home, log.run_id, files, path=path, filed=log.path, root_name=root_name, monotonic=monotonic)

    def follow(self, files: Sequence[EventFile], *, limit_bytes: int = CHUNK_BYTES) -> bool:
        (file,) = files
        limit = max(1, limit_bytes // _ROW_BYTES)
        try:
            if file.size_bytes < self._taken:
                self._restart()
            with self._database.opened() as database:
                told = mlflow_rows.facts_of(database, self._row)
                rows = mlflow_rows.points_after(database, self._row, self._after, limit)
        except NotNowError:
            self.unread.add(file.name)
            return False
        except OSError as error:
            self._leave_out(file.name, error, "unreadable-log")
            return False
        self.unread.discard(file.name)
        if told is None:
            return False  # it is gone, which the next look at the database tells
        changed = told != self._told or bool(rows) or file.mtime != self._heartbeat_at
        self._told = told
        batch = Batch()
        for row, point in rows:
            self._after, self._taken = row, self._taken + 1
            if point is None or point.time is None:
                self._translator.warn("unreadable-metric-line")
                continue
            if self._translator.started_at is None:
                self._translator.started_at = point.time
            self._add_point(batch, point.metric, point.step, point.time, point.value)
        self._append(batch)
        if changed:
            self._commit(file.mtime)
        return len(rows) == limit

    def _is_begun(self) -> bool:
        return self._told is not None

    def _info(self, heartbeat_at: float) -> dict[str, Any]:
        assert self._told is not None
        return {**super()._info(heartbeat_at), **told_info(self._told, self._row)}

    def _status(self, heartbeat_at: float) -> dict[str, Any]:
        status = super()._status(heartbeat_at)
        return status if self._told is None else {**status, **told_status(self._told, heartbeat_at)}

    def _note(self) -> str:
        return "" if self._told is None else told_note(self._told)

    def _begin_own(self) -> None:
        self._after = 0
        self._taken = 0
        self._told = None

    def _noted(self) -> None:
        """Nothing is found by the note."""

    def _own_state(self) -> dict[str, Any]:
        return {"after": self._after, "taken": self._taken}

    def _take_own_state(self, state: dict[str, Any]) -> None:
        after, taken = int(state["after"]), int(state["taken"])
        self._after, self._taken = after, taken
