"""A metric of a run as a drawable line: the part that is asked for, in as many points as can be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runicorn.model import Axis

if TYPE_CHECKING:
    from runicorn.storage.columns import Columns


@dataclass(frozen=True)
class Window:
    """The part of each series to draw: over which axis, with how many points at most, from where to where."""

    axis: Axis
    points: int
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Line:
    """One series as JSON can hold it: NaN and infinities as strings.

    count: how many points the window holds. low, high: the true extremes around each point; None if none is left out.
    last_step, last_time: of the metric's very last point, the window aside.
    """

    count: int = 0
    x: list[Any] | tuple[()] = ()
    y: list[Any] | tuple[()] = ()
    low: list[Any] | None = None
    high: list[Any] | None = None
    last_step: int | None = None
    last_time: Any = None


def draw(columns: Columns, created_at: float, window: Window) -> Line:
    """Return the line of one series; `columns` holds at least one point. created_at: in unix seconds."""
    from runicorn.storage.columns import plain, select, thin

    x: Any = columns.step if window.axis is Axis.STEP else columns.time
    if window.axis is Axis.RELATIVE:
        x = x - created_at
    chosen = select(x, window.low, window.high)
    x, y = x[chosen], columns.value[chosen]
    thinned = thin(x, y, window.points)
    return Line(
        count=len(y),
        x=plain(thinned.x),
        y=plain(thinned.y),
        low=None if thinned.low is None else plain(thinned.low),
        high=None if thinned.high is None else plain(thinned.high),
        last_step=int(columns.step[-1]),
        last_time=plain(columns.time[-1:])[0],
    )
