"""Where to begin to count a record file that was written before: at its first byte, or behind what is known of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from runicorn.regular_files import open_regular
from runicorn.sdk.counted import is_last_record, tally_from_json
from runicorn.sdk.tally import Tally
from runicorn.storage.records import RECORD_BYTES

_NEAR_END_BYTES = 2048 * RECORD_BYTES

# Takes a record file and the names of its metrics by number; returns the count to go on from. Raises OSError.
Beginning = Callable[[Path, Sequence[str | None]], Tally]


def near_end(path: Path, _: Sequence[str | None]) -> Tally:
    """Count the last 2,048 records only: for the step to go on with, where nobody asks for the statistics."""
    size = path.stat().st_size
    return Tally(end=max(0, size - size % RECORD_BYTES - _NEAR_END_BYTES))


def behind_status(status: Mapping[str, Any] | None) -> Beginning:
    """Count what came after the status, unless it does not fit the file: then everything."""

    def begin(path: Path, names: Sequence[str | None]) -> Tally:
        tally = tally_from_json(status or {}, path.name, names, path.stat().st_size)
        return tally if tally is not None and is_last_record(tally, _last_record(path, tally.end)) else Tally()

    return begin


def _last_record(path: Path, end: int) -> bytes:
    """Return the bytes of the record that ends at `end`, fewer where there is none. Raises OSError."""
    with open_regular(path) as file:
        file.seek(max(0, end - RECORD_BYTES))
        return file.read(min(end, RECORD_BYTES)) or b""
