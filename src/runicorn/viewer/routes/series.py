"""GET /api/series: metrics of runs as drawable columns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse

from runicorn.errors import RunNotFoundError, RunUnreadableError, UsageError
from runicorn.model import Axis
from runicorn.sources.folder import SeriesReading
from runicorn.storage.series import Line, Window
from runicorn.viewer.answers import NOT_FOUND, raw_json_answer
from runicorn.viewer.cursors import Cursor
from runicorn.viewer.schemas import SeriesListAnswer, encode
from runicorn.viewer.source_state import SourceState
from runicorn.viewer.state import ViewerState, viewer_state

router = APIRouter(tags=["runs"])

_MAX_SERIES = 2000
# 100 lines of 100,000 points; an answer takes up to 100 bytes for each.
_MAX_POINTS = 10_000_000
# Lines are put into pieces of about this size, so that an answer takes no more memory than one of them.
_PIECE_BYTES = 256 * 1024


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
    does not take the others' curves away: it is named in `missing`, and one whose files cannot be read right now in
    `unreadable`. Where none of the runs is there, that is a 404. At most 2,000 series, and 10,000,000 points by
    `points`, in one answer.
    """
    runs, metrics = list(dict.fromkeys(run)), list(dict.fromkeys(metric))
    if len(runs) * len(metrics) > _MAX_SERIES:
        raise UsageError(f"{len(runs) * len(metrics)} series are too many for one answer.", hint="Ask for fewer.")
    if len(runs) * len(metrics) * points > _MAX_POINTS:
        raise UsageError(
            f"{len(runs) * len(metrics)} series of {points} points are too many for one answer.",
            hint=f"Ask for {_MAX_POINTS // (len(runs) * len(metrics))} points each, or for fewer series.",
        )
    answer = _Answer(state, runs, metrics, Window(x, points, low, high))
    await answer.begin()
    if answer.is_complete:  # most are; one piece takes fewer turns of everything on its way
        return raw_json_answer(b"".join([piece async for piece in answer.pieces()]))
    return StreamingResponse(answer.pieces(), media_type="application/json", headers={"Cache-Control": "no-store"})


@dataclass
class _Part:
    """What one source gives: some of its lines are made already, and the others while they are sent."""

    place: SourceState
    reading: SeriesReading
    lines: Iterator[bytes]
    first: bytes
    complete: bool


class _Answer:
    """One answer, made while it is sent."""

    def __init__(self, state: ViewerState, addresses: list[str], metrics: list[str], window: Window) -> None:
        self._cursor = Cursor(at=state.now())
        sources, self._missing = state.by_source(addresses)
        self._unreadable: list[dict[str, str]] = []
        self._runs = {place.id: runs for place, runs in sources}
        self._places = [place for place, _ in sources]
        self._metrics = metrics
        self._window = window
        self._parts: list[_Part] = []

    async def begin(self) -> None:
        """Find the runs. Raises RunNotFoundError, RunUnreadableError where there is none of them."""
        failure: BaseException = (
            RunNotFoundError(f"There is no run {self._missing[0]!r}.") if self._missing else KeyError()
        )
        begun = await asyncio.gather(
            *(place.workers.run(self._part, place) for place in self._places), return_exceptions=True
        )
        for place, part in zip(self._places, begun, strict=True):
            if isinstance(part, _Part):
                self._parts.append(part)
            elif isinstance(part, RunNotFoundError):
                failure = part
                self._missing += self._runs[place.id].values()
            elif isinstance(part, RunUnreadableError) and len(self._places) > 1:
                failure = part
                self._unreadable += [{"run": run, "detail": str(part)} for run in self._runs[place.id].values()]
            else:
                raise part
        if not self._parts:
            raise failure

    @property
    def is_complete(self) -> bool:
        """Whether all lines are made."""
        return all(part.complete for part in self._parts)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the JSON of the answer."""
        before = b'{"series":['
        for part in self._parts:  # in the order in which they were asked for
            async for piece in self._pieces_of(part):
                yield before + piece
                before = b","
        end = b"]," if before == b"," else before + b"],"
        rest = {"cursor": self._cursor.encode(), "missing": self._missing, "unreadable": self._unreadable}
        yield end + encode(rest)[1:]

    async def _pieces_of(self, part: _Part) -> AsyncGenerator[bytes, None]:
        piece, complete = part.first, part.complete
        while True:
            if piece:
                yield piece
            if complete:
                break
            piece, complete = await part.place.workers.run(_some, part.lines)
        self._note(part)

    def _part(self, place: SourceState) -> _Part:
        reading = place.source.series(list(self._runs[place.id]), self._metrics, self._window)
        lines = self._encoded(place, reading)
        return _Part(place, reading, lines, *_some(lines))

    def _encoded(self, place: SourceState, reading: SeriesReading) -> Iterator[bytes]:
        for run_id, metric, line in reading.lines:
            yield encode({"run": self._runs[place.id][run_id], "metric": metric, **_line_to_wire(line)})

    def _note(self, part: _Part) -> None:
        """Take note of what is known once all lines were read."""
        addresses, reading = self._runs[part.place.id], part.reading
        self._missing += [addresses[run_id] for run_id in reading.missing]
        self._unreadable += [{"run": addresses[run_id], "detail": why} for run_id, why in reading.unreadable.items()]
        self._cursor.source(part.place.id).runs.update(reading.places)


def _some(lines: Iterator[bytes]) -> tuple[bytes, bool]:
    """Return some of the lines, by commas, and whether these were the last ones."""
    found: list[bytes] = []
    size = 0
    for line in lines:
        found.append(line)
        size += len(line)
        if size >= _PIECE_BYTES:
            return b",".join(found), False
    return b",".join(found), True


def _line_to_wire(line: Line) -> dict[str, Any]:
    return {
        "count": line.count,
        "x": line.x,
        "y": line.y,
        "y_min": line.low,
        "y_max": line.high,
        "last_step": line.last_step,
        "last_time": line.last_time,
    }
