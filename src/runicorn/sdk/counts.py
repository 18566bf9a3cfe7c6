"""What a recorder has counted in one moment, and how status.json holds it. Pure.

`counted` in status.json says of which file its `metrics` speak, and up to which byte, so that whoever goes on with the
run counts only what came after (counted.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from runicorn.model import MetricStats, number_to_json


class Counts(NamedTuple):
    """What a recorder has counted in one moment: statistics and sums by metric.

    end: the byte of the record file up to which they are exactly those of its records, or None where a call was in the
    middle. names: how many metrics have a number. highest_step: None without records.
    """

    stats: Mapping[str, MetricStats]
    sums: Mapping[str, float]
    end: int | None
    names: int
    highest_step: int | None


def metrics_to_json(counts: Counts) -> dict[str, Any]:
    """Return what status.json holds of each metric."""
    return {name: _metric_to_json(stats) for name, stats in counts.stats.items()}


def counted_to_json(counts: Counts, record_file: str) -> dict[str, Any] | None:
    """Return what status.json holds under `counted`."""
    if counts.end is None:
        return None
    return {
        "file": record_file,
        "bytes": counts.end,
        "names": counts.names,
        "highest_step": counts.highest_step,
        "sums": {name: number_to_json(total) for name, total in counts.sums.items()},
    }


def _metric_to_json(stats: MetricStats) -> dict[str, Any]:
    values = {"last": stats.last, "min": stats.min, "max": stats.max}
    return {
        "count": stats.count,
        **{key: None if value is None else number_to_json(value) for key, value in values.items()},
        "last_step": stats.last_step,
        "last_time": stats.last_time,
    }
