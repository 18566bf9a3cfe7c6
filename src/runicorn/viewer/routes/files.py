"""The files of a run as they lie on disk: whole or by range, never as something a browser would execute."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Response
from fastapi.responses import StreamingResponse

from runicorn.errors import FileNotInRunError
from runicorn.storage import layout
from runicorn.storage.tensorboard.overlay import FileRange
from runicorn.viewer.answers import NOT_FOUND
from runicorn.viewer.byte_ranges import UnsatisfiableRangeError, parse_range
from runicorn.viewer.state import ViewerState, viewer_state

router = APIRouter(tags=["runs"])

_CHUNK_BYTES = 1024 * 1024
_TEXT = {".txt", ".log", ".json", ".jsonl", ".csv", ".tsv", ".md", ".yaml", ".yml", ".toml", ".keys", ".py", ".ini"}
_INLINE = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".flac": "audio/flac",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
}


@router.head("/api/runs/{run_id}/files/{path:path}", include_in_schema=False)
@router.get(
    "/api/runs/{run_id}/files/{path:path}",
    response_class=Response,
    responses={
        **NOT_FOUND,
        200: {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}, "description": "The file."},
        206: {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}, "description": "The range."},
        416: {"description": "The range lies beyond the file."},
    },
)
async def read_file(
    state: Annotated[ViewerState, Depends(viewer_state)],
    run_id: str,
    path: str,
    range_header: Annotated[str | None, Header(alias="Range")] = None,
) -> Response:
    """Return a file of a run. Text is text/plain, pictures and sound are themselves, all else is a download."""
    file = await state.workers.run(_find, state, run_id, path)
    size = file.size_bytes
    headers = _headers(PurePosixPath(path).name)
    try:
        span = parse_range(range_header, size)
    except UnsatisfiableRangeError:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    start, end = span or (0, size)
    if span is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    # The length is fixed here: the file may grow while it is sent.
    headers["Content-Length"] = str(end - start)
    return StreamingResponse(_read(file, start, end), 200 if span is None else 206, headers)


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


def _headers(name: str) -> dict[str, str]:
    suffix = PurePosixPath(name).suffix.lower()
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "no-cache",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if suffix in _TEXT:
        headers["Content-Type"] = "text/plain; charset=utf-8"
    elif suffix in _INLINE:
        headers["Content-Type"] = _INLINE[suffix]
    else:
        headers["Content-Type"] = "application/octet-stream"
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return headers


def _read(file: FileRange, start: int, end: int) -> Iterator[bytes]:
    with file.path.open("rb") as content:
        content.seek(file.start + start)
        while start < end:
            data = content.read(min(_CHUNK_BYTES, end - start))
            if not data:
                return
            start += len(data)
            yield data
