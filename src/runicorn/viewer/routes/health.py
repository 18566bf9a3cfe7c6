"""GET /api/health: which viewer this is."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from runicorn._version import __version__
from runicorn.viewer.answers import json_answer
from runicorn.viewer.schemas import HealthAnswer
from runicorn.viewer.state import ViewerState, viewer_state

router = APIRouter(tags=["viewer"])


@router.get("/api/health", response_model=HealthAnswer)
async def health(state: Annotated[ViewerState, Depends(viewer_state)]) -> Response:
    """Say that the viewer serves, and what. Touches no file, so that a slow disk does not look like a dead viewer."""
    session = state.session
    return json_answer(
        {
            "status": "ok",
            "version": __version__,
            "root": str(state.settings.root),
            "session_id": session.session_id if session else None,
            "remote": dict(session.remote_info) if session else None,
        }
    )
