"""POST /api/lines and /api/metrics: what the page's charts show of many runs, each asked for in one request."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from fastapi.responses import StreamingResponse

from runicorn.errors import RunicornError, RunNotFoundError, UsageError
from runicorn.model import number_to_json
from runicorn.sources.folder import why
from runicorn.sources.lines import BandLine, CurveLine, Lines, Wanted
from runicorn.storage.series import Window
from runicorn.viewer.answers import NOT_FOUND, json_answer
from runicorn.viewer.line_frames import MEDIA_TYPE, frame
from runicorn.viewer.line_schemas import LinesQuestion, MetricListAnswer, MetricsQuestion, run_head_to_wire
from runicorn.viewer.merging import as_they_come
from runicorn.viewer.schemas import definition_to_wire
from runicorn.viewer.source_state import SourceState
from runicorn.viewer.state import ViewerState, viewer_state

router = APIRouter(tags=["runs"])

_MAX_LINES = 20_000
_MAX_POINTS = 10_000_000
# Frames are sent in pieces of about this size, so that the first are drawn while the last are made.
_PIECE_BYTES = 128 * 1024
_ROUGH = frozenset({"y", "low", "high"})

State = Annotated[ViewerState, Depends(viewer_state)]
_BINARY: dict[int | str, dict[str, Any]] = {
    200: {"description": "Frames; docs/reference/lines.md says how to read them.",
          "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
}  # fmt: skip


@router.post("/api/lines", response_class=Response, responses={**NOT_FOUND, **_BINARY})
async def read_lines(state: State, question: LinesQuestion) -> Response:
    """Return what charts show of many runs, as frames in no order, the last of which says `end`.

    Each chart is of one metric: of its runs, a curve each, and of its groups, a band each. A line comes in about as
    many buckets as `points` says, those of its points where these are few: first and last x, mean, least and greatest
    value. Meant for pages; everybody else is better served by GET /api/series.
    """
    wanted = question.wanted()
    if (lines := sum(len(chart.runs) + len(chart.groups) for chart in wanted)) > _MAX_LINES:
        raise UsageError(f"{lines} lines are too many for one answer.", hint=f"Ask for {_MAX_LINES} at most.")
    if lines * question.points > _MAX_POINTS:
        raise UsageError(f"{lines} lines of {question.points} points are too many.", hint="Ask for fewer points.")
    window = Window(question.x, question.points, question.low, question.high)
    parts: list[_Part] = []
    unreadable: list[dict[str, str]] = []
    failure: RunicornError | None = None
    sources, missing = state.by_source(question.runs)
    for place, runs in sources:
        try:
            parts.append(await place.workers.run(_Part, place, runs, wanted, window, question))
        except RunNotFoundError as error:
            missing += runs.values()
            failure = failure or error
        except RunicornError as error:
            unreadable += [{"run": address, "detail": str(error)} for address in runs.values()]
            failure = error
    if not parts:
        raise failure or RunNotFoundError(f"There is no run {missing[0]!r}.")
    return StreamingResponse(
        _pieces(parts, missing, unreadable), media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"}
    )


@router.post("/api/metrics", response_model=MetricListAnswer, responses=NOT_FOUND)
async def list_metrics(state: State, question: MetricsQuestion) -> Response:
    """Return the names of all metrics of these runs, what their scripts say of them, and who the runs are."""
    answers = []
    failure: RunicornError | None = None
    sources, missing = state.by_source(question.runs)
    for place, runs in sources:
        try:
            answers.append(await place.workers.run(_metrics, place, runs))
        except RunNotFoundError as error:
            missing += runs.values()
            failure = failure or error
    if not answers:
        raise failure or RunNotFoundError(f"There is no run {missing[0]!r}.")
    names: dict[str, list[str]] = {}
    for answer in answers:
        for name, runs_with in answer["metrics"].items():
            names.setdefault(name, []).extend(runs_with)
    runs_told = [run for answer in answers for run in answer["runs"]]
    everywhere = {run["id"] for run in runs_told}
    return json_answer(
        {
            "runs": runs_told,
            "metrics": [
                {"name": name, "runs": None if set(having) == everywhere else having}
                for name, having in sorted(names.items())
            ],
            "missing": missing + [run for answer in answers for run in answer["missing"]],
            "unreadable": [each for answer in answers for each in answer["unreadable"]],
        }
    )


class _Part:
    """What one source gives; made while it is sent."""

    def __init__(
        self,
        place: SourceState,
        runs: dict[str, str],
        charts: Sequence[Wanted],
        window: Window,
        question: LinesQuestion,
    ) -> None:
        self.place = place
        self.addresses = runs
        self._lines, self.found = place.source.lines(
            list(runs), window, question.band, overwritten=question.overwritten
        )
        ids = {address: run_id for run_id, address in runs.items()}
        self.numbers = {address: number for number, address in enumerate(question.runs)}
        mine = [
            Wanted(
                chart.metric,
                [ids[run] for run in chart.runs if run in ids],
                [[ids[run] for run in group if run in ids] for group in chart.groups],
                chart.along,
            )
            for chart in charts
        ]
        self.frames = self._encoded(self._lines, mine)

    def _encoded(self, lines: Lines, charts: Sequence[Wanted]) -> Iterator[bytes]:
        for line in lines.each(charts):
            if isinstance(line, BandLine):
                yield _band_frame(line)
            else:
                yield _curve_frame(line, self.numbers[self.addresses[line.run_id]])

    def lost(self) -> tuple[list[str], list[dict[str, str]]]:
        """Return the runs that are not there, and those that cannot be read, once all frames were made."""
        missing = [self.addresses[run_id] for run_id in [*self.found.missing, *self._lines.missing]]
        reasons = {
            **self.found.unreadable,
            **{run_id: why(error) for run_id, error in self._lines.unreadable.items()},
        }
        return missing, [{"run": self.addresses[run_id], "detail": reason} for run_id, reason in reasons.items()]


async def _pieces(parts: Sequence[_Part], missing: list[str], unreadable: list[dict[str, str]]) -> AsyncIterator[bytes]:
    async for piece in as_they_come([_pieces_of(part) for part in parts]):
        yield piece
    for part in parts:
        gone, hidden = part.lost()
        missing, unreadable = missing + gone, unreadable + hidden
    yield frame({"end": True, "missing": missing, "unreadable": unreadable})


async def _pieces_of(part: _Part) -> AsyncGenerator[bytes, None]:
    complete = False
    while not complete:
        piece, complete = await part.place.workers.run(_some, part.frames)
        if piece:
            yield piece


def _some(frames: Iterator[bytes]) -> tuple[bytes, bool]:
    """Return some of the frames, and whether these were the last ones."""
    found: list[bytes] = []
    size = 0
    for each in frames:
        found.append(each)
        size += len(each)
        if size >= _PIECE_BYTES:
            return b"".join(found), False
    return b"".join(found), True


def _curve_frame(line: CurveLine, run: int) -> bytes:
    head: dict[str, Any] = {"chart": line.chart, "run": run}
    curve = line.curve
    if curve is None:
        return frame({**head, "count": 0})
    head |= {
        "count": curve.count,
        "hidden": line.hidden,
        "last_step": line.last_step,
        "last_time": None if line.last_time is None else number_to_json(line.last_time),
    }
    columns = [
        ("x", curve.x), ("y", curve.y), ("x_end", curve.x_end), ("low", curve.low), ("high", curve.high),
        ("points", curve.points), ("odd", curve.odd),
    ]  # fmt: skip
    return frame(head, columns, _ROUGH if curve.points is not None else frozenset())


def _band_frame(line: BandLine) -> bytes:
    head: dict[str, Any] = {"chart": line.chart, "group": line.group, "count": line.count}
    band = line.band
    if band is None:
        return frame(head)
    columns = [
        ("x", band.x), ("y", band.y), ("x_end", band.x_end), ("low", band.low), ("high", band.high),
        ("runs", band.runs),
    ]  # fmt: skip
    return frame(head, columns, _ROUGH)


def _metrics(place: SourceState, runs: dict[str, str]) -> dict[str, Any]:
    listed, found = place.source.metrics(list(runs))
    reasons = {**found.unreadable, **{run_id: why(error) for run_id, error in listed.unreadable.items()}}
    return {
        "runs": [
            {
                **run_head_to_wire(item.run),
                "id": runs[run_id],
                "metric_definitions": [definition_to_wire(each) for each in listed.definitions.get(run_id, ())],
            }
            for run_id, item in found.runs.items()
        ],
        "metrics": {name: [runs[run_id] for run_id in having] for name, having in listed.names.items()},
        "missing": [runs[run_id] for run_id in found.missing],
        "unreadable": [{"run": runs[run_id], "detail": reason} for run_id, reason in reasons.items()],
    }
