"""The viewer as an ASGI app: puts routes, guard, errors and page together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from runicorn._version import __version__
from runicorn.errors import RemoteUnavailableError
from runicorn.settings import Settings
from runicorn.sources.folder import FolderSource
from runicorn.viewer import errors
from runicorn.viewer.answers import ERRORS
from runicorn.viewer.compression import Compression
from runicorn.viewer.guard import Guard, Rules
from runicorn.viewer.hooks import RemoteHook, Session
from runicorn.viewer.routes import (
    artifacts,
    console,
    files,
    health,
    lines,
    live,
    machines,
    run_lists,
    runs,
    series,
    sources,
)
from runicorn.viewer.routes.page import page_router
from runicorn.viewer.routes.session import session_router
from runicorn.viewer.state import ViewerState

_COMPRESS_FROM_BYTES = 2048


def create_app(
    settings: Settings,
    *,
    remote: RemoteHook | None = None,
    session: Session | None = None,
    source: FolderSource | None = None,
) -> FastAPI:
    """Return the app for one storage root. settings.port must be the port that it is reached at, for the guard.

    remote: remote support, started and stopped with the app; without it, /api/remote answers REMOTE_UNAVAILABLE.
    session: the session that this viewer runs in, on a server or for one. source: see ViewerState.create.
    """
    state = ViewerState.create(settings, remote, session, source)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        state.start()
        if state.remote is not None:
            await state.remote.start()
        try:
            yield
        finally:
            state.streams.close()
            if state.remote is not None:
                await state.remote.stop()
            await asyncio.to_thread(state.close)  # its limits are its own

    app = FastAPI(
        title="Runicorn viewer",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,  # they load scripts from elsewhere, which the page's policy forbids
        redoc_url=None,
        responses=ERRORS,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.viewer = state
    errors.install(app)
    for module in (health, run_lists, runs, series, lines, console, files, artifacts, live, machines, sources):
        app.include_router(module.router)
    if session is not None:
        app.include_router(session_router(session))
    first = len(app.router.routes)
    app.include_router(remote.router if remote is not None else _no_remote())
    app.state.remote_routes = app.router.routes[first:]
    app.include_router(page_router())
    _add_middleware(app, settings, session)
    return app


async def add_remote(app: FastAPI, load: Callable[[], RemoteHook | None]) -> None:
    """Give remote support to an app that was made without, and serves already. load: called in a thread."""
    remote = await asyncio.to_thread(load)
    if remote is None:
        return
    routes = app.router.routes
    before = len(routes)
    # Behind those of the page, which hold every path, nobody reaches them yet.
    await asyncio.to_thread(app.include_router, remote.router)
    placeholders = app.state.remote_routes
    first = routes.index(placeholders[0])
    routes[:] = [*routes[:first], *routes[before:], *routes[first + len(placeholders) : before]]
    app.openapi_schema = None
    app.state.viewer.remote = remote
    await remote.start()


def _add_middleware(app: FastAPI, settings: Settings, session: Session | None) -> None:
    """Add what wraps all routes, the innermost first."""
    if session is not None:
        # Over a tunnel bytes cost more than cycles; on one machine it is the other way round.
        app.add_middleware(Compression, minimum_size=_COMPRESS_FROM_BYTES, compresslevel=1)
    app.add_middleware(errors.CatchAll)
    app.add_middleware(Guard, rules=Rules(settings.port, settings.allowed_hosts, settings.token))


def _no_remote() -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.api_route("/api/remote/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def unavailable(path: str) -> None:
        raise RemoteUnavailableError("This viewer has no remote support.")

    return router
