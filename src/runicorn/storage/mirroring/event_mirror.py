"""One folder of event files, followed and kept as a run of our own format."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runicorn.storage.files import Files, Range, found_or_raise
from runicorn.storage.mirroring.mirrored_run import CHUNK_BYTES, MirroredRun, UnreadError
from runicorn.storage.tensorboard import checksums, framing, logdir
from runicorn.storage.tensorboard.framing import Frames, Stop
from runicorn.storage.tensorboard.logdir import EventFile
from runicorn.storage.tensorboard.translate import Piece

# A record that is larger than this is passed over: a graph of that size is no use here, and memory is not endless.
MAX_RECORD_BYTES = 1 << 28
_HEAD_BYTES = 64
_LEAST_READ_BYTES = 1 << 12  # a piece too small for a record's head would look like the end of the file


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


class EventMirror(MirroredRun):
    """path: of the folder with the event files, below the root that `files` reads. See MirroredRun."""

    state_version = 2
    recorded_by = "tensorboard"

    def __init__(
        self, home: Path, path: str, files: Files, root_name: str, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        run_id = logdir.run_id(path)
        self._log_folder = path
        super().__init__(home, run_id, files, path=path, filed=path, root_name=root_name, monotonic=monotonic)

    def follow(self, files: Sequence[EventFile], *, limit_bytes: int = CHUNK_BYTES) -> bool:
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
            except UnreadError as error:
                self._leave_out(file.name, error.__cause__, "unreadable-event-file")
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

    def _follow_file(self, file: EventFile, followed: _Followed, limit_bytes: int) -> bool:
        """Take in a part of one file; tell whether all of it that can be read now was read."""
        if file.size_bytes < max(followed.offset, followed.awaited):
            return True
        try:
            data, found = self._read(file, followed, limit_bytes)
        except OSError as error:
            raise UnreadError from error
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
        """Append what these records say."""
        batch = self._translator.take(piece)
        self._append(batch)
        if batch.events and piece.file_number >= self._noted_files:
            self._pace.hurry()  # media are found by the note: see file_names()

    def _is_another(self, files: Sequence[EventFile]) -> bool:
        """Tell whether something that was read is not there any more: a file is gone, shorter, or another one."""
        present = {file.name: file for file in files}
        if self._is_cut(files, {name: each.offset for name, each in self._files.items()}):
            return True
        for name, followed in self._files.items():
            file = present.get(name)
            if followed.seen != file and followed.head and not self._begins_with(name, followed.head):
                return True
        return False

    def _begins_with(self, name: str, head: bytes) -> bool:
        try:
            return self._source.read(self._file(name), 0, len(head)) == head
        except OSError:
            return True  # nothing is known of it now

    def _host(self) -> str:
        return logdir.host_of(next(iter(self._files), ""))

    def _noted(self) -> None:
        self._noted_files = len(self._files)

    def _begin_own(self) -> None:
        self._files: dict[str, _Followed] = {}
        self._noted_files = 0

    def _own_state(self) -> dict[str, Any]:
        return {"files": {name: each.to_json() for name, each in self._files.items()}}

    def _take_own_state(self, state: dict[str, Any]) -> None:
        self._files = {name: _Followed.from_json(name, each) for name, each in state["files"].items()}
        self._noted_files = len(self._files)


def file_names(state: dict[str, Any]) -> dict[int, str]:
    """Return the event files of a mirrored run by number, from what its state file holds."""
    files = state.get("files")
    return {each["number"]: name for name, each in files.items()} if isinstance(files, dict) else {}
