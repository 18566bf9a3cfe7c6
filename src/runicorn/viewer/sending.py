"""How a file is sent: whole or by range, never as something a browser would execute."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from fastapi import Response
from fastapi.responses import StreamingResponse

from runicorn.sources.content import Content
from runicorn.viewer.answers import NOT_FOUND
from runicorn.viewer.byte_ranges import UnsatisfiableRangeError, parse_range

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

_BINARY = {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}
FILE_RESPONSES: dict[int | str, dict[str, Any]] = {
    **NOT_FOUND,
    200: {**_BINARY, "description": "The file."},
    206: {**_BINARY, "description": "The range."},
    416: {"description": "The range lies beyond the file."},
}


def send(content: Content, range_header: str | None) -> Response:
    """Return a file, or what a Range header asks of it.

    Text is text/plain, pictures and sound are themselves, all else is a download.
    """
    size = content.size_bytes
    headers = _headers(content.name)
    try:
        span = parse_range(range_header, size)
    except UnsatisfiableRangeError:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    start, end = span or (0, size)
    if span is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    # The length is fixed here: the file may grow while it is sent.
    headers["Content-Length"] = str(end - start)
    return StreamingResponse(content.pieces(start, end), 200 if span is None else 206, headers)


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
