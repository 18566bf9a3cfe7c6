"""How routes answer: encoded JSON, and the errors that /openapi.json names for them."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from runicorn.viewer.schemas import ErrorAnswer, encode

ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorAnswer, "description": "A value that cannot be used."},
    401: {"model": ErrorAnswer, "description": "The viewer wants its token, or a server refused the login."},
    403: {"model": ErrorAnswer, "description": "The guard does not let this request in."},
    408: {"model": ErrorAnswer, "description": "A body that does not arrive."},
    413: {"model": ErrorAnswer, "description": "A body of more than 2 MiB."},
    415: {"model": ErrorAnswer, "description": "A body that is not JSON."},
    422: {"model": ErrorAnswer, "description": "A parameter or body of the wrong shape."},
    500: {"model": ErrorAnswer, "description": "The viewer failed; its log says where."},
}
NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": ErrorAnswer, "description": "There is no such thing."}}
# For a route whose response class tells no media type, so that its errors remain JSON.
TEXT: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}

HOST_KEY: dict[int | str, dict[str, Any]] = {
    409: {"model": ErrorAnswer, "description": "A host key that a person has to compare and accept; `detail` holds it."}
}


def json_answer(value: Any) -> Response:
    """Return plain JSON as an answer that no browser keeps."""
    return raw_json_answer(encode(value))


def raw_json_answer(body: bytes) -> Response:
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})
