"""A live connection: commands and channels."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import paramiko

from runicorn.errors import (
    ConnectionClosedError,
    ConnectionTimeoutError,
    HostUnreachableError,
    JumpForbiddenError,
    SessionLimitError,
    SftpUnavailableError,
    TunnelFailedError,
)
from runicorn.remote.asking.question import Asker
from runicorn.remote.names.way import Hop, Way
from runicorn.remote.ssh.carriers import dial_first
from runicorn.remote.ssh.dialing import DialedSocket
from runicorn.remote.ssh.interface import Completed, Connection, Login, Sink
from runicorn.remote.ssh.paramiko.files import ParamikoFiles
from runicorn.remote.ssh.paramiko.handshake import Own, verified_transport
from runicorn.remote.ssh.paramiko.inbox import inbox_of, stderr_inbox_of
from runicorn.remote.ssh.paramiko.login import AUTH_TIMEOUT_SECS, log_in
from runicorn.remote.ssh.paramiko.offers import Offers
from runicorn.remote.ssh.paramiko.outlet import Outlet
from runicorn.remote.ssh.running import run_to_its_end
from runicorn.remote.telling.progress import Progress
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.remote.trust.known_hosts import Entry, HostKey
from runicorn.remote.trust.target import Credentials, Target

CHANNEL_TIMEOUT_SECS = 15.0
_LENT_ANSWER_SECS = 4.0
KEEPALIVE_SECS = 15
# What SFTP has under way: by Paramiko's 2 MiB, a link of 200 ms carries 10 MB/s at most.
_SUBSYSTEM_WINDOW_BYTES = 16 * 2**20
SESSION_FREED_SECS = 2.0
SESSION_RETRY_SECS = 0.05
OPEN_ADMINISTRATIVELY_PROHIBITED, OPEN_CONNECT_FAILED = 1, 2  # RFC 4254, section 5.1
_REFUSED_WITHOUT_REASON = "Unable to open channel."


def connect(
    target: Target,
    way: Way,
    credentials: Credentials,
    host_keys: HostKeyFile,
    progress: Progress,
    home: Path,
    own: Own = lambda resource: None,
    asker: Asker | None = None,
    live: Sequence[Connection] = (),
) -> ParamikoConnection:
    """Return a live connection to the end of the way. home: where the default keys are looked for, in `.ssh`.

    target: what the person called it. credentials: what they gave for it; the hops before it are logged in to with what
    the person's config and agent have. own: is given what is opened on the way; closing that gives the attempt up, from
    any thread. asker: whoever answers what a server on the way asks while logging in; None where nobody does. live:
    connections that are there; what leads to a hop on the way is gone through, and stays when this one ends.

    No credential leaves this machine before the verdict on the host key of the hop that it is for is `ok`.
    Raises the errors under ConnectError, CredentialError, HostKeyConfirmationError, HostKeyRevokedError,
    AuthFailedError, NoCredentialsError and InteractionRequiredError, and what an Asker does.
    """
    # A key that cannot be used is told before any server is bothered.
    offers = Offers(credentials, way.last, home)
    lent = open_on_the_way(way, live)
    if lent is not None:
        progress.log(f"goes on from the connection to {lent.target.connection_id}, which is open")
    before = connect_before(way, credentials, host_keys, progress, home, own, asker, lent)
    is_lent = before is lent
    try:
        connection = _step(
            target, way, offers, host_keys.entries(), progress, own, before, asker, before_is_lent=is_lent
        )
    except BaseException:
        if before is not None and not is_lent:
            before.close()
        raise
    own(connection)
    return connection


def open_on_the_way(way: Way, live: Sequence[Connection]) -> ParamikoConnection | None:
    """Return the connection to the last hop before the end that is there already, came the same way, and answers."""
    for end in range(len(way.hops) - 1, 0, -1):
        for each in live:
            if not isinstance(each, ParamikoConnection) or not _same_way(each.way.hops, way.hops[:end]):
                continue
            if each.answers(_LENT_ANSWER_SECS):
                return each
    return None


def _same_way(one: Sequence[Hop], other: Sequence[Hop]) -> bool:
    def of(hops: Sequence[Hop]) -> list[object]:
        return [(hop.target, hop.known_as, hop.proxy_command) for hop in hops]

    return of(one) == of(other)


def connect_before(
    way: Way,
    credentials: Credentials,
    host_keys: HostKeyFile,
    progress: Progress,
    home: Path,
    own: Own,
    asker: Asker | None = None,
    lent: ParamikoConnection | None = None,
) -> ParamikoConnection | None:
    """Return a connection to the hop before the last one; None where there is none. As connect(). lent: one that is
    there already, to a hop on the way.
    """
    entries = host_keys.entries()
    on_the_way = Credentials(use_agent=credentials.use_agent)
    begins = 0 if lent is None else len(lent.way.hops)
    parts = [replace(way, hops=way.hops[:end]) for end in range(begins + 1, len(way.hops))]
    steps = [(part, Offers(on_the_way, part.last, home)) for part in parts]
    connection = lent
    try:
        for part, offers in steps:
            is_lent = connection is lent
            connection = _step(
                part.last.target, part, offers, entries, progress, own, connection, asker, before_is_lent=is_lent
            )
            own(connection)
    except BaseException:
        if connection is not None and connection is not lent:
            connection.close()
        raise
    return connection


def _step(
    target: Target,
    way: Way,
    offers: Offers,
    entries: Sequence[Entry],
    progress: Progress,
    own: Own,
    before: ParamikoConnection | None,
    asker: Asker | None,
    *,
    before_is_lent: bool,
) -> ParamikoConnection:
    """Return a connection to the end of a way, through the one to the hop before."""
    hop = way.last
    dial = dial_first if before is None else before.dial
    transport, host_key = verified_transport(hop, entries, progress, own, dial)
    transport.auth_timeout = AUTH_TIMEOUT_SECS
    try:
        own(transport)
        with progress.stage("login") as tell:
            login = log_in(transport, hop.target, offers, tell, asker)
    except BaseException:
        transport.close()
        raise
    transport.set_keepalive(KEEPALIVE_SECS)
    return ParamikoConnection(target, login, host_key, transport, way, before, before_is_lent=before_is_lent)


class ParamikoConnection:
    """See interface.Connection. before_is_lent: whether the one to the hop before is not closed with this one."""

    connector = "paramiko"
    connector_reason = None

    def __init__(
        self,
        target: Target,
        login: Login,
        host_key: HostKey,
        transport: paramiko.Transport,
        way: Way,
        before: ParamikoConnection | None = None,
        *,
        before_is_lent: bool = False,
    ) -> None:
        self.target = target
        self.way = way
        self.before = before
        self._before_is_lent = before_is_lent
        self.login = login
        self.host_key = host_key
        self.transport = transport
        self._session_closed_at = -SESSION_FREED_SECS
        self._asking = threading.Lock()  # Paramiko keeps one answer a transport

    @property
    def hop(self) -> Hop:
        return self.way.last

    @property
    def alive(self) -> bool:
        return bool(self.transport.is_active()) and (self.before is None or self.before.alive)

    def answers(self, timeout_secs: float) -> bool:
        over = threading.Event()

        def ask() -> None:
            # Any answer will do, a refusal as well; with none, this ends when the transport is closed.
            with self._asking, contextlib.suppress(paramiko.SSHException, OSError, EOFError):
                self.transport.global_request("keepalive@openssh.com", wait=True)
            over.set()

        threading.Thread(target=ask, name=f"ask-{self.target.host}", daemon=True).start()
        return over.wait(timeout_secs) and self.alive

    def run(self, command: str, *, stdin: bytes, timeout_secs: float, limit_bytes: int) -> Completed:
        return run_to_its_end(self, command, stdin, timeout_secs, limit_bytes)

    def start(self, command: str, *, stdin: bytes) -> ParamikoProcess:
        channel = self._open_session()
        try:
            channel.settimeout(CHANNEL_TIMEOUT_SECS)
            channel.exec_command(command)
            self._send_input(channel, stdin)
        except (paramiko.SSHException, OSError, EOFError) as error:
            channel.close()
            raise ConnectionClosedError(f"{self.target.host} did not run the command: {error}.") from error
        return ParamikoProcess(channel, self._note_closed_session)

    def start_subsystem(self, name: str) -> ParamikoProcess:
        channel = self._open_session(_SUBSYSTEM_WINDOW_BYTES)
        try:
            channel.settimeout(CHANNEL_TIMEOUT_SECS)
            channel.invoke_subsystem(name)
        except (paramiko.SSHException, OSError, EOFError) as error:
            channel.close()
            raise SftpUnavailableError(f"{self.target.host} offers no {name.upper()}: {error}.") from error
        return ParamikoProcess(channel, self._note_closed_session)

    def _send_input(self, channel: paramiko.Channel, stdin: bytes) -> None:
        """Send it; a command that has ended meanwhile, as nologin does, takes none, and its output tells why."""
        try:
            channel.sendall(stdin)
        except OSError:
            if not self.alive:
                raise

    def _note_closed_session(self) -> None:
        self._session_closed_at = time.monotonic()

    def _open_session(self, window_bytes: int | None = None) -> paramiko.Channel:
        """Return a session. Where MaxSessions is 1, the server still counts the last one for a moment after its end."""
        while True:
            try:
                return self.open_channel("session", window_bytes=window_bytes)
            except SessionLimitError:
                if time.monotonic() - self._session_closed_at > SESSION_FREED_SECS:
                    raise
            time.sleep(SESSION_RETRY_SECS)

    def open_channel(
        self, kind: str, destination: tuple[str, int] | None = None, window_bytes: int | None = None
    ) -> paramiko.Channel:
        """Return a session, or a channel to a destination on the server.

        window_bytes: how much the server may send ahead; 2 MiB if nothing is said.
        Raises SessionLimitError or TunnelFailedError where the server refuses, ConnectionClosedError where it is gone.
        """
        try:
            return self._channel(kind, destination, window_bytes)
        except paramiko.ChannelException as error:
            if kind == "session":
                # Code 2, "Connect failed", is all that sshd says when MaxSessions is reached.
                raise SessionLimitError(
                    f"{self.target.host} allows no further session on this connection (MaxSessions)."
                ) from error
            raise TunnelFailedError(f"{self.target.host} opened no channel: {error.text}.") from error
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise ConnectionClosedError(f"The connection to {self.target.host} is gone.") from error

    def _channel(
        self, kind: str, destination: tuple[str, int] | None = None, window_bytes: int | None = None
    ) -> paramiko.Channel:
        """Raises ChannelException where the server refuses, SSHException, OSError or EOFError where it is gone."""
        try:
            return self.transport.open_channel(
                kind,
                destination,
                ("127.0.0.1", 0) if destination else None,
                window_size=window_bytes,
                timeout=CHANNEL_TIMEOUT_SECS,
            )
        except paramiko.SSHException as error:
            # Of two channels that are refused at once, one takes the reason, and the other one finds none.
            if str(error) == _REFUSED_WITHOUT_REASON and self.alive:
                raise paramiko.ChannelException(OPEN_CONNECT_FAILED, "Connect failed") from error
            raise

    def files(self) -> ParamikoFiles:
        channel = self._open_session()
        try:
            channel.settimeout(CHANNEL_TIMEOUT_SECS)
            channel.invoke_subsystem("sftp")
            return ParamikoFiles(paramiko.SFTPClient(channel), self._note_closed_session)
        except (paramiko.SFTPError, paramiko.SSHException, OSError, EOFError) as error:
            channel.close()
            # "Garbage packet received": a shell's start file, or nologin, printed text into the protocol.
            raise SftpUnavailableError(
                f"{self.target.host} offers no file access (SFTP): {str(error).rstrip('.')}."
            ) from error

    def dial(self, hop: Hop, progress: Progress) -> DialedSocket:
        """Return a stream to the next hop, through this connection. Raises the errors under ConnectError."""
        where = f"{hop.target.host} port {hop.target.port}"
        with progress.stage("tcp") as tell:
            try:
                channel = self._channel("direct-tcpip", (hop.target.host, hop.target.port))
            except paramiko.ChannelException as error:
                if error.code == OPEN_ADMINISTRATIVELY_PROHIBITED:
                    raise JumpForbiddenError(
                        f"{self.hop.target.host} does not let anybody go on to {where}."
                    ) from error
                raise HostUnreachableError(
                    f"{self.hop.target.host} cannot reach {where}: {error.text}.",
                    hint=f"Check that name and port as {self.hop.target.host} sees them, and that a server runs there.",
                ) from error
            except (paramiko.SSHException, OSError, EOFError) as error:
                if self.alive and "timeout" in str(error).lower():
                    raise ConnectionTimeoutError(
                        f"{self.hop.target.host} did not reach {where} within {CHANNEL_TIMEOUT_SECS:.0f} s."
                    ) from error
                raise ConnectionClosedError(f"The connection to {self.hop.target.host} is gone.") from error
            tell(f"through {self.hop.target.host}")
        return DialedSocket(channel)

    def close(self) -> None:
        self.transport.close()
        if self.before is not None and not self._before_is_lent:
            self.before.close()


class ParamikoProcess:
    """See interface.RemoteProcess."""

    def __init__(self, channel: paramiko.Channel, closed: Callable[[], None]) -> None:
        self._channel = channel
        self._closed = closed

    def read(self, timeout_secs: float) -> bytes:
        self._channel.settimeout(max(timeout_secs, 0.001))
        try:
            return bytes(self._channel.recv(65536))
        except TimeoutError:
            raise TimeoutError("the command printed nothing") from None

    def read_stderr(self) -> bytes:
        chunks = []
        while self._channel.recv_stderr_ready():
            chunks.append(self._channel.recv_stderr(65536))
        return b"".join(chunks)

    def follow(self, stdout: Sink, stderr: Sink, closed: Callable[[], None]) -> None:
        inbox_of(self._channel).lead_to(Outlet(self._channel, stdout, lambda: None))
        stderr_inbox_of(self._channel).lead_to(Outlet(self._channel, stderr, closed))

    def write(self, data: bytes) -> None:
        self._channel.settimeout(CHANNEL_TIMEOUT_SECS)
        try:
            self._channel.sendall(data)
        except OSError as error:
            raise ConnectionClosedError("The command's channel is closed.") from error

    def end_input(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            self._channel.shutdown_write()

    def wait(self, timeout_secs: float) -> int | None:
        if not self._channel.status_event.wait(timeout_secs):
            return None
        return int(self._channel.exit_status)

    @property
    def open(self) -> bool:
        return not self._channel.closed and not self._channel.eof_received

    def close(self) -> None:
        self._channel.close()
        self._closed()
