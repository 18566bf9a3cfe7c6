"""A metric drawn over another one instead of over steps. Pure; holds numpy."""

from __future__ import annotations

import numpy as np

from runicorn.model import Axis
from runicorn.storage.columns import Columns
from runicorn.storage.lines.overwritten import columns_without_overwritten
from runicorn.storage.pyramid.levels import Points, Rows
from runicorn.storage.pyramid.window import Part, Span
from runicorn.storage.series import Window


def over_metric(values: Columns, along: Columns, window: Window, *, overwritten: bool) -> tuple[Rows, Span, int]:
    """Return buckets of `values` whose times are what `along` was then, their span, and how many points are hidden.

    A point's x is the value of `along` at its step, or the one it had last before; points before its first one, and
    those where it is no finite number, have no place.
    """
    values, hidden = (values, 0) if overwritten else columns_without_overwritten(values)
    along = along if overwritten else columns_without_overwritten(along)[0]
    order = np.argsort(along.step, kind="stable")
    place = np.searchsorted(along.step[order], values.step, "right") - 1
    x = np.where(place >= 0, along.value[order][np.maximum(place, 0)], np.nan)
    there = np.isfinite(x)
    nothing = np.zeros(int(there.sum()), np.int64)
    points = Points(nothing.astype(np.uint32), values.step[there], x[there], values.value[there], nothing)
    span = Span(Axis.TIME, window.low, window.high, 0.0, max(1, window.points))
    return Part(None, span.cut(points)).bucketed(span), span, hidden
