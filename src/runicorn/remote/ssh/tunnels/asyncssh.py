"""The tunnel by AsyncSSH: a login of its own, on an event loop in a thread of its own. Supports every login method."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runicorn.errors import ConnectionTimeoutError, HostKeyConfirmationError, HostKeyRevokedError, RemoteError
from runicorn.loop_thread import LoopThread
from runicorn.remote.ssh.carriers import shell_words
from runicorn.remote.ssh.interface import (
    Connection,
    Login,
    LoginRefusedError,
    TunnelRefusedError,
    TunnelRequest,
    each_hop,
)
from runicorn.remote.ssh.prompts import PasswordAnswer
from runicorn.remote.ssh.tunnels import host_key
from runicorn.remote.ssh.verdict import require_ok
from runicorn.remote.trust import known_hosts
from runicorn.remote.trust.known_hosts import HostKey

CONNECT_TIMEOUT_SECS = 15.0
LOGIN_TIMEOUT_SECS = 20.0
CLOSE_TIMEOUT_SECS = 3.0
MAX_PACKET_BYTES = 131072  # accepted by OpenSSH; with 32 KiB 417 MB/s instead of 456
# GCM first: 278 -> 380 MB/s against AsyncSSH's own preference, chacha20.
CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)


def open_tunnel(request: TunnelRequest) -> AsyncSshTunnel:
    """Return a tunnel that has logged in with what the connection was accepted with.

    Raises TunnelRefusedError, or HostKeyConfirmationError and HostKeyRevokedError, for which there is no fall-back.
    """
    try:
        import asyncssh  # noqa: F401  185 ms, paid only by those who use it
    except ImportError:
        raise TunnelRefusedError("the package asyncssh is not installed") from None
    tunnel = AsyncSshTunnel(request.remote_port, request.log)
    try:
        tunnel.connect(request)
    except BaseException:
        tunnel.close()
        raise
    return tunnel


class AsyncSshTunnel:
    """See interface.Tunnel."""

    name = "asyncssh"

    def __init__(self, remote_port: int, log: Callable[[str], None]) -> None:
        self._remote_port = remote_port
        self._log = log
        self._loop = LoopThread(f"asyncssh-tunnel-{remote_port}")
        self._connection: Any = None
        self._made: list[Any] = []
        self._carried: set[asyncio.Task[None]] = set()
        self._closed = False
        self.complaint = ""

    @property
    def alive(self) -> bool:
        return not self._closed and self._connection is not None and not self._connection.is_closed()

    def connect(self, request: TunnelRequest) -> None:
        """Log in. Raises the errors of `open_tunnel`."""
        import asyncssh

        verdict = _Verdict()
        try:
            connecting = _connect(request.connection, request, verdict, self._made)
            self._connection = self._loop.call(connecting, LOGIN_TIMEOUT_SECS * len(each_hop(request.connection)))
        except TimeoutError:
            raise ConnectionTimeoutError(
                f"AsyncSSH could not log in to {request.connection.target.host} within {LOGIN_TIMEOUT_SECS:.0f} s."
            ) from None
        except (asyncssh.Error, OSError, ValueError) as error:
            raise self._refusal(request, verdict, error) from error

    def _refusal(self, request: TunnelRequest, verdict: _Verdict, error: Exception) -> Exception:
        import asyncssh

        if verdict.error is not None:
            return verdict.error
        if not verdict.given and isinstance(error, (asyncssh.Error, ConnectionError)):
            # A server without any key of the stored types hangs up here, some by a reset, with no word about it.
            explained = host_key.explain(verdict.connection or request.connection, request.known)
            if isinstance(explained, (HostKeyConfirmationError, HostKeyRevokedError)):
                return explained
        kind = LoginRefusedError if isinstance(error, asyncssh.PermissionDenied) else TunnelRefusedError
        return kind(f"AsyncSSH could not log in: {error or type(error).__name__}")

    def carry(self, client: socket.socket, opening: bytes = b"") -> None:
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._loop.soon(self._spawn, client, opening)
        except RuntimeError:  # the loop is closed
            client.close()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(TimeoutError, RuntimeError):
            self._loop.call(self._shut_down(), CLOSE_TIMEOUT_SECS)
        self._loop.stop()

    async def _shut_down(self) -> None:
        for task in self._carried:
            task.cancel()
        await asyncio.gather(*self._carried, return_exceptions=True)
        for connection in reversed(self._made):
            connection.close()
            await connection.wait_closed()

    def _spawn(self, client: socket.socket, opening: bytes) -> None:
        if self._closed:
            client.close()
            return
        task = asyncio.get_running_loop().create_task(self._carry(client, opening))
        self._carried.add(task)
        task.add_done_callback(self._carried.discard)

    async def _carry(self, client: socket.socket, opening: bytes) -> None:
        import asyncssh

        local, remote = _Pipe(), _Pipe()
        local.peer, remote.peer = remote, local
        try:
            await asyncio.get_running_loop().create_connection(lambda: local, sock=client)
        except OSError as error:
            self._log(f"asyncssh tunnel: {error}")
            client.close()
            return
        try:
            local.pause_reading()  # until there is somewhere to write to
            await self._connection.create_connection(
                lambda: remote, "127.0.0.1", self._remote_port, encoding=None, max_pktsize=MAX_PACKET_BYTES
            )
            remote.write(opening)
            local.resume_reading()
            await local.closed.wait()
            await remote.closed.wait()
        except asyncssh.ChannelOpenError as error:
            prohibited = error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED
            self.complaint = f"{'administratively prohibited: ' if prohibited else ''}{error.reason}"
            self._log(f"asyncssh tunnel: {self.complaint}")
        except (asyncssh.Error, OSError) as error:
            self._log(f"asyncssh tunnel: {error}")
        finally:
            local.close()
            remote.close()


class _Pipe(asyncio.Protocol):
    """One end of a carried connection, socket or channel: writes what it receives to its peer, no faster than it takes.

    A protocol instead of streams: 8 at once at 0.8 of `ssh` became more, because nothing is copied in between.
    """

    def __init__(self) -> None:
        self.peer: _Pipe
        self.closed = asyncio.Event()
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def session_started(self) -> None:
        """Called by AsyncSSH once a channel is open."""

    def data_received(self, data: bytes, datatype: object = None) -> None:
        self.peer.write(data)

    def eof_received(self) -> bool:
        self.peer.write_eof()
        return True  # the other direction goes on

    def connection_lost(self, error: Exception | None) -> None:
        self.closed.set()
        self.peer.close()

    def pause_writing(self) -> None:
        self.peer.pause_reading()

    def resume_writing(self) -> None:
        self.peer.resume_reading()

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def write_eof(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write_eof()

    def pause_reading(self) -> None:
        if self._transport is not None and not self.closed.is_set():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._transport is not None and not self.closed.is_set():
            self._transport.resume_reading()

    def close(self) -> None:
        if self._transport is None:
            self.closed.set()
        else:
            self._transport.close()


@dataclass
class _Verdict:
    """What became of the host key: nothing yet, accepted, or an error for people."""

    given: bool = False
    error: RemoteError | None = None
    connection: Connection | None = None

    def begin(self, connection: Connection) -> None:
        """It is the turn of this connection's server."""
        self.connection, self.given = connection, False


async def _connect(connection: Connection, request: TunnelRequest, verdict: _Verdict, made: list[Any]) -> Any:
    """Return a login of its own at the end of a connection's way, hop by hop as that one. made: gets all of them."""
    import asyncssh

    outer = None if connection.before is None else await _connect(connection.before, request, verdict, made)
    hop, login = connection.hop, connection.login
    verdict.begin(connection)

    class Client(asyncssh.SSHClient):
        def validate_host_public_key(self, host: str, addr: str, port: int, key: Any) -> bool:
            """Ask the one verdict there is; AsyncSSH's own known_hosts logic never sees our file."""
            verdict.given = True
            try:
                require_ok(hop.known_as, request.known, HostKey.from_blob(key.public_data))
            except RemoteError as error:
                verdict.error = error
            return verdict.error is None

        def password_auth_requested(self) -> str | None:
            return None if answer is None or answer.typed else answer.answer([("Password:", False)])[0]

        def kbdint_auth_requested(self) -> str | None:
            return None if answer is None else ""

        def kbdint_challenge_received(self, name: str, instructions: str, lang: str, prompts: Any) -> Any:
            """Answer as the connection's own login did; None gives up. AsyncSSH by itself answers a passcode, too."""
            assert answer is not None
            try:
                return answer.answer(prompts)
            except RemoteError:
                return None

    answer = PasswordAnswer(login.password, hop.target) if login.password else None
    stored = known_hosts.stored_types(request.known, hop.known_as.known_hosts_host) or known_hosts.KEY_TYPE_ORDER
    async with contextlib.AsyncExitStack() as stack:
        options = asyncssh.SSHClientConnectionOptions(
            client_factory=Client,
            username=hop.target.username,
            known_hosts=b"",
            server_host_key_algs=list(known_hosts.algorithms(stored)),
            encryption_algs=list(CIPHERS),
            config=None,
            agent_path=None,
            preferred_auth=f"publickey,{'keyboard-interactive' if login.by_prompts else 'password'}",
            client_keys=await _client_keys(login, stack),
            connect_timeout=CONNECT_TIMEOUT_SECS,
            keepalive_interval=15,
            keepalive_count_max=3,
            proxy_command=None if hop.proxy_command is None else shell_words(hop.proxy_command),
        )
        made.append(await asyncssh.connect(hop.target.host, hop.target.port, tunnel=outer or (), options=options))
        return made[-1]


async def _client_keys(login: Login, stack: contextlib.AsyncExitStack) -> list[Any] | None:
    """Return exactly the key that the connection was accepted with; an agent's one signs until `stack` is left."""
    import asyncssh

    if login.key:
        key = asyncssh.import_private_key(login.key.text.reveal())
        return [(key, asyncssh.import_certificate(login.certificate)) if login.certificate else key]
    if login.agent_key:
        agent = await stack.enter_async_context(asyncssh.connect_agent())
        found = [key for key in await agent.get_keys() if key.public_data == login.agent_key]
        if not found:
            raise ValueError("the SSH agent no longer holds the key that was accepted")
        return found
    return None
