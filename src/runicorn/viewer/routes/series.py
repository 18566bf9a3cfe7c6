"""GET /api/series: metrics of runs as drawable columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from runicorn.errors import RunNotFoundError, UsageError
from runicorn.model import Axis
from runicorn.storage import layout
from runicorn.viewer.answers import NOT_FOUND, raw_json_answer
from runicorn.viewer.live import Cursor, text_ends
from runicorn.viewer.schemas import SeriesListAnswer, encode
from runicorn.viewer.state import ViewerState, viewer_state

if TYPE_CHECKING:
    from runicorn.storage.columns import Columns

router = APIRouter(tags=["runs"])

_MAX_SERIES = 2000


@router.get("/api/series", response_model=SeriesListAnswer, responses=NOT_FOUND)
async def read_series(
    *,
    state: Annotated[ViewerState, Depends(viewer_state)],
    run: Annotated[list[str], Query(min_length=1, max_length=1000)],
    metric: Annotated[list[str], Query(min_length=1, max_length=1000)],
    x: Axis = Axis.STEP,
    points: Annotated[int, Query(ge=2, le=100_000)] = 2000,
    low: Annotated[float | None, Query(alias="from", description="In the unit of x, included.")] = None,
    high: Annotated[float | None, Query(alias="to", description="In the unit of x, included.")] = None,
) -> Response:
    """Return at most `points` points of each metric of each run; a metric that a run lacks is there and empty.

    x: the step, unix seconds (`time`), or seconds since the run was created (`relative`). One run that is not there
    does not take the others' curves away: it is named in `missing`. Where none of the runs is there, that is a 404.
    """
    runs, metrics = list(dict.fromkeys(run)), list(dict.fromkeys(metric))
    if len(runs) * len(metrics) > _MAX_SERIES:
        raise UsageError(f"{len(runs) * len(metrics)} series are too many for one answer.", hint="Ask for fewer.")
    window = Window(x, points, low, high)
    return raw_json_answer(await state.workers.run(_series, state, runs, metrics, window))


@dataclass(frozen=True)
class Window:
    """The part of each series to draw: over which axis, with how many points at most, from where to where."""

    axis: Axis
    points: int
    low: float | None
    high: float | None


def _series(state: ViewerState, runs: list[str], metrics: list[str], window: Window) -> bytes:
    cursor = Cursor(at=state.now())
    series = []
    missing: list[str] = []
    for run_id in runs:
        try:
            run = state.index.find(run_id).run
            found = state.points.read(run_id, metrics)
        except (RunNotFoundError, FileNotFoundError):  # the latter: taken away a moment ago
            if len(missing) == len(runs) - 1:
                raise
            missing.append(run_id)
            if layout.is_run_id(run_id):
                cursor.runs[run_id] = {}
            continue
        cursor.runs[run_id] = {**found.offsets, **text_ends(state.files, run_id)}
        for metric in metrics:
            columns = found.columns.get(metric)
            drawn = _EMPTY if columns is None else draw(columns, run.created_at, window)
            series.append({"run": run_id, "metric": metric, **drawn})
    return encode({"series": series, "cursor": cursor.encode(), "missing": missing})


_EMPTY = {"count": 0, "x": [], "y": [], "y_min": None, "y_max": None, "last_step": None, "last_time": None}


def draw(columns: Columns, created_at: float, window: Window) -> dict[str, Any]:
    """Return the columns of one series as the wire has them; `columns` holds at least one point."""
    from runicorn.storage.columns import plain, select, thin

    x: Any = columns.step if window.axis is Axis.STEP else columns.time
    if window.axis is Axis.RELATIVE:
        x = x - created_at
    chosen = select(x, window.low, window.high)
    x, y = x[chosen], columns.value[chosen]
    thinned = thin(x, y, window.points)
    return {
        "count": len(y),
        "x": plain(thinned.x),
        "y": plain(thinned.y),
        "y_min": None if thinned.low is None else plain(thinned.low),
        "y_max": None if thinned.high is None else plain(thinned.high),
        "last_step": int(columns.step[-1]),
        "last_time": plain(columns.time[-1:])[0],
    }
