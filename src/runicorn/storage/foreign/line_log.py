"""A log of lines that grows: its bytes in, its points out, with a small state that another process goes on from. Pure.

However the bytes are cut into pieces, the points are the same: a torn last line, or a row whose quoted cell goes on in
the next line, waits until it is whole. Nothing that a file holds raises; what has no place is counted.
"""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeGuard

from runicorn.storage.foreign.csv_rows import CsvRows
from runicorn.storage.foreign.json_rows import JsonRows
from runicorn.storage.foreign.kinds import Kind
from runicorn.storage.foreign.lines import cut, is_utf8
from runicorn.storage.foreign.taken import Point, Row, Taken, Warnings

_HEAD_BYTES = 4096
_ANCHOR_BYTES = 64
_MAX_NAME_CHARACTERS = 500


class Marks(NamedTuple):
    """Which bytes tell a file from another one: so many first ones, and so many before the place that was reached."""

    head_bytes: int
    anchor_bytes: int


class LineLog:
    """How far one log was read, and what is known of it. One reader is for one file from its start."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.consumed_bytes = 0
        self._rows: CsvRows | JsonRows = JsonRows() if kind is Kind.JSON_LINES else CsvRows(kind)
        self._warnings = Warnings()
        self._count = 0
        self._step: int | None = None
        self._started_at: float | None = None
        self._elapsed = 0.0
        self._skipping = False
        self._head_bytes = 0
        self._head_crc = 0
        self._head_limit = _HEAD_BYTES
        self._anchor = b""

    @property
    def warnings(self) -> Mapping[str, int]:
        """How often something was left out, by kind."""
        return self._warnings.counts

    @property
    def marks(self) -> Marks:
        """What is_same() wants to see."""
        return Marks(self._head_bytes, len(self._anchor))

    def is_same(self, head: bytes, anchor: bytes) -> bool:
        """Tell whether a file is the one that was read so far; else a new reader is to read it from its start.

        head, anchor: as many bytes as `marks` says, from the file's start, and up to `consumed_bytes`. A header that
        grew, a file that shrank, which has fewer of these bytes, and one that was written anew are others.
        """
        return (
            len(head) >= self._head_bytes
            and zlib.crc32(head[: self._head_bytes]) == self._head_crc
            and anchor == self._anchor
        )

    def take(self, data: bytes, mtime: float) -> Taken:
        """Return what these bytes add. data: from `consumed_bytes` on; LEAST_PIECE_BYTES or more, or all there are.

        mtime: unix seconds at which the file had these bytes and no more. The first piece of a log that tells seconds
        since its beginning only is dated by it.
        """
        lines = cut(data, skipping=self._skipping)
        had_header = self._has_header
        rows, used = self._rows.read(lines, self._warnings)
        consumed = lines.begins_at(used)
        self._skipping = lines.is_open
        self._warnings.add("too-long-line", sum(line is None for line in lines.lines[:used]))
        self._warnings.add("no-utf-8", sum(line is not None and not is_utf8(line) for line in lines.lines[:used]))
        if isinstance(self._rows, CsvRows) and not had_header:
            header_end = self.consumed_bytes + lines.begins_at(self._rows.header_lines)
            self._head_limit = max(_HEAD_BYTES, header_end)
        self._mark(data[:consumed])
        self._date(rows, mtime)
        return Taken([point for row in rows for point in self._points(row)], consumed)

    def to_json(self) -> dict[str, Any]:
        """Return the whole state as plain JSON; from_json() gives it back."""
        return {
            "kind": self.kind.value,
            "consumed_bytes": self.consumed_bytes,
            "rows": self._rows.to_json() if isinstance(self._rows, CsvRows) else None,
            "warnings": dict(self._warnings.counts),
            "count": self._count,
            "step": self._step,
            "started_at": self._started_at,
            "elapsed": self._elapsed,
            "skipping": self._skipping,
            "head": [self._head_bytes, self._head_crc, self._head_limit],
            "anchor": self._anchor.hex(),
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> LineLog:
        """Raises KeyError, TypeError or ValueError for what to_json() never returns."""
        log = cls(Kind(state["kind"]))
        if log.kind is not Kind.JSON_LINES:
            log._rows = CsvRows.from_json(log.kind, state["rows"])
        log.consumed_bytes, log._count = int(state["consumed_bytes"]), int(state["count"])
        log._warnings = Warnings({str(kind): int(count) for kind, count in state["warnings"].items()})
        log._step = None if state["step"] is None else int(state["step"])
        log._started_at = None if state["started_at"] is None else float(state["started_at"])
        log._elapsed, log._skipping = float(state["elapsed"]), bool(state["skipping"])
        log._head_bytes, log._head_crc, log._head_limit = map(int, state["head"])
        log._anchor = bytes.fromhex(state["anchor"])
        return log

    @property
    def _has_header(self) -> bool:
        return isinstance(self._rows, JsonRows) or self._rows.header is not None

    def _mark(self, data: bytes) -> None:
        if self._head_bytes == self.consumed_bytes:
            more = data[: self._head_limit - self._head_bytes]
            self._head_crc = zlib.crc32(more, self._head_crc)
            self._head_bytes += len(more)
        self._anchor = (self._anchor + data[-_ANCHOR_BYTES:])[-_ANCHOR_BYTES:]
        self.consumed_bytes += len(data)

    def _date(self, rows: Sequence[Row], mtime: float) -> None:
        """Say what 0 seconds stand for, once: the latest of the first piece was written when the file was."""
        told = [row.elapsed for row in rows if _is_told(row.elapsed)]
        if self._started_at is None and told:
            drops = sum(before for before, after in itertools.pairwise(told) if after < before)
            self._started_at = mtime - drops - told[-1]

    def _time(self, row: Row) -> float | None:
        if row.time is not None or self._started_at is None or not _is_told(row.elapsed):
            return row.time
        if row.elapsed < self._elapsed:  # went on in another process, which counts anew
            self._started_at += self._elapsed
        self._elapsed = row.elapsed
        return self._started_at + row.elapsed

    def _points(self, row: Row) -> list[Point]:
        time = self._time(row)
        step = row.step
        if step is None:  # such as a last line with the results of a test
            step = self._count if self._step is None else self._step
        else:
            self._step = step
        self._count += 1
        named = [each for each in row.values if len(each[0]) <= _MAX_NAME_CHARACTERS]
        self._warnings.add("too-long-name", len(row.values) - len(named))
        return [Point(name, step, time, value) for name, value in named]


def _is_told(elapsed: float | None) -> TypeGuard[float]:
    return elapsed is not None and math.isfinite(elapsed)
