"""What the rest of remote/ asks of an SSH library: a connection to work on, and a tunnel to carry pages.

Everything here blocks, always with a limit, and is called from worker threads only.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from runicorn.remote.names.way import Hop, Way
from runicorn.remote.trust.known_hosts import Entry, HostKey
from runicorn.remote.trust.target import Secret, Target

if TYPE_CHECKING:
    from runicorn.remote.ssh.keys import UnlockedKey


@dataclass(frozen=True)
class Login:
    """What the server accepted, kept in memory so that a tunnel or a reconnect can do the same without asking.

    key: the private key that was accepted, already unlocked. key_path: where it came from, if it may be read from there
    again without a passphrase. agent_key: the public blob of the agent's key that was accepted. certificate: what stood
    for the key, as a line of its file.
    by_prompts: the password was typed into a prompt (keyboard-interactive), not sent as one.
    by_person: it took what only a person has, such as a one-time code, so that it cannot be repeated by itself.
    """

    key: UnlockedKey | None = field(default=None, repr=False)
    key_path: str | None = None
    agent_key: bytes | None = None
    certificate: str | None = None
    password: Secret | None = None
    by_prompts: bool = False
    by_person: bool = False


@dataclass(frozen=True)
class Completed:
    """A finished remote command. exit_status: -1 if the server told none."""

    stdout: bytes
    stderr: bytes
    exit_status: int


@dataclass(frozen=True)
class RemoteEntry:
    """One name in a remote folder. size: bytes. mtime: unix seconds. A link is described by what it points to."""

    name: str
    is_dir: bool
    size: int
    mtime: int


class Sink(Protocol):
    """Where bytes go as they come. Called by the connection's own thread, which must never wait here."""

    def deliver(self, data: bytes) -> None: ...

    def finish(self) -> None:
        """Nothing more will come. May be called twice."""


class RemoteProcess(Protocol):
    """A command that runs on the server for as long as its channel is open."""

    def read(self, timeout_secs: float) -> bytes:
        """Return the next bytes of stdout, b"" at its end. Raises TimeoutError."""

    def read_stderr(self) -> bytes:
        """Return what came on stderr since the last call, without waiting."""

    def follow(self, stdout: Sink, stderr: Sink, closed: Callable[[], None]) -> None:
        """Hand on what is printed from now on, so that the command never waits for a reader; `read` ends with this.

        closed: called once the channel is closed. May be called twice.
        """

    def write(self, data: bytes) -> None:
        """Send to stdin. Raises ConnectionClosedError if the channel is gone."""

    def end_input(self) -> None:
        """Close its stdin, which what reads to the end waits for."""

    def wait(self, timeout_secs: float) -> int | None:
        """Return the exit status once it is known; None after the timeout."""

    @property
    def open(self) -> bool: ...

    def close(self) -> None: ...


class RemoteFiles(Protocol):
    """The server's file system as this user sees it. Belongs to one thread; close it after use."""

    def absolute(self, path: str) -> str:
        """Return the path with `~` and links resolved. Raises RemotePathNotFoundError, RemotePermissionError."""

    def stat(self, path: str) -> RemoteEntry: ...

    def scan(self, path: str) -> Iterator[RemoteEntry]:
        """Yield the folder's entries in no order. Raises RemoteNotADirectoryError and the errors of `absolute`."""

    def close(self) -> None: ...


class Connection(Protocol):
    """One authenticated SSH link to a target, its host key verified.

    way: by which it is reached. hop: the end of that, where the target really is. before: the connection to the hop
    before, that carries this one; None for the first hop, and where `ssh` goes from hop to hop by itself.
    connector: what carries it, "paramiko" or "ssh". connector_reason: why it is "ssh", in words that go on after a
    colon; None for Paramiko. host_key: None where the person had connected already, by `ssh`.
    """

    connector: str
    target: Target
    way: Way

    @property
    def hop(self) -> Hop: ...

    @property
    def before(self) -> Connection | None: ...

    login: Login

    @property
    def connector_reason(self) -> str | None: ...

    @property
    def host_key(self) -> HostKey | None: ...

    @property
    def alive(self) -> bool:
        """Whether it is not known to have ended."""

    def answers(self, timeout_secs: float) -> bool:
        """Whether the server answers within the limit; a link that died in silence still looks alive."""

    def run(self, command: str, *, stdin: bytes, timeout_secs: float, limit_bytes: int) -> Completed:
        """Run a command to its end. Raises StartTimeoutError, SessionLimitError, ConnectionClosedError."""

    def start(self, command: str, *, stdin: bytes) -> RemoteProcess: ...

    def start_subsystem(self, name: str) -> RemoteProcess:
        """Start what the server has under this name, as "sftp". Raises as start() does, SftpUnavailableError."""

    def files(self) -> RemoteFiles: ...

    def close(self) -> None: ...


def each_hop(connection: Connection) -> list[Connection]:
    """Return the connections to all hops on the way, first one first, the connection itself last."""
    found, at = [connection], connection.before
    while at is not None:
        found.insert(0, at)
        at = at.before
    return found


class Tunnel(Protocol):
    """Carries local connections to one port on the server's loopback."""

    name: str

    @property
    def alive(self) -> bool: ...

    @property
    def complaint(self) -> str:
        """What the server last said when it refused to open a carried connection; "" if it never did."""

    def carry(self, client: socket.socket, opening: bytes = b"") -> None:
        """Take over an accepted connection: forward it until either side ends, then close it. Returns at once.

        opening: what is sent to the server before what the client sends.
        """

    def close(self) -> None:
        """End all carried connections, threads and processes. May be called twice."""


@dataclass(frozen=True)
class TunnelRequest:
    """All that a tunnel backend needs. known: this host's known_hosts entries, the verdict's only source."""

    connection: Connection
    remote_port: int
    known: tuple[Entry, ...]
    ssh_path: str | None
    log: Callable[[str], None]


class TunnelRefusedError(Exception):
    """This backend cannot carry this session; another one may. Its text is the reason, for people."""


@dataclass(frozen=True)
class Fallback:
    """A tunnel that was passed over, and why."""

    backend: str
    reason: str


class LoginRefusedError(TunnelRefusedError):
    """The server refused the login that this backend makes by itself. Repeating it could lock the account."""
