"""GET /api/live: the stream of server-sent events."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import StreamingResponse

from runicorn.viewer.live import LiveStream
from runicorn.viewer.state import ViewerState, viewer_state

router = APIRouter(tags=["runs"])


# A cursor that is longer does not fit into the head of a request, see server.py.
_MAX_CURSOR = 400_000
_MIN_BEHIND_BYTES, _MAX_BEHIND_BYTES = 64 * 2**10, 2**40


@router.get(
    "/api/live",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "Events, without end."},
    },
)
async def live(
    state: Annotated[ViewerState, Depends(viewer_state)],
    run: Annotated[list[str] | None, Query(description="Runs whose points and output to send.")] = None,
    cursor: Annotated[
        str | None, Query(max_length=_MAX_CURSOR, description="Where to go on, from GET /api/series.")
    ] = None,
    max_behind: Annotated[
        int | None,
        Query(
            ge=_MIN_BEHIND_BYTES,
            le=_MAX_BEHIND_BYTES,
            description="Where more bytes of a file than this are new at once, leave them out but for its end, and tell"
            " it by a `gap` event. By default nothing is left out.",
        ),
    ] = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Send changes of runs, and the points and output of the runs asked for, each with an id to go on from.

    Last-Event-ID, which a browser sends when it reconnects, wins over `cursor`. Events: runs, points, console, events,
    remote, sources, following, gap, replaced, again. `sources` tells which there are and whether each is `ready`,
    `late`, as its files do not answer now, or `away`. A run that is not there is waited for, and sent from its
    beginning once it is; `following` tells which are `missing` so, and which are `left_out` because more than a
    thousand were asked for. `replaced` tells that another file lies in the place of one that was sent, which begins
    anew; `again`, that a viewer which has started since does not know that id: it goes on from `cursor`, or from now,
    and what was sent may come again or be left out.
    """
    known = [state.places.find(each) for each in (last_event_id, cursor) if each]
    place = next((each for each in known if each is not None), None)
    runs = list(dict.fromkeys(run or []))
    stream = LiveStream(state, runs, place, max_behind=max_behind, again=None in known[:1])
    return StreamingResponse(
        stream.events(),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
