"""The journal of an export: which points are in the draft up to which byte, and where to go on. Touches no files.

One JSON object a line, appended only. The first says what is written; then for each run one that names it with the
state of its record files, and one for each piece that is in the draft. A torn end is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from runicorn.exchange.exporting import FileState, Place

_VERSION = 1


@dataclass(frozen=True)
class WantedRun:
    """A run that is to be written. files: as they are now, None where they cannot be listed."""

    id: str
    files: tuple[FileState, ...] | None


@dataclass(frozen=True)
class Plan:
    """What an export is to write. Two with the same root, format and system write the same of the same runs."""

    root: str
    format: str
    system: bool
    runs: Sequence[WantedRun]

    def head(self) -> bytes:
        """Return the first line of its journal."""
        said = {"version": _VERSION, "root": self.root, "format": self.format, "system": self.system}
        return _line(said)


@dataclass(frozen=True)
class Written:
    """What was written of one run. after: the place behind it, None for nothing. at, points: of the whole draft."""

    run: WantedRun
    starts_at: int
    points_before: int
    after: Place | None
    at: int
    points: int
    failed: bool = False


@dataclass(frozen=True)
class Standing:
    """What of a draft stays: all runs of it but the last are complete, or could not be read. lines: of its journal."""

    runs: tuple[Written, ...] = ()
    lines: bytes = b""

    @property
    def at(self) -> int:
        """How many bytes of the draft stay."""
        return self.runs[-1].at if self.runs else 0

    @property
    def points(self) -> int:
        return self.runs[-1].points if self.runs else 0


def run_line(run: WantedRun) -> bytes:
    return _line({"run": run.id, "files": run.files})


def place_line(place: Place, at: int, points: int) -> bytes:
    """at: bytes of the draft so far. points: in the draft so far."""
    return _line({"file": place.file, "offset": place.offset, "at": at, "points": points})


def failed_line() -> bytes:
    """Return what says that the run could not be read any further."""
    return _line({"failed": True})


def standing(
    journal: bytes, draft_bytes: int, plan: Plan, fails_still: Callable[[str, Place | None], bool]
) -> Standing:
    """Return what of a draft can stay for this plan: the runs from the first on that are as they were.

    draft_bytes: how large the draft is. fails_still: tells of a run that could not be read whether it cannot be read
    now.
    """
    head, _, rest = journal.partition(b"\n")
    if head + b"\n" != plan.head():
        return Standing()
    kept: list[Written] = []
    lines = [head + b"\n"]
    for (written, its_lines), wanted in zip(_runs(rest, draft_bytes), plan.runs, strict=False):
        if written.run != wanted or (wanted.files is None and not written.failed):
            break
        if written.failed and not fails_still(wanted.id, written.after):
            break
        kept.append(written)
        lines += its_lines
    return Standing(tuple(kept), b"".join(lines)) if kept else Standing()


def _runs(text: bytes, draft_bytes: int) -> list[tuple[Written, list[bytes]]]:
    """Return what was written of each run, with the lines that say so."""
    found: list[tuple[Written, list[bytes]]] = []
    try:
        for line in text.splitlines(keepends=True):
            said = json.loads(line) if line.endswith(b"\n") else None
            if said is None or not 0 <= said.get("at", 0) <= draft_bytes:
                break
            if "run" in said:
                at, points = (found[-1][0].at, found[-1][0].points) if found else (0, 0)
                found.append((Written(_wanted(said), at, points, None, at, points), [line]))
                continue
            last, lines = found.pop()
            found.append((_taken(last, said), [*lines[:1], line] if not said.get("failed") else [*lines, line]))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        pass  # what came before the damage stands
    return found


def _wanted(said: dict[str, Any]) -> WantedRun:
    files = said["files"]
    return WantedRun(
        str(said["run"]), None if files is None else tuple(FileState(str(n), int(s), int(t)) for n, s, t in files)
    )


def _taken(last: Written, said: dict[str, Any]) -> Written:
    if said.get("failed"):
        return Written(last.run, last.starts_at, last.points_before, last.after, last.at, last.points, failed=True)
    place = Place(str(said["file"]), int(said["offset"]))
    return Written(last.run, last.starts_at, last.points_before, place, int(said["at"]), int(said["points"]))


def _line(said: dict[str, Any]) -> bytes:
    return json.dumps(said, separators=(",", ":")).encode("ascii") + b"\n"
