"""The steps that make a session work, each once: connection, environment, remote viewer, tunnel; and its end."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass
from functools import partial

from runicorn.errors import (
    AuthFailedError,
    EnvironmentNotFoundError,
    EnvironmentUnusableError,
    ForwardingForbiddenError,
    HostKeyConfirmationError,
    HostKeyRevokedError,
    InteractionRequiredError,
    LoginShellRefusedError,
    NoCredentialsError,
    NoPythonError,
    NotConnectedError,
    QuestionCancelledError,
    QuestionExpiredError,
    RemoteViewerCrashedError,
    RunicornError,
    RunicornMissingError,
    RunicornTooOldError,
    SftpUnavailableError,
    TunnelFailedError,
)
from runicorn.loopback.proof import opening
from runicorn.remote.link.connections import Connections, RunBlocking
from runicorn.remote.server import launch, orders, readers
from runicorn.remote.server.launch import Launch
from runicorn.remote.server.probing import Probes
from runicorn.remote.session import by_reader, health
from runicorn.remote.session.health import RefusedError, UnhealthyError
from runicorn.remote.session.host_page import HostPages
from runicorn.remote.session.session import Mode, Session
from runicorn.remote.session.session_log import follow_words
from runicorn.remote.ssh.interface import (
    Connection,
    Fallback,
    RemoteProcess,
    Tunnel,
    TunnelRefusedError,
    TunnelRequest,
)
from runicorn.remote.ssh.tunnels.complaint import complaint_of
from runicorn.remote.ssh.tunnels.door import Door
from runicorn.remote.telling.progress import Progress
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.settings import Settings

_PERSONS_MATTERS = (
    AuthFailedError,
    NoCredentialsError,
    InteractionRequiredError,
    QuestionCancelledError,
    QuestionExpiredError,
    HostKeyConfirmationError,
    HostKeyRevokedError,
    NotConnectedError,
)


# Where these stand in the way of a viewer, what reads files needs none of what is missing.
_NO_VIEWER = (
    EnvironmentNotFoundError,
    EnvironmentUnusableError,
    LoginShellRefusedError,
    NoPythonError,
    RemoteViewerCrashedError,
    RunicornMissingError,
    RunicornTooOldError,
)


def is_persons_matter(error: RunicornError | None) -> bool:
    """Whether only a person can settle it: a rejected login or host key, repeated by itself, could lock the account."""
    return isinstance(error, _PERSONS_MATTERS) or (isinstance(error, TunnelFailedError) and error.login_refused)


@dataclass(frozen=True)
class Opening:
    """Does the steps, in the event loop's thread. manage_url: the page that sessions are managed on, if any.

    pages: makes the page of a host on which no viewer runs; None where none can be served.
    """

    settings: Settings
    connections: Connections
    host_keys: HostKeyFile
    run_blocking: RunBlocking
    probes: Probes
    manage_url: str | None
    pages: HostPages | None = None

    def progress(self, session: Session) -> Progress:
        return session.progress

    async def connection(self, session: Session) -> Connection:
        """Return the live connection, or a new one."""
        target = session.request.target
        if self.connections.find(target) is not None:
            self.progress(session).restart("environments")
        request = session.request
        return await self.connections.connect(
            target, request.credentials, session.session_id, interactive=request.interactive
        )

    async def reader(self, session: Session, connection: Connection) -> None:
        """Start what reads the root over there: an agent; where none runs, an installed viewer; else SFTP. On the node
        of a job, an agent within that.

        A session goes on as it was read before.
        """
        wanted = session.request.mode
        if session.request.inside is not None:
            await self._read(session, connection, Mode.AGENT)
            return
        if wanted is Mode.AUTO and session.mode is not Mode.AUTO:
            wanted = session.mode
        if wanted is Mode.VIEWER or self._wants_viewer(session):
            await self._installed(session, connection)
        elif wanted is not Mode.AUTO:
            await self._read(session, connection, wanted)
        else:
            await self._best(session, connection)

    async def _best(self, session: Session, connection: Connection) -> None:
        """Start the first that works over there. That no command runs says more than that nothing else does."""
        session.passed_over = []
        no_agent = await self._agent(session, connection)
        if no_agent is None:
            return
        try:
            await self._installed(session, connection)
        except _NO_VIEWER as error:
            await self._pass_over(session, Mode.VIEWER, error)
            await self._by_sftp(session, connection, no_agent)

    async def _agent(self, session: Session, connection: Connection) -> RunicornError | None:
        """Have an agent read the root; return why none runs over there."""
        try:
            await self._read(session, connection, Mode.AGENT)
        except readers.NO_AGENT as error:
            await self._pass_over(session, Mode.AGENT, error)
            return error
        return None

    async def _installed(self, session: Session, connection: Connection) -> None:
        """Start a viewer that is installed over there."""
        if session.environment is None:
            await self.environment(session, connection)
        await self.viewer(session, connection)
        session.mode = Mode.VIEWER

    async def _read(self, session: Session, connection: Connection, mode: Mode) -> None:
        assert self.pages is not None
        await by_reader.start(session, connection, self.door(session).local_port, mode, self.pages, self.run_blocking)

    async def _by_sftp(self, session: Session, connection: Connection, instead: RunicornError) -> None:
        """Have SFTP alone read the root. Raises `instead` where there is none."""
        try:
            await self._read(session, connection, Mode.SFTP)
        except SftpUnavailableError as error:
            session.progress.log(f"no file access either: {error.detail}")
            raise instead from error

    def _wants_viewer(self, session: Session) -> bool:
        """Tell whether only a viewer over there will do: so it is where an environment, or a port there, is named."""
        request = session.request
        named = request.environment is not None or request.remote_port is not None
        return request.mode is Mode.VIEWER or named or self.pages is None

    async def _pass_over(self, session: Session, mode: Mode, error: RunicornError) -> None:
        """Go on in another way."""
        session.passed_over = [*session.passed_over, Fallback(mode.value, error.detail.rstrip("."))]
        self.progress(session).log(f"no {mode.value} over there: {error.detail}")
        await self.drop_process(session)
        session.launched = False

    async def link(self, session: Session, connection: Connection) -> None:
        """Lead the session's address to what reads the root over there: a viewer once that has answered through it,
        another reader at once, as its greeting was an answer.
        """
        if not session.is_served_here:
            try:
                await self.tunnel(session, connection)
                return
            except ForwardingForbiddenError as error:
                if self._wants_viewer(session):
                    raise
                # SFTP needs nothing but the login's own channel.
                await self.end_viewer(session)
                await self.drop_tunnel(session)
                await self._pass_over(session, Mode.VIEWER, error)
                await self._by_sftp(session, connection, error)
        session.connector, session.connector_reason = connection.connector, connection.connector_reason
        progress = self.progress(session)
        with progress.stage("tunnel") as tell:
            by_reader.lead_to(session)
            tell("none is needed")
        await self._answered(session)

    async def environment(self, session: Session, connection: Connection) -> None:
        with self.progress(session).stage("environments") as tell:
            session.environment = await self.probes.usable_environment(connection, session.request.environment)
            tell(f"{session.environment.name}, Python {session.environment.python_version}")

    def door(self, session: Session) -> Door:
        """Return the session's door, bound now if it was not. Raises PortInUseError."""
        if session.door is None:
            session.door = session.holder.own(
                Door(
                    session.request.local_port,
                    allow_other_users=self.settings.allow_other_users,
                    log=session.progress.log,
                    knocked=session.nudge,
                    server=session.request.machine,
                )
            )
        return session.door

    async def viewer(self, session: Session, connection: Connection) -> None:
        """Start the remote viewer."""
        assert session.environment is not None
        progress = self.progress(session)
        with progress.stage("start") as tell:
            port = self.door(session).local_port
            request = Launch(
                session_id=session.session_id,
                environment=session.environment,
                root=session.request.root,
                remote_port=session.request.remote_port,
                grace_secs=self.settings.grace_secs,
                timeout_secs=self.settings.start_timeout_secs,
                hosts=(f"localhost:{port}", f"127.0.0.1:{port}"),
            )

            def own(process: RemoteProcess) -> None:
                session.process = session.holder.own(process)

            session.launched = True
            session.remote = await self.run_blocking(
                launch.launch_viewer, connection, request, secrets.token_hex(8), own, progress.log
            )
            tell(f"runicorn {session.remote.version}, port {session.remote.port}")
        follow_words(session)

    async def tunnel(self, session: Session, connection: Connection) -> None:
        """Open a tunnel and believe it once the session's own viewer has answered through it."""
        from runicorn.remote.ssh.tunnels import auto  # with what `connections` loads late

        assert session.remote is not None
        session.connector, session.connector_reason = connection.connector, connection.connector_reason
        progress = self.progress(session)
        request = TunnelRequest(
            connection=connection,
            remote_port=session.remote.port,
            known=tuple(self.host_keys.entries()),
            ssh_path=self.settings.ssh_path,
            log=progress.log,
        )
        session.line = health.Line(self.door(session).local_port, session.session_id, session.remote)
        with progress.stage("tunnel") as tell:
            session.fallbacks = []
            session.tunnel = await self.run_blocking(
                auto.open_tunnel, request, self.settings.tunnel, partial(_check, session), session.fallbacks.append
            )
            tell(session.tunnel.name)
        await self._answered(session)

    async def _answered(self, session: Session) -> None:
        with self.progress(session).stage("ready") as tell:
            tell(f"answers in {session.rtt_ms or 0.0:.0f} ms")
        await self.tell(session)

    async def tell(self, session: Session) -> None:
        """Give the remote page what its strip shows. Lost news are no harm: the next comes in a few seconds."""
        if session.tunnel is None:
            return
        news = {
            "host": session.request.machine,
            "username": session.request.target.username,
            "target": session.request.reached_by,
            "tunnel": session.mode.value if session.is_served_here else session.tunnel.name,
            "mode": session.mode.value,
            "connector": session.connector,
            "rtt_ms": session.rtt_ms,
            "started_at": int(session.started_at * 1000),
            "manage_url": self.manage_url,
        }
        if not session.is_served_here and session.process is not None and session.process.open:
            await self.run_blocking(orders.tell, session.process, news)
        elif session.line is not None:
            with contextlib.suppress(UnhealthyError):
                await self.run_blocking(session.line.tell, news)

    async def drop_tunnel(self, session: Session) -> None:
        """Shut the door's way and close what was behind it."""
        if session.door is not None:
            session.door.lead_to(None)
        if session.tunnel is not None:
            await self.run_blocking(session.holder.drop, session.tunnel)
            session.tunnel = None
        session.hang_up()

    async def drop_process(self, session: Session) -> None:
        if session.process is not None:
            await self.run_blocking(session.holder.drop, session.process)
            session.process = None

    async def end_viewer(self, session: Session) -> bool:
        """End the remote viewer: asked by its own channel, by its page's way, and at last by its proven identity.

        Returns whether there was a way to it. What only reads ends with its channel.
        """
        if session.is_served_here:
            if session.reader is None or not session.reader.alive:
                return False
            await self.run_blocking(session.holder.drop, session.reader)
            return True
        # One that has not said its first word hears no order yet: waiting for its answer would only cost the time that
        # ending it takes on a slow link.
        heard = session.process is not None and session.remote is not None
        if heard and await self.run_blocking(orders.stop, session.process):
            return True
        if session.remote is not None and session.door is not None and session.tunnel is not None:
            # A line of its own: on the other one a question may be under way.
            line = health.Line(session.door.local_port, session.session_id, session.remote)
            with contextlib.suppress(UnhealthyError):
                await self.run_blocking(line.stop)
                line.close()
                return True
        target = session.request.target
        connection = self.connections.find(target)
        waits = _waits_for_a_person(session) or self.connections.needs_person(target)
        if connection is None and session.remote is not None and not waits:
            with contextlib.suppress(RunicornError):  # the network may be back, and nobody has noticed yet
                connection = await self.connections.reconnect(target, session.request.credentials, session.session_id)
        if connection is None:
            return False
        await self.run_blocking(orders.kill, connection, session.session_id)
        return True


def _waits_for_a_person(session: Session) -> bool:
    return session.needs_person or is_persons_matter(session.error)


def _check(session: Session, tunnel: Tunnel) -> None:
    """Lead the door to the tunnel and ask through it: ssh stays up even where forwarding is forbidden.

    Raises TunnelRefusedError or ForwardingForbiddenError, with the tunnel closed.
    """
    assert session.door is not None
    assert session.line is not None
    session.holder.own(tunnel)
    session.door.lead_to(tunnel)
    try:
        try:
            session.rtt_ms = session.line.ask().rtt_ms
        except RefusedError:
            if session.remote is None or session.remote.proof is None:
                raise
            session.progress.log("the server forwards as another user; the session proves to its viewer what it is")
            session.door.lead_to(tunnel, opening(session.remote.proof))
            session.rtt_ms = session.line.ask().rtt_ms
    except UnhealthyError as error:
        session.door.lead_to(None)
        complaint = complaint_of(tunnel)
        session.holder.drop(tunnel)
        if "prohibited" in complaint.lower():
            raise ForwardingForbiddenError(
                f"{session.request.target.host} forbids TCP forwarding: {complaint.rstrip('.')}."
            ) from error
        raise TunnelRefusedError(complaint or f"no answer through it: {error}") from error
