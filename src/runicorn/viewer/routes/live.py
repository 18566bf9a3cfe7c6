"""GET /api/live: the stream of server-sent events."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import StreamingResponse

from runicorn.viewer.answers import NOT_FOUND
from runicorn.viewer.live import Cursor, LiveStream
from runicorn.viewer.state import ViewerState, viewer_state

router = APIRouter(tags=["runs"])


@router.get(
    "/api/live",
    response_class=StreamingResponse,
    responses={
        **NOT_FOUND,
        200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "Events, without end."},
    },
)
async def live(
    state: Annotated[ViewerState, Depends(viewer_state)],
    run: Annotated[
        list[str] | None, Query(max_length=1000, description="Runs whose points and output to send.")
    ] = None,
    cursor: Annotated[
        str | None, Query(max_length=200_000, description="Where to go on, from GET /api/series.")
    ] = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Send changes of runs, and the points and output of the runs asked for, each with an id to go on from.

    Last-Event-ID, which a browser sends when it reconnects, wins over `cursor`. Events: runs, points, console, events,
    remote.
    """
    place = last_event_id or cursor
    stream = LiveStream(state, list(dict.fromkeys(run or [])), Cursor.decode(place) if place else None)

    def check() -> None:
        for run_id in run or []:
            state.index.find(run_id)

    await state.workers.run(check)
    return StreamingResponse(
        stream.events(),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
