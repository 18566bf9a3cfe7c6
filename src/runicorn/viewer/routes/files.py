"""The files of a run as they lie on disk."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response

from runicorn.viewer.sending import FILE_RESPONSES, send
from runicorn.viewer.state import ViewerState, viewer_state

router = APIRouter(tags=["runs"])


@router.head("/api/runs/{run_id}/files/{path:path}", include_in_schema=False)
@router.get("/api/runs/{run_id}/files/{path:path}", response_class=Response, responses=FILE_RESPONSES)
async def read_file(
    state: Annotated[ViewerState, Depends(viewer_state)],
    run_id: str,
    path: str,
    range_header: Annotated[str | None, Header(alias="Range")] = None,
) -> Response:
    """Return a file of a run. Text is text/plain, pictures and sound are themselves, all else is a download."""
    place, known_id = state.find(run_id)
    return send(await place.workers.run(place.source.content, known_id, path), range_header)
