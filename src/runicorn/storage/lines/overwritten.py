"""Steps that a run logged once more after it was resumed further back: what came first there is overwritten. Pure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from runicorn.storage.columns import Columns, Ints
from runicorn.storage.pyramid.levels import Rows

# Steps that go back more often than at one place in so many are out of order, and overwrite nothing.
_PLACES_A_RETURN = 8
_SOME = 2


class Kept(NamedTuple):
    """What is left of a series, and how many points are not."""

    rows: Rows
    hidden: int


def without_overwritten(rows: Rows) -> Kept:
    """Return the buckets whose steps were not logged again later, after the steps had gone back to before them.

    rows: in file order. A bucket that was overwritten in part stays, shortened to the step at which that begins. Steps
    that only repeat overwrite nothing, and neither do those that go back all the time.
    """
    limit = limits(rows["step_first"], rows["step_last"], rows["step_low"])
    if limit is None:
        return Kept(rows, 0)
    gone = rows["step_low"] >= limit
    left = np.flatnonzero(~gone)
    kept, limit = rows.take(left), limit[left]
    partly = kept["step_high"] >= limit
    if partly.any():
        kept["step_high"][partly] = np.maximum(limit[partly] - 1, kept["step_low"][partly])
    return Kept(kept, int(rows["count"][gone].sum(dtype=np.int64)))


def columns_without_overwritten(columns: Columns) -> tuple[Columns, int]:
    """Return the points whose steps were not logged again later, and how many were; see without_overwritten()."""
    limit = limits(columns.step, columns.step, columns.step)
    if limit is None:
        return columns, 0
    kept = columns.step < limit
    return columns.select(kept), int((~kept).sum())


def limits(first: Ints, last: Ints, least: Ints) -> Ints | None:
    """Return for each bucket the step from which on it is overwritten; None where nothing is.

    first, last, least: the steps of each, in file order; all the same where each is a point.
    """
    back = np.flatnonzero(first[1:] < last[:-1]) + 1
    if not len(back) or len(back) > len(first) // _PLACES_A_RETURN + _SOME:
        return None
    starts = np.concatenate(([0], back))
    lowest = np.minimum.reduceat(least, starts)
    # The least step of all stretches that come later.
    later = np.concatenate((np.minimum.accumulate(lowest[::-1])[::-1][1:], [np.iinfo(np.int64).max]))
    found: Ints = np.repeat(later, np.diff(np.append(starts, len(first))))
    return found
