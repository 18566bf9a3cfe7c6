"""Serving the viewer: takes the port, checks the root, says where it is, stops at once when asked to."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import uvicorn

from runicorn.errors import OtherUserError
from runicorn.loading import loading
from runicorn.loopback.gate import Gate
from runicorn.loopback.listening import listen
from runicorn.loopback.proof import opening
from runicorn.settings import Settings
from runicorn.storage.writer import prepare_to_look_at
from runicorn.viewer import running
from runicorn.viewer.error_answers import error_body
from runicorn.viewer.front import Front
from runicorn.viewer.guard import SECURITY_HEADERS, Rules
from runicorn.viewer.hooks import RemoteHook, Session
from runicorn.viewer.http import config_of, connect
from runicorn.viewer.session import require_root
from runicorn.viewer.warming import load_numpy

if TYPE_CHECKING:
    from fastapi import FastAPI

# Ctrl-C and SIGTERM end a viewer within 3 s, whatever it hangs on. These add up to 2.4 s, and 0.3 s are uvicorn's own.
_GATE_SECS = 0.2
_REQUEST_SECS = 0.7  # a request that is not done by then is cut off
_APP_SECS = 0.9
_TASK_SECS = 0.15  # twice: see running.py
_THREAD_SECS = 0.3
# Viewers on servers are stopped first: RemoteService.stop() has a limit of its own, 11 s.
_SESSIONS_SECS = 12.0
RemoteSupport = Callable[[Settings], RemoteHook | None]
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class ViewerServer:
    """A viewer that has its port and a root it can read, and serves while run() runs.

    remote: makes remote support, given the settings with the port that was taken.

    Making one raises PortInUseError, RootNotUsableError or UsageError; nothing has been started then.
    """

    def __init__(
        self, settings: Settings, *, remote: RemoteSupport | None = None, session: Session | None = None
    ) -> None:
        if session is None:
            prepare_to_look_at(settings.root, now=time.time())
        else:
            require_root(settings.root)  # a guest on somebody's server creates nothing
        self._listeners = listen(settings.host, settings.port)
        self.port: int = self._listeners[0].getsockname()[1]
        token = settings.token
        if token is None and settings.host not in _LOOPBACK:
            token = secrets.token_urlsafe(24)
        self.settings = replace(settings, port=self.port, token=token)
        self._remote = remote
        self._session = session
        self._app: FastAPI | None = None
        self._is_whole = False
        self._loading = threading.Lock()
        self._failure: Exception | None = None
        try:
            if session is not None:
                # Whoever waits at the other end of a tunnel is told of this viewer once it answers everything.
                _ = self.app
        except BaseException:
            self._stop_listening()
            raise
        self._server = _Server(
            config_of(
                Front(
                    lambda: self._load(whole=False),
                    Rules(self.port, self.settings.allowed_hosts, token),
                    loaded=lambda: self._app is not None,
                    warm_up=lambda: load_numpy(self._is_asked_for_runs),
                    load_rest=self._load_rest,
                    of_rest=_needs_remote,
                    failed=self._fail,
                    end_secs=self._end_secs,
                ),
                _REQUEST_SECS,
            ),
            self._listeners,
            allow_other_users=settings.allow_other_users,
            opening=opening(session.proof) if session is not None else b"",
            end_streams=self._end_streams,
        )

    @property
    def app(self) -> FastAPI:
        """The app with all routes, loaded now if it was not: the page is served before that."""
        return self._load(whole=True)

    def _load(self, *, whole: bool) -> FastAPI:
        """Return the app, loaded now if it was not. whole: with remote support, which charts need not wait for."""
        with self._loading:
            if self._app is not None:
                return self._app
            with loading():
                from runicorn.viewer.app import create_app

                self._is_whole = whole or self._remote is None
                remote = self._load_remote() if whole else None
                self._app = create_app(self.settings, remote=remote, session=self._session)
            return self._app

    def _load_remote(self) -> RemoteHook | None:
        with loading():
            return self._remote(self.settings) if self._remote else None

    async def _load_rest(self) -> None:
        """Add what the app was made without."""
        if not self._is_whole:
            from runicorn.viewer.app import add_remote

            await add_remote(self.app, self._load_remote)

    @property
    def url(self) -> str:
        """Where the page is, with the token if one is demanded."""
        host = self.settings.host
        shown = f"[{host}]" if ":" in host else "127.0.0.1" if host == "0.0.0.0" else host
        query = f"?token={self.settings.token}" if self.settings.token else ""
        return f"http://{shown}:{self.port}/{query}"

    def run(self, on_ready: Callable[[ViewerServer], None] | None = None) -> None:
        """Serve until stop(), Ctrl-C or SIGTERM. on_ready is called once requests are answered.

        It returns within 3 s of being asked to stop, longer only while viewers on servers are stopped.
        """
        with _quiet_about_cuts():
            running.run(self.run_async(on_ready), end_secs=_TASK_SECS)

    async def run_async(self, on_ready: Callable[[ViewerServer], None] | None = None) -> None:
        """Serve in the running event loop; what run() does."""
        self._server.on_started = (lambda: on_ready(self)) if on_ready else None
        try:
            with _stop_signals(self.stop):
                await self._server.serve(sockets=[])
        finally:
            self._stop_listening()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Ask it to stop, from any thread or signal handler: streams end at once, requests within a second."""
        self._server.should_exit = True

    def _is_asked_for_runs(self) -> bool:
        return self._app is not None and self._app.state.viewer.local.source.is_asked_for_runs

    def _fail(self, error: Exception) -> None:
        """End the viewer: what stands behind the page could not be loaded."""
        self._failure = error
        self.stop()

    def _end_secs(self) -> float:
        """Return how long the app may take to end."""
        remote = None if self._app is None else self._app.state.viewer.remote
        return _SESSIONS_SECS + _APP_SECS if remote is not None and remote.snapshot()["viewer_sessions"] else _APP_SECS

    def _end_streams(self) -> None:
        if self._app is not None:
            self._app.state.viewer.streams.close()

    def _stop_listening(self) -> None:
        for listener in self._listeners:
            listener.close()


def _needs_remote(path: str) -> bool:
    """Tell what is answered only once remote support is there: its own paths, and what tells of it as well."""
    return path.startswith("/api/remote/") or path in ("/api/remote", "/api/live", "/api/machines", "/openapi.json")


def end_process() -> None:
    """Let the process of a viewer end, now that run() has returned, although threads may hang that nobody can end."""
    running.end_process_within(_THREAD_SECS)


def serve(
    settings: Settings,
    *,
    remote: RemoteSupport | None = None,
    session: Session | None = None,
    on_ready: Callable[[ViewerServer], None] | None = None,
) -> None:
    """Serve the viewer until it is stopped, and print one line with its address when it answers requests.

    on_ready: called instead of printing. Raises PortInUseError, RootNotUsableError, UsageError before it starts.
    """
    ViewerServer(settings, remote=remote, session=session).run(on_ready or _announce)


def refusal(error: OtherUserError) -> bytes:
    """Return a whole HTTP answer for a connection that is not served."""
    body = error_body(error)
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **SECURITY_HEADERS,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {error.http_status} Forbidden\r\n{head}\r\n".encode("latin-1") + body


class _Server(uvicorn.Server):
    """uvicorn behind a gate: connections of others never reach its loop. Says when it serves, ends streams when it
    stops, and leaves signals to us.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        listeners: Sequence[socket.socket],
        *,
        allow_other_users: bool,
        opening: bytes,
        end_streams: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._listeners = listeners
        self._allow_other_users = allow_other_users
        self._opening = opening
        self._end_streams = end_streams
        self._admitting: set[asyncio.Task[Any]] = set()
        self._gate: Gate | None = None
        self.on_started: Callable[[], None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if not self.started:
            return
        loop = asyncio.get_running_loop()

        def admit(client: socket.socket) -> None:
            try:
                loop.call_soon_threadsafe(self._admit, client)
            except RuntimeError:  # the loop is closed
                client.close()

        self._gate = Gate(
            self._listeners, admit, refusal, allow_other_users=self._allow_other_users, opening=self._opening
        )
        if self.on_started is not None:
            self.on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._gate is not None:
            closing = asyncio.create_task(asyncio.to_thread(self._gate.close))
            await asyncio.wait({closing}, timeout=_GATE_SECS)
        # Before waiting for connections, or open streams would hold it up.
        self._end_streams()
        await super().shutdown(sockets=sockets)

    def _admit(self, client: socket.socket) -> None:
        task = asyncio.get_running_loop().create_task(connect(self, client))
        self._admitting.add(task)
        task.add_done_callback(self._admitting.discard)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn raises the signal again once it has stopped, which would kill the process before its cleanup.
        yield


@contextlib.contextmanager
def _stop_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on Ctrl-C, SIGTERM and SIGHUP, where signals can be had: in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [signal.SIGINT, signal.SIGTERM]
    # A closed terminal or console window must not end the viewer before its sessions are stopped.
    if sys.platform == "win32":
        numbers.append(signal.SIGBREAK)
    else:
        numbers.append(signal.SIGHUP)

    def handle(*_: Any) -> None:
        stop()

    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _quiet_about_cuts() -> Iterator[None]:
    """Keep uvicorn from logging an error with all of its stack for each request that is cut off at the end."""

    def is_news(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, asyncio.CancelledError) and "running task(s)" not in str(record.msg)

    log = logging.getLogger("uvicorn.error")
    log.addFilter(is_news)
    try:
        yield
    finally:
        log.removeFilter(is_news)


def _announce(server: ViewerServer) -> None:
    sys.stdout.write(f"Runicorn viewer: {server.url}\n")
    sys.stdout.flush()
