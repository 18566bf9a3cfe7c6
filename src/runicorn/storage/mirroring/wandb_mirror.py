"""One run of W&B, of one log or of several segments, followed and kept as a run of our own format.

W&B writes its log in blocks of 32 KiB, so that a run of few values shows nothing but what it printed for a while.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runicorn.storage.events import MEDIA
from runicorn.storage.files import Files, Range, found_or_raise
from runicorn.storage.foreign import wandb_names
from runicorn.storage.foreign.facts import Facts
from runicorn.storage.foreign.wandb_frames import FILE_HEAD_BYTES, FrameReader, is_wandb_file, may_be_coming
from runicorn.storage.foreign.wandb_log import WandbLog
from runicorn.storage.growing import OLD_SECS
from runicorn.storage.jsonio import encode_object
from runicorn.storage.mirroring.finding import LogFile
from runicorn.storage.mirroring.mirrored_run import CHUNK_BYTES, MirroredRun, UnreadError
from runicorn.storage.mirroring.told_run import told_info, told_note, told_status
from runicorn.storage.tensorboard.logdir import EventFile
from runicorn.storage.tensorboard.translate import Batch

# A record that is larger than this is passed over: memory is not endless.
_MAX_RECORD_BYTES = 1 << 26
_LEAST_READ_BYTES = 1 << 12
_HEAD_BYTES = 64
_MAX_TABLE_BYTES = 1 << 26


@dataclass
class _Segment:
    """How far one log was read. head: its first bytes, which tell it from another one. name: below the log's folder.

    output: how many bytes were read of what the program printed, where that lies in a file beside; None where the log
    holds it. seen: both files as they were when all was read that could be. waits: zeros are where
    bytes may still come.
    """

    name: str
    offset: int = FILE_HEAD_BYTES
    head: bytes = b""
    damaged: int = 0
    output: int | None = None
    seen: dict[str, EventFile] = field(default_factory=dict)
    waits: bool = False

    @property
    def folder(self) -> str:
        """Where its files lie below the log's folder, with a slash at its end."""
        return self.name[: self.name.rfind("/") + 1]

    def to_json(self) -> list[Any]:
        return [self.name, self.offset, self.head.hex(), self.damaged, self.output]

    @classmethod
    def from_json(cls, state: Sequence[Any]) -> _Segment:
        """Raises IndexError, TypeError or ValueError for what to_json() never returns."""
        name, offset, head, damaged, output = state
        return cls(str(name), int(offset), bytes.fromhex(head), int(damaged), None if output is None else int(output))


class WandbMirror(MirroredRun):
    """log: all segments of the run. See MirroredRun."""

    state_version = 1
    recorded_by = "wandb"
    _changed_at: float | None

    def __init__(
        self,
        home: Path,
        log: LogFile,
        files: Files,
        root_name: str,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._log_folder = log.path
        self._name = wandb_names.run_id(log.candidate.path)
        self._now = now
        path = log.log_path
        super().__init__(home, log.run_id, files, path=path, filed=path, root_name=root_name, monotonic=monotonic)

    def follow(self, files: Sequence[EventFile], *, limit_bytes: int = CHUNK_BYTES) -> bool:
        logs = [file for file in files if wandb_names.is_log(file.name.rpartition("/")[2])]
        outputs = {file.name: file for file in files}
        if self._is_another(logs):
            self._restart()
        heartbeat_at = max((file.mtime for file in files), default=0.0)
        if self._changed_at is None:
            self._changed_at = heartbeat_at
        left, more = limit_bytes, False
        changed = not self._created or heartbeat_at != self._heartbeat_at
        for number, file in enumerate(logs):
            if number == len(self._segments):
                self._begin_segment(file, outputs)
            segment = self._segments[number]
            output = outputs.get(f"{segment.folder}{wandb_names.OUTPUT}")
            try:
                taken, done = self._follow_segment(number, file, output, max(_LEAST_READ_BYTES, left))
            except UnreadError as error:
                self._leave_out(file.name, error.__cause__, "unreadable-log")
                break  # what comes later goes on from this one
            (self.unread.add if segment.waits else self.unread.discard)(file.name)
            left -= taken
            changed |= taken > 0
            if not done:
                more = True
                break
        if changed:
            self._commit(heartbeat_at)
        return more

    def _begin_segment(self, file: EventFile, others: Mapping[str, EventFile]) -> None:
        segment = _Segment(file.name)
        if f"{segment.folder}{wandb_names.OUTPUT}" in others:
            segment.output = 0
        if self._segments:
            self._log.begin_segment()
        self._segments.append(segment)

    def _follow_segment(self, number: int, log: EventFile, output: EventFile | None, limit: int) -> tuple[int, bool]:
        """Take in a part of a segment; return how many bytes that were, and whether nothing more can be read now."""
        segment, taken, done = self._segments[number], 0, True
        try:
            if segment.seen.get("log") != log:
                taken, done = self._follow_log(number, log, limit)
                if done and not segment.waits:
                    segment.seen["log"] = log
            if output is not None and segment.output is not None and segment.seen.get("output") != output:
                printed = self._follow_output(segment, output, limit)
                taken += printed
                if segment.output >= output.size_bytes or not printed:
                    segment.seen["output"] = output
                else:
                    done = False
        except OSError as error:
            raise UnreadError from error
        return taken, done

    def _follow_log(self, number: int, file: EventFile, limit: int) -> tuple[int, bool]:
        segment = self._segments[number]
        length = min(limit, file.size_bytes - segment.offset)
        if length <= 0 and segment.head:
            return 0, True
        path = self._file(file.name)
        head, data = (
            found_or_raise(each)
            for each in self._source.fetch([Range(path, 0, _HEAD_BYTES), Range(path, segment.offset, max(0, length))])
        )
        if not is_wandb_file(head):
            return 0, True
        segment.head = max(segment.head, head, key=len)
        begin = segment.offset
        at_end = begin + len(data) >= file.size_bytes
        frames = self._take_records(number, data, more=not at_end or self._now() - file.mtime < OLD_SECS)
        while frames.offset == begin and not at_end and len(data) < _MAX_RECORD_BYTES:
            further = self._source.read(path, begin + len(data), min(len(data), file.size_bytes - begin - len(data)))
            if not further:
                return 0, True
            data += further
            at_end = begin + len(data) >= file.size_bytes
            frames = self._take_records(number, data, more=not at_end or self._now() - file.mtime < OLD_SECS)
        if frames.offset == begin and not at_end:
            frames.pass_over(data)
        rest = data[frames.offset - begin :]
        segment.waits = at_end and may_be_coming(rest) and self._now() - file.mtime < OLD_SECS
        segment.offset = frames.offset
        segment.damaged += frames.damaged
        if frames.damaged:
            self._translator.warnings["damaged-wandb-file"] = sum(each.damaged for each in self._segments)
        return frames.offset - begin, at_end

    def _take_records(self, number: int, data: bytes, *, more: bool) -> FrameReader:
        """Append what the records in a piece say; return how far it came."""
        segment, batch = self._segments[number], Batch()
        frames = FrameReader(segment.offset)
        taker = _Taker(self, batch, number)
        try:
            for record in frames.take(data, more=more):
                try:
                    self._log.take(record, taker)
                except ValueError:
                    frames.damaged += 1
        except OSError:  # the link broke in the middle of it: what was taken in is not noted
            self._restart()
            raise
        self._append(batch)
        return frames

    def _follow_output(self, segment: _Segment, file: EventFile, limit: int) -> int:
        """Append what the program printed since; return how many bytes that were."""
        assert segment.output is not None
        length = min(limit, file.size_bytes - segment.output)
        data = self._source.read(self._file(file.name), segment.output, length) if length > 0 else b""
        if self._now() - file.mtime < OLD_SECS:
            data = data.rstrip(b"\0")
        self._append(Batch(console=[data] if data else []))
        segment.output += len(data)
        return len(data)

    def read_beside(self, number: int, path: str) -> bytes:
        """Return what is in a file beside a log. Raises OSError."""
        return self._source.read(self._file(f"{self._segments[number].folder}{path}"), 0, _MAX_TABLE_BYTES)

    def has_output_beside(self, number: int) -> bool:
        """Tell whether what the program printed is read from a file."""
        return self._segments[number].output is not None

    def add_point(self, batch: Batch, metric: str, step: int, moment: float, value: float) -> None:
        """Add a point of the log. moment: unix seconds."""
        self._add_point(batch, metric, step, moment, value)

    def _is_another(self, logs: Sequence[EventFile]) -> bool:
        """Tell whether what was read is not the beginning of what is there."""
        if [file.name for file in logs[: len(self._segments)]] != [each.name for each in self._segments]:
            return True
        if self._is_cut(logs, {each.name: each.offset for each in self._segments}):
            return True
        for segment, file in zip(self._segments, logs, strict=False):
            if segment.seen.get("log") != file and segment.head and not self._begins_with(file, segment.head):
                return True
        return False

    def _begins_with(self, file: EventFile, head: bytes) -> bool:
        try:
            return self._source.read(self._file(file.name), 0, len(head)) == head
        except OSError:
            return True  # nothing is known of it now

    def _is_begun(self) -> bool:
        return any(segment.head for segment in self._segments)

    def _facts(self, heartbeat_at: float) -> Facts:
        changed_at = heartbeat_at if self._changed_at is None else self._changed_at
        return self._log.facts(self._name, changed_at)

    def _info(self, heartbeat_at: float) -> dict[str, Any]:
        return {**super()._info(heartbeat_at), **told_info(self._facts(heartbeat_at), self._name)}

    def _note(self) -> str:
        return told_note(self._facts(self._heartbeat_at))

    def _status(self, heartbeat_at: float) -> dict[str, Any]:
        facts = self._facts(heartbeat_at)
        return {
            **super()._status(heartbeat_at),
            **told_status(facts, heartbeat_at),
            "warnings": {**self._translator.warnings, **facts.warnings},
        }

    def _begin_own(self) -> None:
        self._log = WandbLog()
        self._segments: list[_Segment] = []
        self._changed_at = None

    def _noted(self) -> None:
        """Media are found by the note, which names the segments' folders."""

    def _own_state(self) -> dict[str, Any]:
        return {
            "log": self._log.to_json(),
            "segments": [segment.to_json() for segment in self._segments],
            "changed_at": self._changed_at,
        }

    def _take_own_state(self, state: dict[str, Any]) -> None:
        log = WandbLog.from_json(state["log"])
        segments = [_Segment.from_json(each) for each in state["segments"]]
        changed_at = state["changed_at"]
        self._log, self._segments = log, segments
        self._changed_at = None if changed_at is None else float(changed_at)


class _Taker:
    """Implements Taker: what a piece of a segment says becomes a batch."""

    def __init__(self, mirror: WandbMirror, batch: Batch, number: int) -> None:
        self._mirror = mirror
        self._batch = batch
        self._number = number

    def point(self, metric: str, step: int, time: float, value: float) -> None:
        self._mirror.add_point(self._batch, metric, step, time, value)

    def event(self, event: Mapping[str, Any]) -> None:
        self._batch.events.append(encode_object(dict(event)) + b"\n")

    def console(self, content: bytes) -> None:
        if not self._mirror.has_output_beside(self._number):
            self._batch.console.append(content)

    def file(self, path: str) -> str:
        return media_name(self._number, path)

    def content(self, path: str) -> bytes:
        return self._mirror.read_beside(self._number, f"{wandb_names.FILES}/{path}")


def media_name(segment: int, path: str) -> str:
    """Return what a file of a segment is called below the run's folder. path: below the segment's files."""
    return f"{MEDIA}/{segment}/{path.removeprefix(f'{MEDIA}/')}"


def folders_of(state: Mapping[str, Any]) -> list[str]:
    """Return the segments' folders below the log's, from what a mirrored run's state file holds; none of another."""
    segments = state.get("segments")
    if not isinstance(segments, list):
        return []
    return [_Segment.from_json(each).folder for each in segments]
