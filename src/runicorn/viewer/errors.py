"""Errors as answers: {"detail", "code", "hint"}, whoever raised them."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runicorn.errors import RunicornError, UsageError

_log = logging.getLogger("runicorn.viewer")

_ROUTER_ERRORS = {
    404: ("NOT_FOUND", "Check the path; GET /openapi.json lists all of them."),
    405: ("METHOD_NOT_ALLOWED", "Check the method; GET /openapi.json lists those of each path."),
}


def error_body(error: RunicornError) -> bytes:
    """Return the answer for one of our errors."""
    return _body(error.wire_detail(), error.code, error.hint)


def error_response(error: RunicornError) -> Response:
    return _response(error.http_status, error_body(error))


def install(app: FastAPI) -> None:
    """Make every error of the app's routes an answer of the one shape."""

    async def ours(_: Request, error: Exception) -> Response:
        assert isinstance(error, RunicornError)
        return error_response(error)

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        # Without "input": it may hold a password.
        detail = [{key: item[key] for key in ("type", "loc", "msg") if key in item} for item in error.errors()]
        return _response(422, _body(jsonable_encoder(detail), UsageError.code, UsageError.default_hint))

    async def routing(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code, hint = _ROUTER_ERRORS.get(error.status_code, ("HTTP_ERROR", "Correct the request and send it again."))
        response = _response(error.status_code, _body(str(error.detail), code, hint))
        response.headers.update(error.headers or {})
        return response

    app.add_exception_handler(RunicornError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, routing)


class CatchAll:
    """Middleware that logs what nobody expected and answers INTERNAL_ERROR. Stands inside of the guard's headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            if scope["type"] != "http":
                raise
            _log.exception("%s %s failed", scope.get("method"), scope.get("path"))
            if started:  # too late for an answer: let the server cut the connection
                raise
            error = RunicornError("The viewer failed on this request; its log says where.")
            await error_response(error)(scope, receive, send)


def _body(detail: Any, code: str, hint: str) -> bytes:
    return msgspec.json.encode({"detail": detail, "code": code, "hint": hint})


def _response(status: int, body: bytes) -> Response:
    return Response(body, status, media_type="application/json")
