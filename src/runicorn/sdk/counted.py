"""What status.json has counted of a record file (counts.py), read back, and whether it can be that file's. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runicorn.model import number_from_json, number_to_json
from runicorn.sdk.tally import COUNT, STEP, Tally
from runicorn.storage.records import MARK, RECORD, RECORD_BYTES, STEP_MAX, STEP_MIN


def tally_from_json(
    status: Mapping[str, Any], record_file: str, names: Sequence[str | None], size: int
) -> Tally | None:
    """Return the count that a status knows of a record file, or None where it cannot be that file's.

    names: those of its metrics, by number. size: how many bytes the file has now.
    """
    try:
        counted, metrics = status["counted"], status["metrics"]
        end, highest, sums = _whole(counted["bytes"]), counted["highest_step"], counted["sums"]
        numbers = {name: number for number, name in enumerate(names) if name is not None}
        known = {numbers[name]: _metric_from_json(metrics[name], sums[name]) for name in metrics}
        if counted["file"] != record_file or len(names) < _whole(counted["names"]) or not 0 <= end <= size:
            return None
        if sum(kept[COUNT] for kept in known.values()) * RECORD_BYTES > end:
            return None
        if not known:
            return None if highest is not None else Tally(end=end)
        if max(kept[STEP] for kept in known.values()) > _whole(highest):
            return None
        return Tally(known, highest, end)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def is_last_record(tally: Tally, data: bytes) -> bool:
    """Tell whether a count fits the record that it ends with. data: the bytes of the file right before its end.

    A file that lost what was written last, as in a power cut, or that is another one by now, has something else there.
    """
    if tally.end == 0:
        return True
    if len(data) != RECORD_BYTES:
        return False
    mark, metric, step, time, value = RECORD.unpack(data)
    known = tally.metrics.get(metric)
    if mark != MARK or known is None:
        return False
    _, last, _, _, last_step, last_time, _ = known
    return (step, time, number_to_json(value)) == (last_step, last_time, number_to_json(last))


def _metric_from_json(known: Mapping[str, Any], total: Any) -> list[Any]:
    """Return the same as a tally keeps it. Raises ValueError and the like."""
    low, high = known["min"], known["max"]
    count = _whole(known["count"])
    if count < 1:
        raise ValueError("no count")
    return [
        count,
        _number(known["last"]),
        float("inf") if low is None else _number(low),
        float("-inf") if high is None else _number(high),
        _whole(known["last_step"]),
        _number(known["last_time"]),
        _number(total),
    ]


def _number(value: Any) -> float:
    found = number_from_json(value)
    if found is None:
        raise ValueError("no number")
    return float(found)


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not STEP_MIN <= value <= STEP_MAX:
        raise ValueError("no whole number")
    return value
