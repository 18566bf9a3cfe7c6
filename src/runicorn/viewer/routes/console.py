"""What a run printed, and its events: byte ranges of two growing files."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from runicorn.viewer.answers import NOT_FOUND, json_answer
from runicorn.viewer.schemas import ConsoleAnswer, EventsAnswer, text_to_wire
from runicorn.viewer.state import ViewerState, viewer_state

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
