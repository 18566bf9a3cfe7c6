"""What a viewer in a session is told by a master whose channel to it is gone: news of the link, and to end."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from runicorn.errors import SessionNotFoundError
from runicorn.viewer.hooks import Session
from runicorn.viewer.schemas import AnswerModel


class StopSessionBody(BaseModel):
    session_id: str


class LinkBody(BaseModel):
    """link: how the viewer is reached; it stands under `remote` in GET /api/health."""

    session_id: str
    link: dict[str, Any]


class SessionOkAnswer(AnswerModel):
    ok: bool


def session_router(session: Session) -> APIRouter:
    """Return the route that only a viewer in a session has."""
    router = APIRouter(prefix="/api/session", tags=["session"])

    def require_mine(session_id: str) -> None:
        if session_id != session.session_id:
            raise SessionNotFoundError("This viewer belongs to another session.")

    @router.post("/link")
    async def link(body: LinkBody) -> SessionOkAnswer:
        """Describe how this viewer is reached. Raises SessionNotFoundError for another session's id."""
        require_mine(body.session_id)
        session.remote_info = body.link
        return SessionOkAnswer(ok=True)

    @router.post("/stop")
    async def stop(body: StopSessionBody) -> SessionOkAnswer:
        """End this viewer. Raises SessionNotFoundError for another session's id."""
        require_mine(body.session_id)
        session.end()
        return SessionOkAnswer(ok=True)

    return router
