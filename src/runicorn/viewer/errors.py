"""Every error of the app's routes becomes an answer, whoever raised it."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runicorn.errors import MethodNotAllowedError, PathUnknownError, RoutingError, RunicornError, UsageError
from runicorn.viewer.error_answers import answer, error_response

_log = logging.getLogger("runicorn.viewer")

_ROUTER_ERRORS: dict[int, type[RoutingError]] = {
    cls.http_status: cls for cls in (PathUnknownError, MethodNotAllowedError)
}


def install(app: FastAPI) -> None:
    """Make every error of the app's routes an answer of the one shape."""

    async def ours(_: Request, error: Exception) -> Response:
        assert isinstance(error, RunicornError)
        return error_response(error)

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        # Without "input": it may hold a password.
        detail = [{key: item[key] for key in ("type", "loc", "msg") if key in item} for item in error.errors()]
        return answer(422, jsonable_encoder(detail), UsageError.code, UsageError.default_hint)

    async def routing(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status, detail, headers = error.status_code, str(error.detail), dict(error.headers or {})
        methods = _methods_at(app, request.url.path)
        if status in _ROUTER_ERRORS and methods and request.method not in methods:
            # The page's route takes any path and would answer 404; each of our routes knows its own methods only.
            status, detail = 405, f"{request.method} is no method of {request.url.path[:500]}."
            headers["Allow"] = ", ".join(sorted(methods))
        kind = _ROUTER_ERRORS.get(status, RoutingError)
        response = answer(status, detail, kind.code, kind.default_hint)
        response.headers.update(headers)
        return response

    app.add_exception_handler(RunicornError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, routing)


def _methods_at(app: FastAPI, path: str) -> set[str]:
    """Return the methods that /openapi.json names for the path of a request."""
    if not path.startswith("/api/"):
        return set()
    return {
        method.upper()
        for template, operations in app.openapi()["paths"].items()
        if compile_path(template)[0].match(path)
        for method in operations
    }


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
