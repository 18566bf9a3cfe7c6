"""GET /api/health: which viewer this is."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from runicorn._version import __version__
from runicorn.viewer.answers import json_answer
from runicorn.viewer.schemas import HealthAnswer
from runicorn.viewer.state import ViewerState, viewer_state

router = APIRouter(tags=["viewer"])


@router.get("/api/health", response_model=HealthAnswer)
async def health(
    state: Annotated[ViewerState, Depends(viewer_state)], session: Annotated[str | None, Query(max_length=64)] = None
) -> Response:
    """Say that the viewer serves, and what. Touches no file, so that a slow disk does not look like a dead viewer.

    session: the id of the session that asks; a viewer in that session then lives on for its grace period.
    """
    mine = state.session
    if mine is not None and session == mine.session_id:
        mine.touch()
    return json_answer(
        {
            "status": "ok",
            "version": __version__,
            "root": state.local.source.root,
            "session_id": mine.session_id if mine else None,
            "pid": mine.pid if mine else None,
            "started_at": mine.started_at if mine else None,
            "remote": mine.remote_info if mine else None,
        }
    )
