"""Errors as answers: {"detail", "code", "hint"}, and the place in a query. Needs no web framework: guards use it."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from runicorn.errors import InvalidQueryError, RunicornError


def error_body(error: RunicornError) -> bytes:
    """Return the answer for one of our errors."""
    place = {"position": error.position} if isinstance(error, InvalidQueryError) else {}
    return _body(error.wire_detail(), error.code, error.hint, **place)


def error_response(error: RunicornError) -> Response:
    return _response(error.http_status, error_body(error))


def answer(status: int, detail: Any, code: str, hint: str) -> Response:
    """Return the answer for what another library complains of. detail: plain JSON."""
    return _response(status, _body(detail, code, hint))


def _body(detail: Any, code: str, hint: str, **more: Any) -> bytes:
    return msgspec.json.encode({"detail": detail, "code": code, "hint": hint, **more})


def _response(status: int, body: bytes) -> Response:
    return Response(body, status, media_type="application/json")
