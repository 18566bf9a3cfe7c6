"""Sessions: drives lifecycle for each one - start, tunnel, watch, reconnect, stop."""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import time
from collections.abc import Callable
from functools import partial

from runicorn.errors import (
    AuthFailedError,
    ForwardingForbiddenError,
    HostKeyConfirmationError,
    HostKeyRevokedError,
    NoCredentialsError,
    NotConnectedError,
    RunicornError,
    SessionNotFoundError,
    StartCancelledError,
    StartError,
)
from runicorn.remote import health, launch, lifecycle, orders, probing
from runicorn.remote.connections import Connections, RunBlocking
from runicorn.remote.health import UnhealthyError
from runicorn.remote.host_keys import HostKeyFile
from runicorn.remote.launch import Launch
from runicorn.remote.lifecycle import Effect, Event, State
from runicorn.remote.progress import Progress
from runicorn.remote.session import Session, StartRequest
from runicorn.remote.ssh.interface import Connection, RemoteProcess, Tunnel, TunnelRefusedError, TunnelRequest
from runicorn.remote.ssh.tunnels import auto
from runicorn.remote.ssh.tunnels.door import Door
from runicorn.remote.target import Target
from runicorn.settings import Settings

HEALTH_EVERY_SECS = 5.0
HEALTH_TIMEOUT_SECS = 5.0
HEALTH_MISSES = 2
BACKOFF_SECS = (0.2, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)

# A rejected login or host key is a person's matter; repeating it by itself could lock the account.
_FINAL = (AuthFailedError, NoCredentialsError, HostKeyConfirmationError, HostKeyRevokedError, NotConnectedError)


class Sessions:
    """All sessions of this viewer. Belongs to the event loop's thread. changed: called whenever there is news."""

    def __init__(
        self,
        settings: Settings,
        connections: Connections,
        host_keys: HostKeyFile,
        run_blocking: RunBlocking,
        changed: Callable[[], None],
        manage_url: str | None,
    ) -> None:
        self._settings = settings
        self._manage_url = manage_url
        self._connections = connections
        self._host_keys = host_keys
        self._run_blocking = run_blocking
        self._changed = changed
        self._sessions: dict[str, Session] = {}
        self._probes = probing.Probes(run_blocking)

    @property
    def probes(self) -> probing.Probes:
        return self._probes

    def all(self) -> list[Session]:
        return list(self._sessions.values())

    def get(self, session_id: str) -> Session:
        """Raises SessionNotFoundError."""
        session = self._sessions.get(session_id)
        if session is None:
            raise SessionNotFoundError(f"There is no session {session_id[:64]!r}.")
        return session

    async def start(self, request: StartRequest) -> Session:
        """Return a running session for this request: a live one that serves it, or a new one.

        Raises the errors of connecting and of StartError; then nothing of the session is left on either side.
        """
        session = next((each for each in self._sessions.values() if each.serves(request)), None)
        if session is None:
            session = self._new_session(request)
        task = session.task
        if session.state is State.STARTING and task is not None:
            await asyncio.wait([task])
        if session.state is State.RUNNING or session.error is None:
            if session.state in lifecycle.ENDED or session.state is State.STOPPING:
                raise StartCancelledError("The session was stopped while it was starting.")
            return session
        raise session.error

    async def stop(self, session_id: str) -> Session:
        """End the session on both sides; returns when it is gone. Raises SessionNotFoundError."""
        session = self.get(session_id)
        if session.state is State.STOPPING:
            await session.ended.wait()
        elif session.live:
            await self._advance(session, Event.STOP)
        return session

    async def stop_all(self, target: Target | None = None) -> None:
        """Stop every live session, or those on one target."""
        live = [each for each in self._sessions.values() if each.live and target in (None, each.request.target)]
        await asyncio.gather(*(self.stop(each.session_id) for each in live))

    # --- lifecycle --------------------------------------------------------------------------------------------------

    def _new_session(self, request: StartRequest) -> Session:
        for each in self.all():  # what ended on this host has been seen; the new one takes its place
            if each.state in lifecycle.ENDED and each.request.target == request.target:
                del self._sessions[each.session_id]
        session = Session(secrets.token_hex(4), request, time.time())
        self._sessions[session.session_id] = session
        session.task = asyncio.create_task(self._starting(session))
        self._changed()
        return session

    async def _advance(self, session: Session, event: Event) -> None:
        """Move the session by the table and carry the effects out."""
        step = lifecycle.step(session.state, event)
        session.state = step.state
        if session.state in lifecycle.ENDED and not step.effects:
            session.ended.set()
        self._changed()
        for effect in step.effects:
            if effect is Effect.WATCH:
                session.link_lost_at = None
                session.task = asyncio.create_task(self._watching(session))
            elif effect is Effect.RECONNECT:
                session.link_lost_at = time.time()
                session.task = asyncio.create_task(self._reconnecting(session))
            elif effect is Effect.RELEASE:
                await self._release(session)
                if session.state is State.STOPPING:
                    await self._advance(session, Event.RELEASED)

    async def _starting(self, session: Session) -> None:
        progress: Progress | None = None
        try:
            connection = await self._connection(session)
            progress = self._connections.progress(session.request.target)
            await self._choose_environment(session, connection, progress)
            await self._launch(session, connection, progress)
            await self._open_tunnel(session, connection, progress)
        except RunicornError as error:
            await self._failed(session, error, progress)
        except Exception as error:  # noqa: BLE001  the rim of a background task: it must end with a name, not vanish
            await self._failed(session, StartError(f"The start failed: {error!r}."), progress)
        else:
            await self._advance(session, Event.READY)

    async def _failed(self, session: Session, error: RunicornError, progress: Progress | None) -> None:
        session.error = error
        if progress is not None:
            progress.fail(error)
        await self._advance(session, Event.FAILED)

    async def _release(self, session: Session) -> None:
        """Free everything of the session, on the server first."""
        task, current = session.task, asyncio.current_task()
        if task is not None and task is not current and not task.done():
            task.cancel()
            await asyncio.wait([task])
        if session.remote is not None or session.process is not None:
            await self._end_remote(session)
        await self._run_blocking(session.holder.release)
        session.process = None
        session.tunnel = None

    async def _end_remote(self, session: Session) -> None:
        """End the remote viewer: asked by its own channel, by its page's way, and at last by its proven identity."""
        if session.process is not None and await self._run_blocking(orders.stop, session.process):
            return
        if session.door is not None and session.remote is not None:
            with contextlib.suppress(UnhealthyError):
                await self._run_blocking(health.ask_to_stop, session.door.local_port, session.session_id)
                return
        connection = self._connections.find(session.request.target)
        if connection is not None:
            await self._run_blocking(orders.kill, connection, session.session_id)

    # --- the steps of a start ---------------------------------------------------------------------------------------

    async def _connection(self, session: Session) -> Connection:
        target = session.request.target
        connection = self._connections.find(target)
        if connection is None:
            return await self._connections.connect(target, session.request.credentials)
        progress = self._connections.progress(target)
        progress.restart("environments")
        return connection

    async def _choose_environment(self, session: Session, connection: Connection, progress: Progress) -> None:
        with progress.stage("environments") as tell:
            session.environment = await self._probes.usable_environment(connection, session.request.environment)
            tell(f"{session.environment.name}, Python {session.environment.python_version}")

    async def _launch(self, session: Session, connection: Connection, progress: Progress) -> None:
        assert session.environment is not None
        with progress.stage("start") as tell:
            if session.door is None:
                session.door = session.holder.own(
                    Door(
                        session.request.local_port,
                        allow_other_users=self._settings.allow_other_users,
                        log=progress.log,
                    )
                )
            port = session.door.local_port
            request = Launch(
                session_id=session.session_id,
                environment=session.environment,
                root=session.request.root,
                remote_port=session.request.remote_port,
                grace_secs=self._settings.grace_secs,
                timeout_secs=self._settings.start_timeout_secs,
                hosts=(f"localhost:{port}", f"127.0.0.1:{port}"),
            )

            def own(process: RemoteProcess) -> None:
                session.process = session.holder.own(process)

            session.remote = await self._run_blocking(
                launch.launch_viewer, connection, request, secrets.token_hex(8), own, progress.log
            )
            tell(f"runicorn {session.remote.version}, port {session.remote.port}")

    async def _open_tunnel(self, session: Session, connection: Connection, progress: Progress) -> None:
        assert session.remote is not None
        assert session.door is not None
        request = TunnelRequest(
            connection=connection,
            remote_port=session.remote.port,
            known=tuple(self._host_keys.entries()),
            ssh_path=self._settings.ssh_path,
            log=progress.log,
        )
        with progress.stage("tunnel") as tell:
            check = partial(self._check, session)
            session.fallbacks = []
            session.tunnel = await self._run_blocking(
                auto.open_tunnel, request, self._settings.tunnel, check, session.fallbacks.append
            )
            tell(session.tunnel.name)
        with progress.stage("ready") as tell:
            tell(f"answers in {session.rtt_ms:.0f} ms")
        await self._tell_remote(session)

    def _check(self, session: Session, tunnel: Tunnel) -> None:
        """Lead the door to the tunnel and ask through it: ssh stays up even where forwarding is forbidden.

        Raises TunnelRefusedError or ForwardingForbiddenError, with the tunnel closed.
        """
        assert session.door is not None
        session.holder.own(tunnel)
        session.door.lead_to(tunnel)
        try:
            session.rtt_ms = health.ask(session.door.local_port, session.session_id).rtt_ms
        except UnhealthyError as error:
            session.door.lead_to(None)
            session.holder.drop(tunnel)
            complaint = tunnel.complaint
            if "prohibited" in complaint.lower():
                raise ForwardingForbiddenError(
                    f"{session.request.target.host} forbids TCP forwarding: {complaint.rstrip('.')}."
                ) from error
            raise TunnelRefusedError(complaint or f"no answer through it: {error}") from error

    # --- while it runs ----------------------------------------------------------------------------------------------

    async def _watching(self, session: Session) -> None:
        """Ask for health every few seconds; tell the remote page; end when the link is lost."""
        assert session.door is not None
        misses = 0
        while misses < HEALTH_MISSES:
            await self._pause_while_up(session)
            if session.tunnel is None or not session.tunnel.alive or not self._connection_up(session):
                break
            try:
                answer = await self._run_blocking(
                    health.ask, session.door.local_port, session.session_id, HEALTH_TIMEOUT_SECS
                )
            except UnhealthyError:
                misses += 1
                continue
            misses = 0
            session.rtt_ms = answer.rtt_ms
            await self._tell_remote(session)
            self._changed()
        self._connections.progress(session.request.target).log("the link to the server is lost")
        await self._advance(session, Event.LINK_LOST)

    async def _pause_while_up(self, session: Session) -> None:
        """Wait until the next question is due; a closed tunnel or channel is noticed at once."""
        until = time.monotonic() + HEALTH_EVERY_SECS
        while time.monotonic() < until:
            await asyncio.sleep(0.2)
            if session.tunnel is None or not session.tunnel.alive or not self._connection_up(session):
                return

    def _connection_up(self, session: Session) -> bool:
        return self._connections.find(session.request.target) is not None

    async def _tell_remote(self, session: Session) -> None:
        """Give the remote page what its strip shows. Lost news are no harm: the next comes in a few seconds."""
        if session.process is None or session.tunnel is None:
            return
        news = {
            "host": session.request.target.host,
            "username": session.request.target.username,
            "target": session.request.target.connection_id,
            "tunnel": session.tunnel.name,
            "rtt_ms": session.rtt_ms,
            "started_at": int(session.started_at * 1000),
            "manage_url": self._manage_url,
        }
        await self._run_blocking(orders.tell, session.process, news)

    async def _reconnecting(self, session: Session) -> None:
        """Bring the link back on the same local port, for ever until stopped; never repeat a rejected login."""
        attempt = 0
        while True:
            await asyncio.sleep(BACKOFF_SECS[min(attempt, len(BACKOFF_SECS) - 1)] * random.uniform(0.8, 1.2))
            attempt += 1
            try:
                await self._restore(session)
            except _FINAL as error:
                await self._failed(session, error, None)
                return
            except RunicornError as error:
                self._connections.progress(session.request.target).fail(error)
                session.error = error
                self._changed()
                continue
            session.reconnects += 1
            session.error = None
            await self._advance(session, Event.READY)
            return

    async def _restore(self, session: Session) -> None:
        """Connect again; adopt the remote viewer if it still lives, else start it again."""
        assert session.door is not None
        session.door.lead_to(None)
        if session.tunnel is not None:
            await self._run_blocking(session.holder.drop, session.tunnel)
            session.tunnel = None
        lost_channel = not self._connection_up(session)
        connection = await self._connections.reconnect(session.request.target)
        progress = self._connections.progress(session.request.target)
        if lost_channel and session.process is not None:
            await self._run_blocking(session.holder.drop, session.process)
            session.process = None
        try:
            await self._open_tunnel(session, connection, progress)
        except StartError:
            if session.process is not None:
                await self._run_blocking(session.holder.drop, session.process)
                session.process = None
            await self._launch(session, connection, progress)
            await self._open_tunnel(session, connection, progress)
