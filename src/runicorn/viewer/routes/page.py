"""The web page, on every path that no other route has."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Response
from starlette.exceptions import HTTPException

from runicorn.viewer.page import PAGE_FOLDER, asset_response, index_response


def page_router(folder: Path = PAGE_FOLDER) -> APIRouter:
    """Return the routes of the page, which hold every path that no other route has."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/", methods=["GET", "HEAD"])
    def index() -> Response:
        return index_response(folder)

    @router.api_route("/{path:path}", methods=["GET", "HEAD"])
    def asset(path: str) -> Response:
        response = asset_response(path, folder)
        if response is None:
            raise HTTPException(404, f"There is nothing at /{path[:500]}.")
        return response

    return router
