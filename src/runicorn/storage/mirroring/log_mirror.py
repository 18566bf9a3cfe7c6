"""One log that another tool wrote, followed and kept as a run of our own format."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from runicorn.storage.files import Files, Range, found_or_raise
from runicorn.storage.foreign.config import MAX_CONFIG_BYTES, config_of, config_paths
from runicorn.storage.foreign.kinds import Kind
from runicorn.storage.foreign.line_log import LineLog
from runicorn.storage.foreign.lines import LEAST_PIECE_BYTES
from runicorn.storage.foreign.naming import run_path
from runicorn.storage.foreign.readers import Reader, new_reader, reader_from_json
from runicorn.storage.foreign.taken import Outcome, Taken
from runicorn.storage.foreign.trainer_log import MAX_STATE_BYTES, TrainerLog, newest_state
from runicorn.storage.mirroring.finding import LogFile
from runicorn.storage.mirroring.mirrored_run import CHUNK_BYTES, MirroredRun, UnreadError
from runicorn.storage.tensorboard.logdir import EventFile
from runicorn.storage.tensorboard.translate import Batch


class LogMirror(MirroredRun):
    """kind: of the log, which was told by its first bytes. See MirroredRun."""

    state_version = 1
    _reader: Reader
    _seen: EventFile | None

    def __init__(
        self,
        home: Path,
        log: LogFile,
        kind: Kind,
        files: Files,
        root_name: str,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kind = kind
        self._log_folder = log.path
        self.recorded_by = kind.value
        path = log.log_path
        super().__init__(
            home, log.run_id, files, path=path, filed=run_path(kind, path), root_name=root_name, monotonic=monotonic
        )

    def follow(self, files: Sequence[EventFile], *, limit_bytes: int = CHUNK_BYTES) -> bool:
        file = self._chosen(files)
        if file is None or file == self._seen:
            return False
        try:
            done = self._read_on(file, limit_bytes)
        except UnreadError as error:
            self._leave_out(file.name, error.__cause__, "unreadable-log")
            return False
        self.unread.discard(file.name)
        if done:
            self._seen = file
        self._translator.warnings.update(self._reader.warnings)
        self._commit(file.mtime)
        return not done

    def _chosen(self, files: Sequence[EventFile]) -> EventFile | None:
        """Return which file is the log now."""
        if self._kind is not Kind.TRAINER:
            return files[0] if files else None
        newest = newest_state({file.name: file.mtime for file in files})
        return next((file for file in files if file.name == newest), None)

    def _read_on(self, file: EventFile, limit_bytes: int) -> bool:
        """Take in a part of the log; tell whether all of it that can be read now was read. Raises UnreadError."""
        try:
            if isinstance(self._reader, TrainerLog):
                return self._read_whole(self._reader, file)
            return self._read_lines(self._reader, file, limit_bytes)
        except OSError as error:
            raise UnreadError from error

    def _read_whole(self, reader: TrainerLog, file: EventFile) -> bool:
        data = self._source.read(self._file(file.name), 0, MAX_STATE_BYTES + 1)
        taken = reader.take(data, file.mtime)
        if taken.outcome is Outcome.ANOTHER:
            self._restart()
            return False
        self._take(taken, file, {self._path: data})
        return True

    def _read_lines(self, reader: LineLog, file: EventFile, limit_bytes: int) -> bool:
        path, at, marks = self._file(file.name), reader.consumed_bytes, reader.marks
        length = max(0, min(max(limit_bytes, LEAST_PIECE_BYTES), file.size_bytes - at))
        wanted = [
            Range(path, 0, marks.head_bytes),
            Range(path, at - marks.anchor_bytes, marks.anchor_bytes),
            Range(path, at, length),
        ]
        head, anchor, data = (found_or_raise(each) for each in self._source.fetch(wanted))
        if not reader.is_same(head, anchor):
            self._restart()
            return False
        taken = reader.take(data, file.mtime)
        if taken.outcome is Outcome.ANOTHER:
            self._restart()
            return at == 0  # from its start, it is what it is
        self._take(taken, file, {})
        return at + len(data) >= file.size_bytes or not taken.consumed_bytes

    def _take(self, taken: Taken, file: EventFile, known: dict[str, bytes]) -> None:
        """Append points. known: content of files that was read anyway."""
        batch = Batch()
        translator = self._translator
        for metric, step, moment, value in taken.points:
            when = file.mtime if moment is None else moment
            if translator.started_at is None:
                translator.started_at = when
            self._add_point(batch, metric, step, when, value)
        self._append(batch)
        if taken.points and not translator.config:
            translator.config.update(self._read_config(file, known))

    def _read_config(self, file: EventFile, known: dict[str, bytes]) -> dict[str, Any]:
        names = [file.name.split("/")[0]] if "/" in file.name else []
        paths = config_paths(self._kind, self._path, names)
        read = self._source.fetch([Range(path, 0, MAX_CONFIG_BYTES + 1) for path in paths if path not in known])
        others = iter(read)
        found = {path: known[path] if path in known else next(others) for path in paths}
        return config_of(self._kind, {path: data for path, data in found.items() if not isinstance(data, OSError)})

    def _begin_own(self) -> None:
        self._reader = new_reader(self._kind)
        self._seen = None

    def _noted(self) -> None:
        """Nothing is found by the note."""

    def _own_state(self) -> dict[str, Any]:
        return {"reader": self._reader.to_json()}

    def _take_own_state(self, state: dict[str, Any]) -> None:
        reader = reader_from_json(state["reader"])
        if reader.kind is not self._kind:
            raise ValueError(reader.kind)
        self._reader = reader
