"""POST /api/lines and /api/metrics: what the page's charts show of many runs, each asked for in one request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

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
from runicorn.viewer.run_groups import group_levels, group_value, value_to_wire
from runicorn.viewer.schemas import definition_to_wire
from runicorn.viewer.source_state import SourceState
from runicorn.viewer.state import ViewerState, viewer_state

if TYPE_CHECKING:
    from runicorn.storage.lines.bands import Sums

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
    sources, missing = state.by_source(question.runs)
    parts = [_Part(place, runs, wanted, window, question) for place, runs in sources]
    if not parts:
        raise RunNotFoundError(f"There is no run {missing[0]!r}.")
    if len(parts) == 1:
        await parts[0].place.workers.run(parts[0].begin)
    return StreamingResponse(_pieces(parts, missing), media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})


@router.post("/api/metrics", response_model=MetricListAnswer, responses=NOT_FOUND)
async def list_metrics(state: State, question: MetricsQuestion) -> Response:
    """Return the names of all metrics of these runs, what their scripts say of them, and who the runs are."""
    by = group_levels(question.by)
    sources, missing = state.by_source(question.runs)
    told = await asyncio.gather(
        *(place.workers.run(_metrics, place, runs, by) for place, runs in sources), return_exceptions=True
    )
    answers = [each for each in told if not isinstance(each, BaseException)]
    unreadable: list[dict[str, str]] = []
    for (_, runs), error in zip(sources, told, strict=True):
        if isinstance(error, RunNotFoundError):
            missing += runs.values()
        elif isinstance(error, RunicornError):
            unreadable += [{"run": address, "detail": str(error)} for address in runs.values()]
        elif isinstance(error, BaseException):
            raise error
    if not answers:
        raise next((each for each in told if isinstance(each, RunicornError)), None) or RunNotFoundError(
            f"There is no run {missing[0]!r}."
        )
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
            "unreadable": unreadable + [each for answer in answers for each in answer["unreadable"]],
        }
    )


class _Part:
    """What one source gives; made while it is sent. spread_out: the groups whose other runs are elsewhere."""

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
        self.frames: Iterator[bytes] = iter(())
        self.sums: dict[tuple[int, int], list[tuple[Sums, int]]] = {}
        self._lost: tuple[list[str], list[dict[str, str]]] | None = None
        self._question = question
        self._window = window
        self._numbers = {address: number for number, address in enumerate(question.runs)}
        ids = {address: run_id for run_id, address in runs.items()}
        self._own: list[Wanted] = []
        self._spread_out: list[tuple[int, Wanted]] = []
        for number, chart in enumerate(charts):
            groups = [[ids[run] for run in group if run in ids] for group in chart.groups]
            asked = zip(groups, chart.groups, strict=True)
            whole = [mine if len(mine) == len(set(group)) else [] for mine, group in asked]
            parted = [[] if own else mine for own, mine in zip(whole, groups, strict=True)]
            self._own.append(Wanted(chart.metric, [ids[run] for run in chart.runs if run in ids], whole, chart.along))
            if any(parted):
                self._spread_out.append((number, Wanted(chart.metric, [], parted, chart.along)))

    def begin(self) -> None:
        """Find the runs. Blocks. Raises RunNotFoundError, RunUnreadableError where there is none of them."""
        question = self._question
        self._lines, self._found = self.place.source.lines(
            list(self.addresses), self._window, question.band, overwritten=question.overwritten
        )
        self.frames = self._encoded(self._lines)

    def begin_or_tell(self) -> None:
        """Begin; of runs that cannot be had, lost() tells."""
        try:
            self.begin()
        except RunNotFoundError:
            self._lost = list(self.addresses.values()), []
        except RunicornError as error:
            self._lost = [], [{"run": address, "detail": str(error)} for address in self.addresses.values()]

    @property
    def has_begun(self) -> bool:
        return self._lost is not None or hasattr(self, "_lines")

    def lost(self) -> tuple[list[str], list[dict[str, str]]]:
        """Return the runs that are not there, and those that cannot be read, once all frames were made."""
        if self._lost is not None:
            return self._lost
        missing = [self.addresses[run_id] for run_id in [*self._found.missing, *self._lines.missing]]
        reasons = {
            **self._found.unreadable,
            **{run_id: why(error) for run_id, error in self._lines.unreadable.items()},
        }
        return missing, [{"run": self.addresses[run_id], "detail": reason} for run_id, reason in reasons.items()]

    def band(self, chart: int, group: int, sums: Sequence[tuple[Sums, int]]) -> bytes:
        return _band_frame(self._lines.band(chart, group, sums))

    def _encoded(self, lines: Lines) -> Iterator[bytes]:
        for line in lines.each(self._own):
            if isinstance(line, CurveLine):
                yield _curve_frame(line, self._numbers[self.addresses[line.run_id]])
            elif self._own[line.chart].groups[line.group]:
                yield _band_frame(line)
        for number, chart in self._spread_out:
            sums = dict(lines.sums(chart))
            for group, run_ids in enumerate(chart.groups):
                if run_ids:
                    self.sums[number, group] = [sums[run_id] for run_id in run_ids if run_id in sums]


async def _pieces(parts: Sequence[_Part], missing: list[str]) -> AsyncIterator[bytes]:
    async for piece in as_they_come([_pieces_of(part) for part in parts]):
        yield piece
    unreadable: list[dict[str, str]] = []
    for part in parts:
        gone, hidden = part.lost()
        missing, unreadable = missing + gone, unreadable + hidden
    bands = await parts[0].place.workers.run(_spread_out_bands, parts)
    yield b"".join([*bands, frame({"end": True, "missing": missing, "unreadable": unreadable})])


async def _pieces_of(part: _Part) -> AsyncGenerator[bytes, None]:
    if not part.has_begun:
        await part.place.workers.run(part.begin_or_tell)
    complete = False
    while not complete:
        piece, complete = await part.place.workers.run(_some, part.frames)
        if piece:
            yield piece


def _spread_out_bands(parts: Sequence[_Part]) -> list[bytes]:
    """Return the bands of groups whose runs are in several sources."""
    together: dict[tuple[int, int], list[tuple[Sums, int]]] = {}
    for part in parts:
        for place, sums in part.sums.items():
            together.setdefault(place, []).extend(sums)
    maker = next((part for part in parts if part.sums), None)
    return [] if maker is None else [maker.band(*place, sums) for place, sums in together.items()]


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


def _metrics(place: SourceState, runs: dict[str, str], by: Sequence[str]) -> dict[str, Any]:
    listed, found = place.source.metrics(list(runs))
    shown = place.shown(found.runs.values()) if by else list(found.runs.values())
    reasons = {**found.unreadable, **{run_id: why(error) for run_id, error in listed.unreadable.items()}}
    return {
        "runs": [
            {
                **run_head_to_wire(item.run),
                "id": runs[run_id],
                "path": [value_to_wire(group_value(as_shown, key)) for key in by],
                "metric_definitions": [definition_to_wire(each) for each in listed.definitions.get(run_id, ())],
            }
            for (run_id, item), as_shown in zip(found.runs.items(), shown, strict=True)
        ],
        "metrics": {name: [runs[run_id] for run_id in having] for name, having in listed.names.items()},
        "missing": [runs[run_id] for run_id in found.missing],
        "unreadable": [{"run": runs[run_id], "detail": reason} for run_id, reason in reasons.items()],
    }
