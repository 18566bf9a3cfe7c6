"""The end of a viewer in a session, for a master whose channel to it is gone."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from runicorn.errors import SessionNotFoundError
from runicorn.viewer.hooks import Session


class StopSessionBody(BaseModel):
    session_id: str


class StopSessionAnswer(BaseModel):
    ok: bool


def session_router(session: Session) -> APIRouter:
    """Return the route that only a viewer in a session has."""
    router = APIRouter(prefix="/api/session", tags=["session"])

    @router.post("/stop")
    async def stop(body: StopSessionBody) -> StopSessionAnswer:
        """End this viewer. Raises SessionNotFoundError for another session's id."""
        if body.session_id != session.session_id:
            raise SessionNotFoundError("This viewer belongs to another session.")
        session.end()
        return StopSessionAnswer(ok=True)

    return router
