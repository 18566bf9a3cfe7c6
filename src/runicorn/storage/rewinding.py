"""What is left of a run's records and events when it goes back to a step, as a run does that was resumed. Pure."""

from __future__ import annotations

import math
from typing import Any

from runicorn.storage.jsonio import decode_object


def records_before(data: bytes, step: int) -> bytes:
    """Return the records of smaller steps. data: whole records, one behind the other."""
    import numpy as np

    from runicorn.storage.columns import RECORD_DTYPE

    rows = np.frombuffer(data, RECORD_DTYPE)
    return rows[rows["step"] < step].tobytes()


def events_before(data: bytes, step: int) -> bytes:
    """Return the lines of events.jsonl of smaller steps, and those that have none."""
    kept = []
    for line in data.splitlines(keepends=True):
        at = (decode_object(line) or {}).get("step")
        if not isinstance(at, int) or at < step:
            kept.append(line)
    return b"".join(kept)


def recount(data: bytes) -> tuple[dict[int, list[Any]], int | None]:
    """Return by metric number [count, last, min, max, last step, last time], and the step of the last record.

    min and max are infinite where there are only NaN.
    """
    import numpy as np

    from runicorn.storage.columns import RECORD_DTYPE, merged_stats, split

    rows = np.frombuffer(data, RECORD_DTYPE)
    found: dict[int, list[Any]] = {}
    if not len(rows):
        return found, None
    for number, columns in split(rows):
        stats = merged_stats(None, columns)
        low = math.inf if stats.min is None else stats.min
        high = -math.inf if stats.max is None else stats.max
        found[number] = [stats.count, stats.last, low, high, stats.last_step, stats.last_time]
    return found, int(rows["step"][-1])


def nothing_yet() -> list[Any]:
    """Return what recount() would of a metric without records."""
    return [0, 0.0, math.inf, -math.inf, 0, 0.0]
