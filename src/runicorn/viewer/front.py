"""What a viewer answers before it is complete: the page, at once; everything else waits for the app behind it.

Loading the web framework, the routes and SSH takes several times as long as showing the page, and the browser has
something to do meanwhile. What lists and charts are asked for is there first, then what draws charts, then the rest;
who asks for something of the rest has it loaded at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from runicorn.viewer.guard import Guard, Rules
from runicorn.viewer.page import asset_response, index_response

if TYPE_CHECKING:
    from starlette.applications import Starlette

# So long the rest is not loaded because lists and charts are being answered.
_MOST_BUSY_SECS = 2.0


class Front:
    """An ASGI app in front of one that is still to be loaded; once it is there, it gets every request as it came.

    load: returns the app; called once, in a thread. loaded: whether it is there already; then nothing is answered
    before it has started. warm_up: called in a thread afterwards, for what is used a moment later. load_rest: completes
    the app, after that. of_rest: tells of a path whether it is of the rest. failed: called with what was raised in
    loading; whoever waits is let go with it. end_secs: asked at the end, how long what is behind may take to
    end, wherever it is: still loading, or hanging on a file.
    """

    def __init__(
        self,
        load: Callable[[], Starlette],
        rules: Rules,
        *,
        loaded: Callable[[], bool],
        warm_up: Callable[[], None],
        load_rest: Callable[[], Awaitable[None]],
        of_rest: Callable[[str], bool],
        failed: Callable[[Exception], None],
        end_secs: Callable[[], float],
    ) -> None:
        self._load = load
        self._loaded = loaded
        self._warm_up = warm_up
        self._load_rest = load_rest
        self._of_rest = of_rest
        self._failed = failed
        self._end_secs = end_secs
        self._app: ASGIApp | None = None
        self._error: Exception | None = None
        self._ready = asyncio.Event()
        self._complete = asyncio.Event()
        self._wanted = asyncio.Event()  # somebody waits for the rest
        self._answering = 0
        self._idle = asyncio.Event()
        self._idle.set()
        # The app has a guard of its own. Until it is there, nobody waits for it who would not be let in.
        self._until_then = Guard(self._page_or_wait, rules)
        self._until_complete = Guard(self._wait_for_rest, rules)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._app is None:
            await self._until_then(scope, receive, send)
        elif self._complete.is_set() and self._error is None:
            await self._app(scope, receive, send)
        elif not self._of_rest(scope["path"]):
            await self._answer(scope, receive, send)
        else:
            await self._until_complete(scope, receive, send)

    async def _page_or_wait(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await asyncio.to_thread(_page_answer, scope["method"], scope["path"])
        if response is not None:
            await response(scope, receive, send)
            return
        await self._ready.wait()
        if self._app is None:
            assert self._error is not None
            raise self._error
        if self._of_rest(scope["path"]):
            await self._wait_for_rest(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have a request answered that does not wait for the rest."""
        assert self._app is not None
        self._answering += 1
        self._idle.clear()
        try:
            await self._app(scope, receive, send)
        finally:
            self._answering -= 1
            if not self._answering:
                self._idle.set()

    async def _wait_for_rest(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._wanted.set()
        await self._complete.wait()
        if self._error is not None:
            raise self._error
        assert self._app is not None
        await self._app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        """Be there from the first moment; start what is behind, and stop it at the end."""
        await receive()
        started, ending = asyncio.Event(), asyncio.Event()
        there = self._loaded()
        behind = asyncio.create_task(self._live_behind(started, ending))
        if there:
            await started.wait()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        ending.set()
        await asyncio.wait({behind}, timeout=self._end_secs())
        if behind.done():
            behind.result()
        else:
            behind.cancel()
        await send({"type": "lifespan.shutdown.complete"})

    async def _live_behind(self, started: asyncio.Event, ending: asyncio.Event) -> None:
        """Load and start the app, warm up, and stop the app when it is to end."""
        async with contextlib.AsyncExitStack() as stack:
            try:
                app = await asyncio.to_thread(self._load)
                await stack.enter_async_context(app.router.lifespan_context(app))
            except Exception as error:  # noqa: BLE001  whatever it is: nobody may wait for what never comes
                self._error = error
                self._failed(error)
            else:
                self._app = app
            self._ready.set()
            started.set()
            warming = None if self._app is None else asyncio.create_task(asyncio.to_thread(self._warm_up))
            completing = asyncio.create_task(self._complete_after(warming, ending))
            await ending.wait()
            await completing
        if warming is not None:  # last: numpy, in the middle of being loaded, is a bad companion of a process that ends
            await warming

    async def _complete_after(self, warming: asyncio.Task[None] | None, ending: asyncio.Event) -> None:
        """Load the rest once that is done, or somebody waits for it; not where all of it is to end."""
        waits = [asyncio.create_task(event.wait()) for event in (self._wanted, ending)]
        quiet = asyncio.create_task(self._quiet(warming))
        await asyncio.wait({*waits, quiet}, return_when=asyncio.FIRST_COMPLETED)
        for each in (*waits, quiet):
            each.cancel()
        try:
            if self._app is not None and not ending.is_set():
                await self._load_rest()
        except Exception as error:  # noqa: BLE001  as of the app itself
            self._error = error
            self._failed(error)
        self._complete.set()

    async def _quiet(self, warming: asyncio.Task[None] | None) -> None:
        """Wait for that, and then until nothing is being answered, for a while."""
        if warming is not None:
            await asyncio.shield(warming)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._idle.wait(), _MOST_BUSY_SECS)


def _page_answer(method: str, path: str) -> Response | None:
    """Return what the page's own files answer, None for everything else."""
    if method not in ("GET", "HEAD"):
        return None
    return index_response() if path == "/" else asset_response(path[1:])
