"""A live connection that the system's `ssh` holds: commands and files through its control socket."""

from __future__ import annotations

import time
from typing import Protocol

import paramiko

from runicorn.errors import (
    ConnectionClosedError,
    SessionLimitError,
    SftpUnavailableError,
)
from runicorn.remote.names.way import Hop, Way
from runicorn.remote.ssh.interface import Completed, Login
from runicorn.remote.ssh.paramiko.files import ParamikoFiles
from runicorn.remote.ssh.running import run_to_its_end
from runicorn.remote.ssh.system.mux import ANY_HOST, Mux
from runicorn.remote.ssh.system.process import SystemProcess
from runicorn.remote.trust.known_hosts import HostKey
from runicorn.remote.trust.target import Target

FILES_TIMEOUT_SECS = 15.0
SESSION_FREED_SECS = 2.0
SESSION_RETRY_SECS = 0.05


class Holder(Protocol):
    """The `ssh` that holds the connection."""

    mux: Mux

    @property
    def alive(self) -> bool: ...

    @property
    def ended_by_server(self) -> bool: ...

    @property
    def refused(self) -> tuple[int, str]:
        """How often the server refused to open a carried connection, and what it said the last time."""

    def forward_path(self, name: str) -> str:
        """Return how `ssh` is told of a socket in the private folder."""

    def close(self) -> None:
        """Let it go; may be called twice, from any thread."""


class SystemConnection:
    """See interface.Connection. The hops before the last one are the business of `ssh`: no connection leads to them."""

    connector = "ssh"
    before = None

    def __init__(
        self, target: Target, way: Way, login: Login, host_key: HostKey | None, master: Holder, reason: str
    ) -> None:
        self.target = target
        self.way = way
        self.login = login
        self.host_key = host_key
        self.master = master
        self.connector_reason = reason
        self._session_closed_at = -SESSION_FREED_SECS
        self._sessions = 0

    @property
    def hop(self) -> Hop:
        return self.way.last

    @property
    def alive(self) -> bool:
        return self.master.alive

    def answers(self, timeout_secs: float) -> bool:
        """Whether a session can be opened, or is refused: `ssh` asks its server nothing else by order."""
        deadline = time.monotonic() + timeout_secs
        try:
            self.master.mux.session("--", ANY_HOST, ":", limit_secs=timeout_secs).close()
        except SessionLimitError:
            pass
        except ConnectionClosedError:
            return False
        return time.monotonic() <= deadline and self.alive

    def run(self, command: str, *, stdin: bytes, timeout_secs: float, limit_bytes: int) -> Completed:
        try:
            return run_to_its_end(self, command, stdin, timeout_secs, limit_bytes)
        finally:
            self._note_closed_session()

    def start(self, command: str, *, stdin: bytes) -> SystemProcess:
        process = self._session("--", ANY_HOST, command)
        try:
            process.write(stdin)
        except ConnectionClosedError:
            # A command that has ended meanwhile, as nologin does, takes none, and its output tells why.
            if not self.alive:
                process.close()
                raise
        return process

    def start_subsystem(self, name: str) -> SystemProcess:
        return self._session("-s", "--", ANY_HOST, name)

    def files(self) -> ParamikoFiles:
        process = self.start_subsystem("sftp")
        try:
            return ParamikoFiles(paramiko.SFTPClient(_Stream(process)), self._note_closed_session)  # type: ignore[arg-type]
        except (paramiko.SFTPError, paramiko.SSHException, OSError, EOFError, ConnectionClosedError) as error:
            process.close()
            raise SftpUnavailableError(
                f"{self.target.host} offers no file access (SFTP): {str(error).rstrip('.')}."
            ) from error

    def close(self) -> None:
        self.master.close()

    def _note_closed_session(self) -> None:
        self._session_closed_at = time.monotonic()

    def _session(self, *arguments: str) -> SystemProcess:
        """Return a session. Where MaxSessions is 1, the server still counts the last one for a moment after its end."""
        while True:
            try:
                process = self.master.mux.session(*arguments)
                self._sessions += 1
                return process
            except ConnectionClosedError:
                if self._sessions == 1 and self.master.ended_by_server:
                    raise ConnectionClosedError(
                        f"{self.target.host} ends each connection with its first command, as tinysshd does.",
                        hint="Runicorn needs several commands and a forward in one connection; use OpenSSH's server.",
                    ) from None
                raise
            except SessionLimitError:
                if time.monotonic() - self._session_closed_at > SESSION_FREED_SECS:
                    raise
            time.sleep(SESSION_RETRY_SECS)


class _Stream:
    """A process as Paramiko's SFTP client takes it: by the methods of a channel that it uses."""

    def __init__(self, process: SystemProcess) -> None:
        self._process = process

    def get_name(self) -> str:
        """For Paramiko's log."""
        return "sftp"

    def recv(self, size: int) -> bytes:
        return self._process.read(FILES_TIMEOUT_SECS, size)

    def send(self, data: bytes) -> int:
        try:
            self._process.write(data)
        except ConnectionClosedError as error:
            raise EOFError(str(error)) from error
        return len(data)

    def close(self) -> None:
        self._process.close()
