"""When the output of a run was written, from console.times: by place, and the place by time.

An entry says that what begins at its offset was written at its time, or up to the next one's. A run of an older version
has none. Entries behind which a lower offset comes are of a console.log that is gone, and are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from runicorn.storage.console_times import ENTRY_BYTES
from runicorn.storage.files import Files

_DTYPE = np.dtype([("time", "<f8"), ("offset", "<u8")])
_MAX_BYTES = 2**19 * ENTRY_BYTES


@dataclass(frozen=True)
class OutputTimes:
    """The entries of one run: times in unix seconds, offsets that never fall."""

    times: npt.NDArray[np.float64]
    offsets: npt.NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.times)

    def between(self, start: int, end: int, limit: int) -> tuple[list[float], list[int], int]:
        """Return times and offsets that tell of the bytes from `start` to `end`, and up to where they do."""
        if not len(self):
            return [], [], end
        first = max(0, int(np.searchsorted(self.offsets, np.uint64(start), "right")) - 1)
        last = max(first, int(np.searchsorted(self.offsets, np.uint64(end), "left")))
        covered = int(self.offsets[first + limit]) if last - first > limit else end
        chosen = slice(first, min(last, first + limit))
        return self.times[chosen].tolist(), self.offsets[chosen].tolist(), covered

    def place_of(self, time: float) -> int | None:
        """Return where what was being written at a time begins; None where no time is known at all.

        Of a clock that was set back, the first time that it showed this one counts.
        """
        if not len(self):
            return None
        reached = np.maximum.accumulate(self.times)
        at = int(np.searchsorted(reached, time, "right")) - 1
        return int(self.offsets[max(0, at)])


def decode(data: bytes, size_bytes: int) -> OutputTimes:
    """Return what can be believed of a file's entries, for a console.log of this size; a torn end is left."""
    rows = np.frombuffer(data, _DTYPE, len(data) // ENTRY_BYTES)
    rows = rows[np.isfinite(rows["time"]) & (np.abs(rows["time"]) < 2**40) & (rows["offset"] <= size_bytes)]
    if len(rows):
        lowest_behind = np.minimum.accumulate(rows["offset"][::-1])[::-1]
        rows = rows[rows["offset"] <= lowest_behind]
    return OutputTimes(rows["time"].copy(), rows["offset"].copy())


def read_times(files: Files, path: str, size_bytes: int) -> OutputTimes | None:
    """Return the entries of a file for a console.log of this size, None where there is no such file. Raises OSError."""
    status = files.stat(path)
    if status is None or status.is_dir:
        return None
    start = max(0, status.size_bytes - _MAX_BYTES) // ENTRY_BYTES * ENTRY_BYTES
    return decode(files.read(path, start, _MAX_BYTES), size_bytes)
