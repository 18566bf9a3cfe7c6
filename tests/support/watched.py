"""A viewer in this process that tells which requests arrived and which got past its guard, and every route it has."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from runicorn.remote.service import RemoteService
from runicorn.settings import Settings
from runicorn.viewer.guard import Guard
from runicorn.viewer.hooks import Session
from runicorn.viewer.routes.remote import RemoteApi
from runicorn.viewer.server import ViewerServer

TIMEOUT_SECS = 20


@dataclass
class Watched:
    """A running viewer. arrived, reached: `METHOD path`, before the guard and behind it, where the routes are."""

    server: ViewerServer
    settings: Settings
    arrived: list[str] = field(default_factory=list)
    reached: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.server.port


class Note:
    """ASGI middleware that keeps what passes through it."""

    def __init__(self, app: ASGIApp, notes: list[str]) -> None:
        self._app = app
        self._notes = notes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            self._notes.append(f"{scope.get('method', scope['type'])} {scope['path']}")
        await self._app(scope, receive, send)


class FakeSession:
    """A session as the viewer on a server knows it."""

    session_id = "0123456789abcdef"
    proof = "0" * 64
    pid = 4711
    started_at = 1795410494.5
    remote_info: dict[str, Any] | None = None

    def touch(self) -> None: ...

    def end(self) -> None:
        raise AssertionError("somebody reached POST /api/session/stop")


@contextlib.contextmanager
def run_watched(
    folder: Path, *, guarded: bool = True, session: Session | None = None, **options: Any
) -> Iterator[Watched]:
    """Serve a viewer with remote support. guarded: False takes the guard out, to see what it is good for."""
    (folder / "root").mkdir(parents=True, exist_ok=True)
    settings = Settings(root=folder / "root", home=folder / "home", port=0, **options)
    server = ViewerServer(
        settings, remote=lambda chosen: RemoteApi(RemoteService(chosen, folder / "user")), session=session
    )
    watched = Watched(server, server.settings)
    stack = server.app.user_middleware
    if not guarded:
        stack[:] = [each for each in stack if each.cls is not Guard]
    stack.insert(0, Middleware(Note, notes=watched.arrived))
    stack.append(Middleware(Note, notes=watched.reached))
    ready = threading.Event()
    thread = threading.Thread(target=server.run, args=(lambda _: ready.set(),), name="watched-viewer")
    thread.start()
    try:
        assert ready.wait(TIMEOUT_SECS)
        yield watched
    finally:
        server.stop()
        thread.join(TIMEOUT_SECS)
        assert not thread.is_alive()


def all_routes(app: Starlette) -> list[tuple[str, str]]:
    """Return method and path of everything the app serves, its path parameters filled in.

    Raises TypeError on a kind of route that this does not know, so that none is passed over.
    """
    return sorted({(method, _filled(route)) for route in _flat(app.routes) for method in route.methods or ()})


def _flat(routes: Iterable[Any]) -> Iterator[Route]:
    for route in routes:
        included = getattr(route, "original_router", None)  # FastAPI keeps an included router as one of its own
        if included is not None:
            yield from _flat(included.routes)
        elif isinstance(route, Route):
            yield route
        else:
            raise TypeError(f"{route!r} is a route that no test walks")


def _filled(route: Route) -> str:

    path = route.path_format
    for name in route.param_convertors:
        path = path.replace("{" + name + "}", "x")
    return path
