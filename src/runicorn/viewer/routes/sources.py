"""DELETE /api/sources/ID: no longer show what was seen of a host that is not connected."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from runicorn.errors import PlaceNotFoundError
from runicorn.viewer.answers import NOT_FOUND
from runicorn.viewer.schemas import ErrorAnswer
from runicorn.viewer.state import ViewerState, viewer_state

router = APIRouter(tags=["sources"])

_CONNECTED: dict[int | str, dict[str, Any]] = {409: {"model": ErrorAnswer, "description": "It is connected."}}


@router.delete(
    "/api/sources/{source_id}", status_code=204, response_class=Response, responses={**NOT_FOUND, **_CONNECTED}
)
async def forget_source(source_id: str, state: Annotated[ViewerState, Depends(viewer_state)]) -> None:
    """Forget what was seen of a host's root. Nothing changes over there; connected again, it is shown as before."""
    if state.remote is None:
        raise PlaceNotFoundError(f"There is no source {source_id[:100]!r} beside this machine's.")
    await asyncio.to_thread(state.remote.guests.forget, source_id)
