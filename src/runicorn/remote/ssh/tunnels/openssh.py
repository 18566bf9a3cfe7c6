"""The tunnel by the system's `ssh`: fastest, and a process of its own. It logs in without asking anything."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from runicorn.remote.names.way import Hop
from runicorn.remote.ssh import kept_ssh
from runicorn.remote.ssh.interface import (
    Connection,
    Login,
    LoginRefusedError,
    TunnelRefusedError,
    TunnelRequest,
    each_hop,
)
from runicorn.remote.ssh.own_config import CONFIG, config_block, holds_in_config, hop_name
from runicorn.remote.ssh.program import find_ssh
from runicorn.remote.ssh.tunnels import host_key
from runicorn.remote.ssh.tunnels.agent import OneKeyAgent
from runicorn.remote.ssh.tunnels.openssh_command import (
    KNOWN_HOSTS,
    HopFiles,
    child_environment,
    command,
    has_own_agent,
    options_for,
)
from runicorn.remote.ssh.tunnels.relay import Relay, SocketEndpoint
from runicorn.remote.ssh.unix_sockets import REACH_TIMEOUT_SECS, reach
from runicorn.remote.trust import known_hosts
from runicorn.remote.trust.known_hosts import Entry

START_TIMEOUT_SECS = 20.0
STOP_TIMEOUT_SECS = 2.0
POLL_SECS = 0.01
STDERR_BYTES_KEPT = 64 * 1024
TUNNEL_SOCKET = "s"

# A key that is not the stored one, or a server without any key of the stored types.
_HOST_KEY_WORDS = ("Host key verification failed", "no matching host key type found")
_REFUSED_WORDS = ("Permission denied (", "Too many authentication failures")


def open_tunnel(request: TunnelRequest) -> OpenSshTunnel:
    """Return a tunnel whose `ssh` has logged in and listens on a socket that only this user can reach.

    Raises TunnelRefusedError, or HostKeyConfirmationError, HostKeyRevokedError and TunnelFailedError, for which there
    is no fall-back.
    """
    ssh = find_ssh(request.ssh_path)
    _require_suitable(request.connection)
    folder = kept_ssh.private_folder()
    try:
        return OpenSshTunnel(request, ssh, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _require_suitable(connection: Connection) -> None:
    login = connection.login
    if connection.before is not None:
        if not holds_in_config(connection.before.hop):
            raise TunnelRefusedError("a user name on the way holds what a config cannot")
        _require_suitable(connection.before)
    if login.password:
        raise TunnelRefusedError("ssh is not given passwords")
    if sys.platform == "win32" and login.key and not login.key_path:
        raise TunnelRefusedError("a key given as content or with a passphrase reaches ssh by a Unix socket only")


class OpenSshTunnel:
    """See interface.Tunnel. Owns the process, its folder and the threads that read its words and move bytes."""

    name = "openssh"

    def __init__(self, request: TunnelRequest, ssh: str, folder: Path) -> None:
        self._folder = folder
        self._log = request.log
        self._stderr = bytearray()
        self._closed = False
        self._address: str | tuple[str, int]
        forward = self._choose_address(request.remote_port)
        hops = _hops(request.connection)
        self._write_files(hops, request.known)
        *before, (hop, login, _) = hops
        arguments = command(
            ssh,
            hop,
            login,
            forward=forward,
            key_types=_key_types(request.known, hop),
            jump=hop_name(len(before) - 1) if before else None,
        )
        self._agents: list[OneKeyAgent] = []
        try:
            for _, each, files in hops:
                if each.key and has_own_agent(each):
                    self._agents.append(OneKeyAgent(folder / files.agent, each.key))
            environment = child_environment(os.environ, [each for _, each, _ in hops])
            self._process = kept_ssh.spawn(folder, arguments, environment)
        except BaseException:
            self._close_agents()
            raise
        self._reader = threading.Thread(target=self._read_stderr, name="openssh-tunnel-stderr", daemon=True)
        self._reader.start()
        self._relay = Relay("openssh-tunnel")
        try:
            self._wait_until_listening(request)
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        return not self._closed and self._process.poll() is None

    @property
    def complaint(self) -> str:
        return kept_ssh.last_refusal(self._stderr.decode("utf-8", "replace"))

    def carry(self, client: socket.socket, opening: bytes = b"") -> None:
        try:
            self._relay.add(SocketEndpoint(client), SocketEndpoint(self._reach()), opening)
        except OSError as error:
            self._log(f"openssh tunnel: {error}")
            client.close()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        kept_ssh.end(self._process)
        self._close_agents()
        self._relay.close()
        self._reader.join(STOP_TIMEOUT_SECS)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _close_agents(self) -> None:
        for agent in self._agents:
            agent.close()

    def _choose_address(self, remote_port: int) -> str:
        if sys.platform == "win32":  # no Unix sockets in its ssh
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self._address = ("127.0.0.1", probe.getsockname()[1])
            return f"127.0.0.1:{self._address[1]}:127.0.0.1:{remote_port}"
        self._address = str(self._folder / TUNNEL_SOCKET)
        return f"./{TUNNEL_SOCKET}:127.0.0.1:{remote_port}"

    def _write_files(self, hops: Sequence[_Step], known: Sequence[Entry]) -> None:
        """Give ssh these hosts' lines and nothing else, under the one name that it will look for; and our config."""
        lines = [
            f"{'@revoked ' if entry.marker else ''}{name} {entry.key.public_key}\n"
            for name in dict.fromkeys(hop.known_as.known_hosts_host for hop, _, _ in hops)
            for entry in known
            if entry.marker != "@cert-authority" and entry.matches(name)
        ]
        self._write(KNOWN_HOSTS, "".join(lines))
        for _, login, files in hops:
            public_blob = login.key.public_blob if login.key else login.agent_key
            if public_blob:
                self._write(files.public_key, known_hosts.HostKey.from_blob(public_blob).public_key + "\n")
            if login.certificate:
                self._write(files.certificate, login.certificate)
        blocks = [
            config_block(number, hop, options_for(hop, login, files, _key_types(known, hop)).items())
            for number, (hop, login, files) in enumerate(hops[:-1])
        ]
        self._write(CONFIG, "".join(blocks))

    def _write(self, name: str, text: str) -> None:
        (self._folder / name).write_text(text, encoding="utf-8")

    def _wait_until_listening(self, request: TunnelRequest) -> None:
        deadline = time.monotonic() + START_TIMEOUT_SECS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                self._reader.join(STOP_TIMEOUT_SECS)
                raise self._refusal(request)
            if self._listening():
                return
            time.sleep(POLL_SECS)
        raise TunnelRefusedError(f"ssh did not log in within {START_TIMEOUT_SECS:.0f} s")

    def _listening(self) -> bool:
        """Whether the login is over: ssh makes its listener only then. A connection would already open a channel."""
        if isinstance(self._address, str):
            return Path(self._address).exists()
        with contextlib.suppress(OSError):
            self._reach().close()
            return True
        return False

    def _refusal(self, request: TunnelRequest) -> Exception:
        said = self._stderr.decode("utf-8", "replace").strip()
        if any(words in said for words in _HOST_KEY_WORDS):
            return host_key.explain(request.connection, request.known)
        kind = LoginRefusedError if any(words in said for words in _REFUSED_WORDS) else TunnelRefusedError
        return kind(f"ssh ended: {said.splitlines()[-1] if said else 'it said nothing'}")

    def _reach(self) -> socket.socket:
        if isinstance(self._address, tuple):
            return socket.create_connection(self._address, timeout=REACH_TIMEOUT_SECS)
        return reach(self._address)

    def _read_stderr(self) -> None:
        assert self._process.stderr
        with self._process.stderr as stream:
            for line in stream:
                if len(self._stderr) < STDERR_BYTES_KEPT:
                    self._stderr += line
                self._log(f"ssh: {line.decode('utf-8', 'replace').strip()}")


_Step = tuple[Hop, Login, HopFiles]


def _hops(connection: Connection) -> list[_Step]:
    """Return all hops, the last one last, with what was accepted of us there and what their files are called."""
    *before, last = each_hop(connection)
    steps = [(each.hop, each.login, HopFiles(str(number))) for number, each in enumerate(before)]
    return [*steps, (last.hop, last.login, HopFiles(""))]


def _key_types(known: Sequence[Entry], hop: Hop) -> tuple[str, ...]:
    return known_hosts.stored_types(known, hop.known_as.known_hosts_host) or known_hosts.KEY_TYPE_ORDER
