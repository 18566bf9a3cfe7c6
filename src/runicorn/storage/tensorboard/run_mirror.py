"""One folder of event files, followed and kept as a run of our own format.

What was read and what was written is noted together in one file that is replaced at once: whatever kills the process,
the next one cuts off what was written beyond the note and goes on from there, so that nothing is lost or doubled.
Where the note is large, as with thousands of metrics, it is not renewed at each growth but some seconds later; points
and events are appended at once in any case.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runicorn.errors import RunExistsError
from runicorn.storage import layout
from runicorn.storage.files import Files, Range, found_or_raise
from runicorn.storage.jsonio import decode_object
from runicorn.storage.rewinding import events_before, records_before
from runicorn.storage.tensorboard import checksums, framing, logdir
from runicorn.storage.tensorboard.framing import Frames, Stop
from runicorn.storage.tensorboard.logdir import EventFile
from runicorn.storage.tensorboard.pacing import Pace
from runicorn.storage.tensorboard.translate import Piece, Translator
from runicorn.storage.writer import create_run_folder, replace_bytes, replace_json

STATE_FILE = "mirror.json"
STATE_VERSION = 2
CHUNK_BYTES = 1 << 18
FIRST_BYTES = 1 << 14  # enough to show a run in the list
# A record that is larger than this is passed over: a graph of that size is no use here, and memory is not endless.
MAX_RECORD_BYTES = 1 << 28
_HEAD_BYTES = 64
_LEAST_READ_BYTES = 1 << 12  # a piece too small for a record's head would look like the end of the file
_APPENDED = (layout.keys_file(layout.METRICS_FILE), layout.EVENTS_FILE, layout.METRICS_FILE)


@dataclass
class _Followed:
    """How far an event file was read.

    head: its first bytes, which tell it from another one of the same name. seen: the file as it was when all was read
    that could be. awaited: the byte that the next record ends at, 0 where its head is not there. broken: the bytes at
    `offset` that are no record's head, where it goes no further.
    """

    number: int
    offset: int = 0
    head: bytes = b""
    damaged: bool = False
    seen: EventFile | None = None
    awaited: int = 0
    broken: bytes = b""

    @classmethod
    def from_json(cls, name: str, state: dict[str, Any]) -> _Followed:
        """Raises KeyError, TypeError or ValueError for what to_json() never returns."""
        seen = state.get("seen")
        return cls(
            state["number"],
            state["offset"],
            bytes.fromhex(state["head"]),
            state["damaged"],
            None if seen is None else EventFile(name, int(seen[0]), float(seen[1])),
        )

    def to_json(self) -> dict[str, Any]:
        """Return what the next process needs. One that was read to its end is not opened again before it changes."""
        whole = self.seen if self.seen is not None and self.seen.size_bytes == self.offset else None
        return {
            "number": self.number,
            "offset": self.offset,
            "head": self.head.hex(),
            "damaged": self.damaged,
            **({} if whole is None else {"seen": [whole.size_bytes, whole.mtime]}),
        }


class _UnreadError(Exception):
    """An event file cannot be read now. Its cause says why."""


class RunMirror:
    """The mirror of one folder of event files. Only one process at a time may have it.

    home: a storage root of the cache folder. path: of the folder with the event files, below the root that `files`
    reads. root_name: what that root's folder is called. monotonic: a clock in seconds. unread: names of files that
    could not be read for a moment.
    """

    def __init__(
        self, home: Path, path: str, files: Files, root_name: str, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.run_id = logdir.run_id(path)
        self._pace = Pace(monotonic)
        self._home = home
        self._path = path
        self._source = files
        self._root_name = root_name
        self._folder = home / layout.RUNS / self.run_id
        self._begin()
        self._load()

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

    def follow(self, files: Sequence[EventFile], *, limit_bytes: int = CHUNK_BYTES) -> bool:
        """Take in about `limit_bytes` of what is new in these files, all of the folder's; tell whether more is left.

        What is read and written is in proportion to what is new, however large the files are. An event file that cannot
        be read is left out. Raises OSError where the mirror cannot be written; it must not be used any further then.
        """
        if self._is_another(files):
            self._restart()
        left = limit_bytes
        more = False
        heartbeat_at = max((file.mtime for file in files), default=0.0)
        changed = not self._created or heartbeat_at != self._heartbeat_at
        for file in files:
            followed = self._files.setdefault(file.name, _Followed(len(self._files)))
            if followed.seen == file:
                continue
            if left <= 0:
                more = True
                break
            before, damaged = followed.offset, followed.damaged
            try:
                done = self._follow_file(file, followed, left)
            except _UnreadError as error:
                self._leave_out(file.name, error)
                continue
            self.unread.discard(file.name)
            left -= followed.offset - before
            changed |= followed.offset != before or followed.damaged != damaged
            if done:
                followed.seen = file
            else:  # what comes later may go back to a step of this one
                more = True
                break
        if changed:
            self._commit(heartbeat_at)
        return more

    def settle(self) -> None:
        """Renew the run's status, and the note that the next process goes on from. Raises OSError as follow() does."""
        if not self.owes:
            return
        status, note = self._folder / layout.STATUS_FILE, self._folder / STATE_FILE
        replace_json(status, self._status(self._heartbeat_at))
        replace_json(note, self._state())
        self._pace.wrote(status.stat().st_size + note.stat().st_size)
        self._noted_files = len(self._files)
        self._owes = False

    def _follow_file(self, file: EventFile, followed: _Followed, limit_bytes: int) -> bool:
        """Take in a part of one file; tell whether all of it that can be read now was read."""
        if file.size_bytes < followed.awaited:
            return True
        try:
            data, found = self._read(file, followed, limit_bytes)
        except OSError as error:
            raise _UnreadError from error
        followed.awaited = 0 if found.spans or not found.needed else followed.offset + found.needed
        if found.needed > MAX_RECORD_BYTES and not found.spans:
            return self._pass_over(file, followed)
        at_end = found.needed == 0 and followed.offset + len(data) >= file.size_bytes
        damaged = found.stop is Stop.DAMAGED
        whole, consumed = self._whole(data, found, waits=at_end or damaged)
        waits = consumed < found.consumed
        if whole:
            self._take(Piece(data, whole, followed.number, followed.offset))
        followed.offset += consumed
        followed.broken = data[consumed : consumed + framing.HEAD_BYTES] if damaged and not waits else b""
        if waits or (damaged and followed.offset + framing.HEAD_BYTES <= file.size_bytes):
            # On network disks, zeros may stand for a moment where bytes are still coming: it is looked at again.
            if not followed.damaged:
                self._translator.warn("damaged-event-file")
            followed.damaged = True
            return True
        return followed.offset >= file.size_bytes or (not found.spans and found.stop is Stop.TORN)

    def _read(self, file: EventFile, followed: _Followed, limit_bytes: int) -> tuple[bytes, Frames]:
        """Return the next piece of a file, with the whole of its first record where that is there. Raises OSError."""
        left = file.size_bytes - followed.offset
        path, at = self._file(file.name), followed.offset
        length = min(len(followed.broken) or max(limit_bytes, _LEAST_READ_BYTES), left)
        wanted = [Range(path, at, length)]
        if len(followed.head) < _HEAD_BYTES:
            wanted.append(Range(path, 0, _HEAD_BYTES))
        data, *heads = (found_or_raise(each) for each in self._source.fetch(wanted))
        if heads:
            followed.head = heads[0]
        if followed.broken and data != followed.broken:
            data += self._more(path, at, data, min(max(limit_bytes, _LEAST_READ_BYTES), left))
        found = framing.frames(data)
        if not found.spans and len(data) < found.needed <= min(left, MAX_RECORD_BYTES):
            data += self._more(path, at, data, found.needed)
            found = framing.frames(data)
        return data, found

    def _more(self, path: str, at: int, data: bytes, length: int) -> bytes:
        """Return what comes after a piece that was read from `at`, up to `length` bytes of both. Raises OSError."""
        return self._source.read(path, at + len(data), max(0, length - len(data)))

    def _file(self, name: str) -> str:
        """Return where an event file lies below the root."""
        return f"{self._path}/{name}" if self._path else name

    def _leave_out(self, name: str, error: _UnreadError) -> None:
        """Go on without a file; that is told of one that is not a matter of a moment."""
        if name not in self.unread and not isinstance(error.__cause__, (ConnectionError, TimeoutError)):
            self._translator.warn("unreadable-event-file")
        self.unread.add(name)

    def _pass_over(self, file: EventFile, followed: _Followed) -> bool:
        """Go on behind a record that is too large, once all of it is there; tell whether nothing is left then."""
        if followed.awaited > file.size_bytes:
            return True
        self._translator.warn("huge-event")
        followed.offset, followed.awaited = followed.awaited, 0
        return followed.offset >= file.size_bytes

    def _whole(self, data: bytes, found: Frames, *, waits: bool) -> tuple[list[tuple[int, int]], int]:
        """Return the records that are as they were written, and the bytes that are done with; count the others.

        waits: leave those at the end that are not whole, which may be still to come.
        """
        intact = checksums.intact(data, found.spans)
        done = len(intact)
        while waits and done and not intact[done - 1]:
            done -= 1
        for ok in intact[:done]:
            if not ok:
                self._translator.warn("damaged-event")
        whole = [span for span, ok in zip(found.spans, intact, strict=True) if ok]
        if done == len(intact):
            return whole, found.consumed
        return whole, found.spans[done][0] - framing.HEAD_BYTES

    def _take(self, piece: Piece) -> None:
        """Append what these records say; the note of it is made by _commit()."""
        batch = self._translator.take(piece)
        if batch.rewinds_to is not None:
            self._rewind(batch.rewinds_to)
        for name, parts in zip(_APPENDED, (batch.keys, batch.events, batch.records), strict=True):
            if parts:
                self._pending[name] = self._pending.get(name, b"") + b"".join(parts)
        if batch.events and piece.file_number >= self._noted_files:
            self._pace.hurry()  # media are found by the note: see file_names()
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
        if not self._translator.started_at and not self._translator.warnings:
            return  # nothing but an empty file so far
        if not self._created:
            self._create(heartbeat_at)
        for name in _APPENDED:  # names before the records that use them
            data = self._pending.pop(name, b"")
            if data:
                append(self._folder / name, data)
                self._lengths[name] += len(data)
        if self._translator.config != self._config:
            replace_json(self._folder / layout.RUN_FILE, self._info(heartbeat_at))
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
        self._created = True

    def _info(self, heartbeat_at: float) -> dict[str, Any]:
        project, name = logdir.project_and_name(self._path, self._root_name)
        self._config.clear()
        self._config.update(self._translator.config)
        started_at = self._translator.started_at
        return {
            "id": self.run_id,
            "project": project,
            "name": name,
            "config": self._config,
            "tags": [],
            "created_at": layout.iso(heartbeat_at if started_at is None else started_at),
            "host": logdir.host_of(next(iter(self._files), "")),
            "recorded_by": "tensorboard",
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
            "version": STATE_VERSION,
            "path": self._path,
            "files": {name: each.to_json() for name, each in self._files.items()},
            "lengths": self._lengths,
            "heartbeat_at": self._heartbeat_at,
            **self._translator.to_json(),
        }

    def _is_another(self, files: Sequence[EventFile]) -> bool:
        """Tell whether something that was read is not there any more: a file is gone, shorter, or another one."""
        present = {file.name: file for file in files}
        for name, followed in self._files.items():
            file = present.get(name)
            if file is None or file.size_bytes < followed.offset:
                return True
            if followed.seen != file and followed.head and not self._begins_with(name, followed.head):
                return True
        return False

    def _begins_with(self, name: str, head: bytes) -> bool:
        try:
            return self._source.read(self._file(name), 0, len(head)) == head
        except OSError:
            return True  # nothing is known of it now

    def _begin(self) -> None:
        self._translator = Translator()
        self._files: dict[str, _Followed] = {}
        self._lengths = dict.fromkeys(_APPENDED, 0)
        self._pending: dict[str, bytes] = {}
        self._config: dict[str, Any] = {}
        self._created = False
        self._heartbeat_at = 0.0
        self._owes = False
        self._noted_files = 0
        self.unread: set[str] = set()
        self._pace.hurry()

    def _restart(self) -> None:
        self._begin()
        with contextlib.suppress(FileNotFoundError):
            (self._folder / STATE_FILE).unlink()

    def _load(self) -> None:
        """Go on from the note that an earlier process left, if what it speaks of is there."""
        try:
            state = decode_object((self._folder / STATE_FILE).read_bytes()) or {}
            if state["version"] != STATE_VERSION or state["path"] != self._path:
                return
            translator = Translator.from_json(state)
            files = {name: _Followed.from_json(name, each) for name, each in state["files"].items()}
            heartbeat_at = float(state["heartbeat_at"])
            lengths = {name: state["lengths"][name] for name in _APPENDED}
            for name, length in lengths.items():
                if length and (self._folder / name).stat().st_size < length:
                    return  # the machine went down before it was on the disk
            for name, length in lengths.items():
                if (self._folder / name).exists():
                    os.truncate(self._folder / name, length)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return  # begun anew
        self._translator, self._files, self._lengths = translator, files, lengths
        self._noted_files = len(files)
        self._config = dict(translator.config)
        self._heartbeat_at = heartbeat_at
        self._created = True


def append(path: Path, data: bytes) -> None:
    """Append all of `data`; raises OSError where the disk takes a part only."""
    with path.open("ab", buffering=0) as file:
        if file.write(data) != len(data):
            raise OSError(f"{path.name} could not be written whole.")


def file_names(state: dict[str, Any]) -> dict[int, str]:
    """Return the event files of a mirrored run by number, from what its state file holds."""
    files = state.get("files")
    return {each["number"]: name for name, each in files.items()} if isinstance(files, dict) else {}
