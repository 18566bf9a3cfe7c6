"""A run of our own format that is made of a log of somebody else's, and goes on as that does.

What was read and what was written is noted together in one file that is replaced at once: whatever kills the process,
the next one cuts off what was written beyond the note and goes on from there, so that nothing is lost or doubled.
Where the note is large, as with thousands of metrics, it is not renewed at each growth but some seconds later; points
and events are appended at once in any case.
"""

from __future__ import annotations

import abc
import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from runicorn.errors import RunExistsError
from runicorn.storage import layout
from runicorn.storage.files import Files, Range
from runicorn.storage.jsonio import decode_object
from runicorn.storage.mirroring.pacing import Pace
from runicorn.storage.rewinding import events_before, records_before
from runicorn.storage.tensorboard.logdir import EventFile, project_and_name
from runicorn.storage.tensorboard.translate import Batch, Translator
from runicorn.storage.writer import create_run_folder, replace_bytes, replace_json

STATE_FILE = "mirror.json"
CHUNK_BYTES = 1 << 18
FIRST_BYTES = 1 << 14  # enough to show a run in the list
MOST_NAME_CHARACTERS = 500
_MOST_METRICS = 10_000
_APPENDED = (layout.keys_file(layout.METRICS_FILE), layout.EVENTS_FILE, layout.CONSOLE_FILE, layout.METRICS_FILE)


class UnreadError(Exception):
    """A file cannot be read now. Its cause says why."""


class MirroredRun(abc.ABC):
    """One log as a run. Only one process at a time may have it.

    home: a storage root of the cache folder. files: how the log is read. path: of the log below its root, which the
    note names. filed: the path that its project and its name are made of. root_name: what the root's folder is called.
    monotonic: a clock in seconds. unread: names of files that could not be read for a moment.
    """

    # Another version's note is not gone on with. recorded_by: what run.json says of who wrote the log.
    state_version = 0
    recorded_by = ""
    _log_folder = ""  # below the root, in which the log's files lie
    _heartbeat_at: float
    _shown: dict[str, Any] | None  # what run.json says

    def __init__(
        self,
        home: Path,
        run_id: str,
        files: Files,
        *,
        path: str,
        filed: str,
        root_name: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.run_id = run_id
        self._pace = Pace(monotonic)
        self._home = home
        self._path = path
        self._filed = filed
        self._source = files
        self._root_name = root_name
        self._folder = home / layout.RUNS / run_id
        self._begin()
        self._load()

    @abc.abstractmethod
    def follow(self, files: Sequence[EventFile], *, limit_bytes: int = CHUNK_BYTES) -> bool:
        """Take in about `limit_bytes` of what is new in these files, all of the log's; tell whether more is left.

        What is read and written is in proportion to what is new, however large the files are. A file that cannot be
        read is left out. Raises OSError where the mirror cannot be written; it must not be used any further then.
        """

    @abc.abstractmethod
    def _begin_own(self) -> None:
        """Forget what was read."""

    @abc.abstractmethod
    def _own_state(self) -> dict[str, Any]:
        """Return what of it the next process needs."""

    @abc.abstractmethod
    def _take_own_state(self, state: dict[str, Any]) -> None:
        """Go on from what _own_state() returned. Raises KeyError, TypeError or ValueError for something else."""

    @abc.abstractmethod
    def _noted(self) -> None:
        """What was read is in the note now."""

    def _is_begun(self) -> bool:
        """Tell whether there is something to show."""
        return bool(self._translator.started_at or self._translator.warnings)

    def _note(self) -> str:
        """Return the note that the log tells."""
        return ""

    def _give_note(self) -> None:
        """Write down the log's own note, unless somebody has written one here."""
        note, path = self._note(), self._folder / layout.NOTES_FILE
        if note and not path.exists():
            replace_json(path, {"note": note})

    def _host(self) -> str:
        """Return the machine that the log tells, or nothing."""
        return ""

    @property
    def exists(self) -> bool:
        """Whether there is something to show."""
        return self._created

    @property
    def owes(self) -> bool:
        """Whether status and note lag behind what was appended; settle() renews them."""
        return self._owes

    @property
    def due(self) -> bool:
        """Whether it is time to renew them again, if they are large."""
        return self._pace.due

    def settle(self) -> None:
        """Renew the run's status, and the note that the next process goes on from. Raises OSError as follow() does."""
        if not self.owes:
            return
        status, note = self._folder / layout.STATUS_FILE, self._folder / STATE_FILE
        replace_json(status, self._status(self._heartbeat_at))
        replace_json(note, self._state())
        self._pace.wrote(status.stat().st_size + note.stat().st_size)
        self._noted()
        self._owes = False

    def _file(self, name: str) -> str:
        """Return where one of the log's files lies below the root."""
        return f"{self._log_folder}/{name}" if self._log_folder else name

    def _is_cut(self, files: Sequence[EventFile], read: Mapping[str, int]) -> bool:
        """Tell whether one of the log's files has not the bytes any more that were read of it. read: how many, by name.

        A look may be older than what was read since, as where a host tells by itself what changes there: only a
        file's own bytes say that it was cut, or is gone. Of one that cannot be read now, nothing else is known. Those
        that look shorter are asked in one call.
        """
        sizes = {file.name: file.size_bytes for file in files}
        asked = [Range(self._file(name), size - 1, 1) for name, size in read.items() if sizes.get(name, 0) < size]
        try:
            found = self._source.fetch(asked) if asked else []
        except OSError:
            return False
        return any(isinstance(each, FileNotFoundError) if isinstance(each, OSError) else not each for each in found)

    def _leave_out(self, name: str, cause: BaseException | None, warning: str) -> None:
        """Go on without a file; that is told of one that is not a matter of a moment. cause: why it was not read."""
        if name not in self.unread and not isinstance(cause, (ConnectionError, TimeoutError)):
            self._translator.warn(warning)
        self.unread.add(name)

    def _add_point(self, batch: Batch, metric: str, step: int, moment: float, value: float) -> None:
        """Add a point to what is to be appended, unless it is of too many metrics. moment: unix seconds."""
        translator = self._translator
        if metric not in translator.stats and len(translator.stats) >= _MOST_METRICS:
            translator.warn("too-many-metrics")
        else:
            translator.add(batch, metric[:MOST_NAME_CHARACTERS], step, moment, value)

    def _append(self, batch: Batch) -> None:
        """Take what is to be appended; the note of it is made by _commit()."""
        if batch.rewinds_to is not None:
            self._rewind(batch.rewinds_to)
        for name, parts in zip(_APPENDED, (batch.keys, batch.events, batch.console, batch.records), strict=True):
            if parts:
                self._pending[name] = self._pending.get(name, b"") + b"".join(parts)
        if batch.rewinds_to is not None:
            self._translator.recount(self._pending.get(layout.METRICS_FILE, b""))

    def _rewind(self, step: int) -> None:
        """Begin the files of points and events anew with what is before a step; who is killed in it begins anew."""
        with contextlib.suppress(FileNotFoundError):
            (self._folder / STATE_FILE).unlink()
        for name, kept in ((layout.METRICS_FILE, records_before), (layout.EVENTS_FILE, events_before)):
            path = self._folder / name
            written = path.read_bytes()[: self._lengths[name]] if self._lengths[name] else b""
            self._pending[name] = kept(written + self._pending.get(name, b""), step)
            self._lengths[name] = 0
            if self._created:
                # Renamed over: between unlink and touch, a file system may give the same inode again, and a reader
                # that knows a file by its inode would go on in the middle of the new one.
                replace_bytes(path, b"")
        self._pace.hurry()  # the note is gone: there is to be a new one at once

    def _commit(self, heartbeat_at: float) -> None:
        if not self._is_begun():
            return  # nothing but an empty file so far
        if not self._created:
            self._create(heartbeat_at)
        for name in _APPENDED:  # names before the records that use them
            data = self._pending.pop(name, b"")
            if data:
                append(self._folder / name, data)
                self._lengths[name] += len(data)
        info = self._info(heartbeat_at)
        if info != self._shown:
            replace_json(self._folder / layout.RUN_FILE, info)
            self._shown = info
        self._give_note()
        self._heartbeat_at = heartbeat_at
        self._owes = True
        if self._pace.due:
            self.settle()

    def _create(self, heartbeat_at: float) -> None:
        """Make the run's folder, or renew the files of one that is there; notes.json stays in any case."""
        info, status = self._info(heartbeat_at), self._status(heartbeat_at)
        try:
            create_run_folder(self._home, self.run_id, {layout.RUN_FILE: info, layout.STATUS_FILE: status})
        except RunExistsError:
            for name in _APPENDED:
                # Another file under the same name, so that a reader notices that it begins anew: see _rewind.
                if name == layout.METRICS_FILE or (self._folder / name).exists():
                    replace_bytes(self._folder / name, b"")
            replace_json(self._folder / layout.RUN_FILE, info)
        self._created, self._shown = True, info

    def _info(self, heartbeat_at: float) -> dict[str, Any]:
        project, name = project_and_name(self._filed, self._root_name)
        started_at = self._translator.started_at
        return {
            "id": self.run_id,
            "project": project,
            "name": name,
            "config": dict(self._translator.config),
            "tags": [],
            "created_at": layout.iso(heartbeat_at if started_at is None else started_at),
            "host": self._host(),
            "recorded_by": self.recorded_by,
        }

    def _status(self, heartbeat_at: float) -> dict[str, Any]:
        return {
            "state": "running",  # an event file has no end mark; whoever reads this goes by the heartbeat
            "heartbeat_at": layout.iso(heartbeat_at),
            "finished_at": None,
            "exit_reason": None,
            "step": self._translator.step,
            "summary": {},
            "metrics": self._translator.status_metrics(),
            "warnings": self._translator.warnings,
        }

    def _state(self) -> dict[str, Any]:
        return {
            "version": self.state_version,
            "path": self._path,
            "lengths": self._lengths,
            "heartbeat_at": self._heartbeat_at,
            **self._own_state(),
            **self._translator.to_json(),
        }

    def _begin(self) -> None:
        self._translator = Translator()
        self._lengths = dict.fromkeys(_APPENDED, 0)
        self._pending: dict[str, bytes] = {}
        self._shown = None
        self._created = False
        self._heartbeat_at = 0.0
        self._owes = False
        self.unread: set[str] = set()
        self._begin_own()
        self._pace.hurry()

    def _restart(self) -> None:
        self._begin()
        with contextlib.suppress(FileNotFoundError):
            (self._folder / STATE_FILE).unlink()

    def _load(self) -> None:
        """Go on from the note that an earlier process left, if what it speaks of is there."""
        try:
            state = decode_object((self._folder / STATE_FILE).read_bytes()) or {}
            if state["version"] != self.state_version or state["path"] != self._path:
                return
            translator = Translator.from_json(state)
            heartbeat_at = float(state["heartbeat_at"])
            lengths = {name: state["lengths"][name] for name in _APPENDED}
            for name, length in lengths.items():
                if length and (self._folder / name).stat().st_size < length:
                    return  # the machine went down before it was on the disk
            for name, length in lengths.items():
                if (self._folder / name).exists():
                    os.truncate(self._folder / name, length)
            self._take_own_state(state)
            shown = decode_object((self._folder / layout.RUN_FILE).read_bytes())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self._begin_own()
            return  # begun anew
        self._translator, self._lengths, self._shown = translator, lengths, shown
        self._heartbeat_at = heartbeat_at
        self._created = True


def append(path: Path, data: bytes) -> None:
    """Append all of `data`; raises OSError where the disk takes a part only."""
    with path.open("ab", buffering=0) as file:
        if file.write(data) != len(data):
            raise OSError(f"{path.name} could not be written whole.")
