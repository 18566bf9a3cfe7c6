"""The page of a host on which nothing of ours is installed: a viewer within this one, whose files are read over
there by an agent, or by SFTP.

It listens nowhere. The session's door hands it the connections that it lets in, as it hands them to a tunnel.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import uvicorn
from fastapi import FastAPI
from uvicorn.lifespan.off import LifespanOff

from runicorn.loopback.proof import new_proof
from runicorn.remote.server.reading import Reader
from runicorn.settings import Settings
from runicorn.viewer.app import create_app
from runicorn.viewer.guests import Guests
from runicorn.viewer.host_root import HostRoot
from runicorn.viewer.http import config_of, connect

_END_SECS = 2.0


@dataclass
class _Guest:
    """The session as the viewer within sees it: see hooks.Session."""

    session_id: str
    started_at: float
    pid: int = 0
    proof: str = ""
    remote_info: dict[str, Any] | None = None

    def touch(self) -> None:
        """It lives as long as its session."""

    def end(self) -> None:
        """Its session ends it, and nobody who only knows its address."""


class HostedPage:
    """Implements remote's HostPage. loop: the event loop that serves it."""

    def __init__(
        self,
        settings: Settings,
        guest: _Guest,
        host: str,
        root: str,
        loop: asyncio.AbstractEventLoop,
        guests: Guests | None,
        called: str,
    ) -> None:
        self._guest = guest
        self._guests = guests
        self._root = HostRoot(settings, host, root)
        source = self._root.source
        self._loop = loop
        self._server = _Within(create_app(settings, session=guest, source=source))
        self._add: Callable[[], None] | None = None
        if guests is not None:
            as_of = self._root.recalled_at
            self._add = partial(guests.add, guest.session_id, host, root, source, called=called, as_of=as_of)

    async def start(self) -> None:
        await self._server.begin()
        if self._add is not None:
            self._add()

    def read_by(self, reader: Reader) -> None:
        self._root.read_by(reader)

    def tell(self, news: dict[str, Any]) -> None:
        self._guest.remote_info = news

    def way(self) -> _Way:
        return _Way(self._server, self._loop)

    def close(self) -> None:
        if self._guests is not None:
            self._guests.remove(self._guest.session_id)
        _wait_for(self._loop, self._server.end())


class _Way:
    """A tunnel that leads to the next room: see interface.Tunnel."""

    name = "page"
    complaint = ""

    def __init__(self, server: _Within, loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._loop = loop
        self._carried: set[asyncio.Transport] = set()  # the event loop's
        self.alive = True

    def carry(self, client: socket.socket, opening: bytes = b"") -> None:
        leading = self._lead(client)
        try:
            asyncio.run_coroutine_threadsafe(leading, self._loop)
        except RuntimeError:  # the loop is closed
            leading.close()
            client.close()

    def close(self) -> None:
        self.alive = False
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._cut)

    async def _lead(self, client: socket.socket) -> None:
        transport = await self._server.connect(client)
        self._carried = {each for each in self._carried if not each.is_closing()}
        if transport is not None:
            self._carried.add(transport)
        if not self.alive:  # closed in between
            self._cut()

    def _cut(self) -> None:
        """Cut every connection that came by it, as a tunnel that breaks does."""
        for transport in self._carried:
            transport.abort()
        self._carried.clear()


class _Within:
    """What uvicorn does with connections, without a port."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._living = contextlib.AsyncExitStack()
        self._server = uvicorn.Server(config_of(app, _END_SECS))

    async def begin(self) -> None:
        config = self._server.config
        config.load()
        # The app is started and ended here: what stands around it knows requests only.
        self._server.lifespan = LifespanOff(config)
        await self._living.enter_async_context(self._app.router.lifespan_context(self._app))

    async def connect(self, client: socket.socket) -> asyncio.Transport | None:
        client.setblocking(False)
        return cast("asyncio.Transport | None", await connect(self._server, client))

    async def end(self) -> None:
        self._app.state.viewer.streams.close()
        for connection in list(self._server.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        for task in list(self._server.server_state.tasks):
            task.cancel()
        await self._living.aclose()


async def serve(
    settings: Settings,
    session_id: str,
    host: str,
    root: str,
    local_port: int,
    started_at: float,
    guests: Guests | None = None,
    called: str = "",
) -> HostedPage:
    """Return the page of a session. See remote's HostPages. guests: where its root is shown as well, by this name."""
    guest = _Guest(session_id, started_at, proof=new_proof())
    within, loop = replace(settings, port=local_port, token=None), asyncio.get_running_loop()
    page = await asyncio.to_thread(HostedPage, within, guest, host, root, loop, guests, called)
    await page.start()
    return page


def _wait_for(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> None:
    """Wait in a worker thread for what the event loop does, for a while."""
    try:
        ended = asyncio.run_coroutine_threadsafe(work, loop)
    except RuntimeError:  # the loop is closed
        work.close()
        return
    done, _ = concurrent.futures.wait([ended], _END_SECS)
    if done:
        ended.result()
    else:
        ended.cancel()
