"""What a run printed, what is looked for in it and when it was written; and events: byte ranges of growing files."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from runicorn.storage.console_search import Match, Place
from runicorn.storage.patterns import MAX_PATTERN_CHARACTERS, Pattern
from runicorn.viewer.answers import NOT_FOUND, json_answer
from runicorn.viewer.schemas import ConsoleAnswer, ConsoleSearchAnswer, ConsoleTimesAnswer, EventsAnswer, text_to_wire
from runicorn.viewer.state import Address, ViewerState, viewer_state

router = APIRouter(tags=["runs"])
State = Annotated[ViewerState, Depends(viewer_state)]
Offset = Annotated[int, Query(alias="from", ge=-(2**53), le=2**53, description="A byte; negative counts from the end.")]
Limit = Annotated[int, Query(ge=16, le=16 * 2**20, description="Bytes.")]

_DEFAULT_LIMIT_BYTES = 262_144


@router.get("/api/runs/{run_id}/console", response_model=ConsoleAnswer, responses=NOT_FOUND)
async def read_console(state: State, run_id: str, start: Offset = 0, limit: Limit = _DEFAULT_LIMIT_BYTES) -> Response:
    """Return a piece of console.log, escape codes included; never cuts a character. `to` is where to go on."""

    place, known_id = state.find(run_id)
    piece = await place.workers.run(place.source.console, known_id, start, limit)
    return json_answer({**text_to_wire(piece.text, piece.start, piece.end), "size": piece.size_bytes})


@router.get("/api/runs/{run_id}/console/search", response_model=ConsoleSearchAnswer, responses=NOT_FOUND)
async def search_console(
    *,
    state: State,
    run_id: str,
    q: Annotated[str, Query(max_length=MAX_PATTERN_CHARACTERS, description="Empty: only the lines are counted.")] = "",
    regex: Annotated[bool, Query(description="Whether q is a regular expression.")] = False,
    case: Annotated[bool, Query(description="Whether upper and lower case differ.")] = False,
    start: Annotated[int, Query(alias="from", ge=0, le=2**53, description="The first byte of a line.")] = 0,
    line: Annotated[int, Query(ge=0, le=2**53, description="How many lines are before that.")] = 0,
    limit: Annotated[int, Query(ge=0, le=5000, description="Matches to return.")] = 100,
    count: Annotated[bool, Query(description="Go on counting behind the last match that is returned.")] = True,
    text: Annotated[bool, Query(description="Give the lines themselves as well.")] = True,
) -> Response:
    """Look for lines of console.log as a terminal shows them; escape codes hide nothing.

    Answers within about half a second with what there is by then; `counted` and `next` are where to go on.
    """
    address = state.find(run_id)
    begin = Place(start, line)
    return json_answer(
        await address.place.workers.run(_search, address, (q, regex, case), begin, limit, count=count, text=text)
    )


@router.get("/api/runs/{run_id}/console/times", response_model=ConsoleTimesAnswer, responses=NOT_FOUND)
async def read_console_times(
    *,
    state: State,
    run_id: str,
    start: Annotated[int, Query(alias="from", ge=0, le=2**53, description="A byte.")] = 0,
    to: Annotated[int, Query(ge=0, le=2**53, description="A byte.")] = 2**53,
    limit: Annotated[int, Query(ge=0, le=10_000, description="Times to return.")] = 10_000,
    at: Annotated[float | None, Query(ge=-(2**40), le=2**40, description="Unix seconds whose place is wanted.")] = None,
) -> Response:
    """Return when output was written, for a range of bytes; and where what was written at a time begins."""
    address = state.find(run_id)
    return json_answer(await address.place.workers.run(_times, address, start, to, limit, at))


@router.get("/api/runs/{run_id}/events", response_model=EventsAnswer, responses=NOT_FOUND)
async def read_events(
    state: State,
    run_id: str,
    start: Offset = 0,
    limit: Limit = _DEFAULT_LIMIT_BYTES,
    file: Annotated[str, Query(max_length=200, description="A further writer's: events.rank1.jsonl.")] = "events.jsonl",
) -> Response:
    """Return whole events from a byte offset on; `to` is where to go on. Lines that are no objects are left out."""

    place, known_id = state.find(run_id)
    events, begin, end, size = await place.workers.run(place.source.events, known_id, file, start, limit)
    return json_answer({"events": events, "from": begin, "to": end, "size": size})


def _search(
    address: Address, wanted: tuple[str, bool, bool], begin: Place, limit: int, *, count: bool, text: bool
) -> dict[str, Any]:
    q, is_regex, match_case = wanted
    pattern = Pattern(q, is_regex=is_regex, match_case=match_case) if q else None
    found = address.place.source.search_console(address.run_id, pattern, begin, limit, count)
    matches = [_match(one) | ({"text": one.text} if text else {}) for one in found.matches]
    return {
        "matches": matches,
        "next": None if found.next is None else _place(found.next),
        "total": found.total,
        "counted": _place(found.counted),
        "complete": found.complete,
        "unfinished": found.unfinished,
        "lines": found.counted.line + found.last_line,
        "size": found.size_bytes,
    }


def _match(match: Match) -> dict[str, Any]:
    return {"offset": match.offset, "line": match.line, "start": match.start, "end": match.end}


def _place(place: Place) -> dict[str, int]:
    return {"from": place.offset, "line": place.line}


def _times(address: Address, start: int, to: int, limit: int, at: float | None) -> dict[str, Any]:
    times, size = address.place.source.console_times(address.run_id)
    if times is None:
        return {"kept": False, "offsets": [], "times": [], "to": size, "first": None, "last": None, "at": None}
    seconds, offsets, covered = times.between(min(start, size), min(to, size), limit)
    whole = [_millis(times.times[edge]) for edge in (0, -1)] if len(times) else [None, None]
    return {
        "kept": True,
        "offsets": offsets,
        "times": [_millis(one) for one in seconds],
        "to": covered,
        "first": whole[0],
        "last": whole[1],
        "at": None if at is None else times.place_of(at),
    }


def _millis(seconds: float) -> int:
    return round(float(seconds) * 1000)
