"""What was appended to a run since a place in its files: for live views. Each follower keeps its own places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from runicorn.storage import layout, records
from runicorn.storage.files import Files
from runicorn.storage.reader import read_lines, read_text

CHUNK_RECORDS = 20_000
_CHUNK_BYTES = CHUNK_RECORDS * records.RECORD_BYTES
_TEXT_BYTES = 256 * 1024
# Of what is skipped, so much is read nevertheless: the newest lines are what somebody wants to see first.
_KEPT_BYTES = 64 * 1024


@dataclass
class NewPoints:
    """Points in file order, by metric: steps, times, values."""

    metrics: dict[str, tuple[list[int], list[float], list[float]]] = field(default_factory=dict)


@dataclass(frozen=True)
class NewText:
    """What the program printed; start and end are byte offsets in console.log."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class NewEvents:
    """Events that were appended to one events file; start and end are byte offsets in it."""

    file: str
    start: int
    end: int
    events: list[dict[str, Any]]


@dataclass(frozen=True)
class Gap:
    """A part of a file that was left out because the follower was too far behind; from start to end in bytes."""

    file: str
    start: int
    end: int


News = NewPoints | NewText | NewEvents | Gap


class RunFollower:
    """Follows one run. `offsets` says how far it came, and can be given to a new follower to go on from there.

    max_behind: where more than so many bytes of a file are new at once, leave them out but for its end; None for never.
    """

    def __init__(
        self, files: Files, run_id: str, offsets: dict[str, int] | None = None, *, max_behind: int | None = None
    ) -> None:
        self._files = files
        self.run_id = run_id
        self._max_behind = max_behind
        self._names: dict[str, tuple[int, list[str | None]]] = {}
        self.offsets = self._ends() if offsets is None else dict(offsets)

    def news(self) -> Iterator[News]:
        """Yield what is new, in pieces; after each, `offsets` says where the next one begins."""
        sizes = self._sizes()
        for name, size in sizes.items():
            # A file that shrank lost a torn end, which was never read.
            self.offsets[name] = min(self.offsets.get(name, 0), size)
            if self._max_behind is not None and size - self.offsets[name] > self._max_behind:
                yield self._jump(name, size)
        for name in layout.record_files(sizes):
            yield from self._new_points(name, sizes[name])
        if layout.CONSOLE_FILE in sizes:
            yield from self._new_text(sizes[layout.CONSOLE_FILE])
        for name in layout.event_files(sizes):
            yield from self._new_events(name, sizes[name])

    def _jump(self, name: str, size: int) -> Gap:
        """Go on near the end of a file: behind its last whole record, or at the beginning of one of its last lines."""
        start = self.offsets[name]
        if layout.record_files([name]):
            end = size - (size - start) % records.RECORD_BYTES
        else:
            end = size - _KEPT_BYTES
            tail = self._files.read(layout.run_path(self.run_id, name), end, _KEPT_BYTES)
            end += tail.find(b"\n") + 1  # an endless line is cut where it may be
        self.offsets[name] = end
        return Gap(name, start, end)

    def _new_points(self, name: str, size: int) -> Iterator[NewPoints]:
        path = layout.run_path(self.run_id, name)
        while size - self.offsets[name] >= records.RECORD_BYTES:
            offset = self.offsets[name]
            data = self._files.read(path, offset, min(_CHUNK_BYTES, size - offset))
            found = records.scan(data)
            if not found.consumed:
                return
            points = NewPoints()
            for record in records.unpack(data, found):
                metric = self._name(name, record.metric)
                steps, times, values = points.metrics.setdefault(metric, ([], [], []))
                steps.append(record.step)
                times.append(record.time)
                values.append(record.value)
            self.offsets[name] = offset + found.consumed
            if points.metrics:
                yield points

    def _new_text(self, size: int) -> Iterator[NewText]:
        while self.offsets[layout.CONSOLE_FILE] < size:
            start = self.offsets[layout.CONSOLE_FILE]
            piece = read_text(self._files, layout.run_path(self.run_id, layout.CONSOLE_FILE), start, _TEXT_BYTES)
            if piece.end <= start:
                return
            self.offsets[layout.CONSOLE_FILE] = piece.end
            yield NewText(start, piece.end, piece.text)

    def _new_events(self, name: str, size: int) -> Iterator[NewEvents]:
        while self.offsets[name] < size:
            start = self.offsets[name]
            path = layout.run_path(self.run_id, name)
            events, _, end, _ = read_lines(self._files, path, start, _TEXT_BYTES)
            if end <= start:  # the last line is still being written
                return
            self.offsets[name] = end
            if events:
                yield NewEvents(name, start, end, events)

    def _name(self, record_file: str, number: int) -> str:
        _, names = self._names.get(record_file, (0, []))
        if number >= len(names):
            names = self._read_names(record_file, names)
        return layout.key_or_number(names, number)

    def _read_names(self, record_file: str, names: list[str | None]) -> list[str | None]:
        path = layout.run_path(self.run_id, layout.keys_file(record_file))
        status = self._files.stat(path)
        if status is not None and status.size_bytes != self._names.get(record_file, (0, []))[0]:
            names = layout.shown_keys(self._files.read(path))
            self._names[record_file] = (status.size_bytes, names)
        return names

    def _sizes(self) -> dict[str, int]:
        entries = self._files.list(layout.run_path(self.run_id))
        names = [entry.name for entry in entries]
        followed = {*layout.record_files(names), *layout.event_files(names), layout.CONSOLE_FILE}
        return {entry.name: entry.size_bytes for entry in entries if entry.name in followed}

    def _ends(self) -> dict[str, int]:
        sizes = self._sizes()
        ends = {name: sizes[name] - sizes[name] % records.RECORD_BYTES for name in layout.record_files(sizes)}
        ends[layout.CONSOLE_FILE] = sizes.get(layout.CONSOLE_FILE, 0)
        ends.update({name: sizes[name] for name in layout.event_files(sizes)})
        return ends
