"""The files of a run as they lie on disk."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response

from runicorn.errors import FileNotInRunError
from runicorn.storage import layout
from runicorn.storage.tensorboard.overlay import FileRange
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
    file = await state.workers.run(_find, state, run_id, path)
    return send(file, PurePosixPath(path).name, range_header)


def _find(state: ViewerState, run_id: str, path: str) -> FileRange:
    """Return the file, which lies in the run's folder even if links are followed. Raises FileNotInRunError."""
    state.index.find(run_id)
    media = state.files.media(run_id, path)
    if media is not None:
        return media
    folder = state.files.path(layout.run_path(run_id))
    parts = PurePosixPath(path).parts
    missing = FileNotInRunError(f"The run {run_id} has no file {path[:500]!r}.")
    if not parts or any(part in ("..", "/") or "\\" in part or ":" in part or "\0" in part for part in parts):
        raise missing
    try:
        file = folder.joinpath(*parts).resolve(strict=True)
        if file.is_relative_to(folder.resolve(strict=True)) and file.is_file():
            return FileRange(file, 0, file.stat().st_size)
    except (OSError, RuntimeError, ValueError):  # missing, a loop of links, a name that the system forbids
        pass
    raise missing
