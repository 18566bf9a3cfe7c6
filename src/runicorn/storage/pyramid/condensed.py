"""What was made of a record file before it was read: where it lies, for instance. Nothing of it is taken on trust."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from runicorn.storage.files import Condensed
from runicorn.storage.pyramid.levels import BUCKET, POINT_KINDS, Points, Rows
from runicorn.storage.records import RECORD_BYTES

_LEAST_POINTS, _MOST_POINTS = 2, 4096
_POINT = np.dtype(list(zip(Points._fields, POINT_KINDS, strict=True)))


def packed_points(records: npt.NDArray[Any], start: int) -> bytes:
    """Return records that follow each other from this byte of their file on, as points of Condensed.rest."""
    points = np.empty(len(records), _POINT)
    for name in ("metric", "step", "time", "value"):
        points[name] = records[name]
    points["at"] = np.arange(start, start + len(records) * RECORD_BYTES, RECORD_BYTES, dtype=np.int64)
    return points.tobytes()


def rows_and_points(made: Condensed) -> tuple[Rows, Points]:
    """Return buckets, and the points that fill none, sorted by metric. Raises ValueError where they cannot be those of
    a file up to that place.
    """
    rows, rest = np.frombuffer(made.rows, BUCKET), np.frombuffer(made.rest, _POINT)
    points = Points(*(np.ascontiguousarray(rest[name]) for name in Points._fields))
    records = made.offset // RECORD_BYTES
    if made.offset % RECORD_BYTES or not _LEAST_POINTS <= made.points <= _MOST_POINTS:
        raise ValueError("no whole records, or no buckets")
    if (rows["count"] != made.points).any() or len(rows) * made.points + points.size != records:
        raise ValueError("buckets that hold more or fewer points than the file")
    length = rows["end"] - rows["start"]
    if len(rows) and (rows["start"].min() < 0 or rows["end"].max() > made.offset or length.min() < RECORD_BYTES):
        raise ValueError("buckets that lie elsewhere")
    if points.size and (points.at.min() < 0 or points.at.max() > made.offset - RECORD_BYTES):
        raise ValueError("points that lie elsewhere")
    if (points.metric[1:] < points.metric[:-1]).any():
        raise ValueError("points in no order")
    return rows, points
