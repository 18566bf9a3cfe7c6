"""The tunnel by the system's `ssh`: fastest, and a process of its own. It logs in without asking anything."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from runicorn.remote.ssh.interface import Login, LoginRefusedError, TunnelRefusedError, TunnelRequest
from runicorn.remote.ssh.program import find_ssh
from runicorn.remote.ssh.tunnels import host_key
from runicorn.remote.ssh.tunnels.agent import OneKeyAgent, unix_socket
from runicorn.remote.ssh.tunnels.relay import Relay, SocketEndpoint
from runicorn.remote.trust import known_hosts
from runicorn.remote.trust.target import Target

START_TIMEOUT_SECS = 20.0
STOP_TIMEOUT_SECS = 2.0
POLL_SECS = 0.01
STDERR_BYTES_KEPT = 64 * 1024
PUBLIC_KEY = "id.pub"
KNOWN_HOSTS = "known_hosts"
AGENT_SOCKET = "a"  # short: a Unix socket's path holds about 100 characters
TUNNEL_SOCKET = "s"
MAX_SOCKET_PATH_BYTES = 100

# A key that is not the stored one, or a server without any key of the stored types.
_HOST_KEY_WORDS = ("Host key verification failed", "no matching host key type found")
_REFUSED_WORDS = ("Permission denied (", "Too many authentication failures")

# Runs its arguments for as long as its own standard input is open, then removes the folder named first: when the
# viewer is killed, the pipe closes, and `ssh` and its files end with it instead of living on. An `ssh` before its login
# dies of the signal; the shell wants to say so to a viewer that is gone, and must not die of that before its rm.
# One signal is not enough: an `ssh` that looks for it right before it waits for its server (9.2 and older) sees it with
# the server's next word only, up to 30 s later; and one that is stopped, or waits to send, sees none but the last.
_WHILE_STDIN_IS_OPEN = """
folder=$1
shift
exec 3<&0
"$@" 3<&- </dev/null &
child=$!
(
    read -r _ <&3
    exec 3<&-
    kill "$child"
    sleep 1
    kill "$child"
    sleep 1
    kill -9 "$child"
) 2>/dev/null &
watcher=$!
exec 3<&-
trap '' PIPE
wait "$child"
status=$?
kill "$watcher" 2>/dev/null
rm -rf -- "$folder"
exit "$status"
"""


def open_tunnel(request: TunnelRequest) -> OpenSshTunnel:
    """Return a tunnel whose `ssh` has logged in and listens on a socket that only this user can reach.

    Raises TunnelRefusedError, or HostKeyConfirmationError, HostKeyRevokedError and TunnelFailedError, for which there
    is no fall-back.
    """
    ssh = find_ssh(request.ssh_path)
    _require_suitable(request.connection.login)
    folder = private_folder()
    try:
        return OpenSshTunnel(request, ssh, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def private_folder() -> Path:
    """Make a folder that only this user can enter, with a path that a Unix socket in it can have."""
    folder = Path(tempfile.mkdtemp(prefix="runicorn-"))  # 0700: nobody else can reach the sockets
    if sys.platform != "win32" and len(os.fsencode(folder / AGENT_SOCKET)) > MAX_SOCKET_PATH_BYTES:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="runicorn-", dir="/tmp"))
    return folder


def _require_suitable(login: Login) -> None:
    if login.password:
        raise TunnelRefusedError("ssh is not given passwords")
    if sys.platform == "win32" and login.key and not login.key_path:
        raise TunnelRefusedError("a key given as content or with a passphrase reaches ssh by a Unix socket only")


def has_own_agent(login: Login) -> bool:
    """Whether ssh gets the key from an agent of ours: everywhere but on Windows, where it reads the file itself.

    Also a key that ssh could read: it refuses one whose file others may read, which the connection was made with.
    """
    return login.key is not None and sys.platform != "win32"


def command(ssh: str, target: Target, login: Login, *, forward: str, key_types: tuple[str, ...]) -> list[str]:
    """Return the argument list, to be run in the private folder. forward: what -L takes. key_types: what its
    known_hosts holds.

    No user or system configuration is read, so that nothing there can run commands, forward more, or accept keys.
    Files are named as they are called in the folder: ssh splits, expands and unquotes whatever path it is given, each
    option in its own way, and a TMPDIR with a blank, a quote, a colon or a percent sign would name other files.
    """
    options = {
        "ExitOnForwardFailure": "yes",
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": f"./{KNOWN_HOSTS}",
        "GlobalKnownHostsFile": "none",
        # Else ssh looks for the name that it makes of an address itself, and takes the key for an unknown one.
        "HostKeyAlias": target.known_hosts_host,
        "HostKeyAlgorithms": ",".join(known_hosts.algorithms(key_types)),
        "UpdateHostKeys": "no",
        "VerifyHostKeyDNS": "no",
        "CheckHostIP": "no",
        "ServerAliveInterval": "30",
        "ServerAliveCountMax": "3",
        "ConnectTimeout": "15",
        "ForwardAgent": "no",
        "ForwardX11": "no",
        "PermitLocalCommand": "no",
        "ControlPath": "none",
        "RequestTTY": "no",
        "IdentitiesOnly": "yes",
        "StreamLocalBindMask": "0177",
        "StreamLocalBindUnlink": "yes",
        "Ciphers": "^aes128-gcm@openssh.com,aes256-gcm@openssh.com",  # 433 -> 589 MB/s
        "LogLevel": "INFO",
    }
    arguments = [ssh, "-F", "none", "-N", "-T", "-L", forward, "-p", str(target.port)]
    for name, value in options.items():
        arguments += ["-o", f"{name}={value}"]
    if login.key and not has_own_agent(login):
        arguments += ["-o", "IdentityAgent=none", "-i", str(Path(login.key_path or "").expanduser())]
    else:
        agent = ["-o", f"IdentityAgent=./{AGENT_SOCKET}"] if login.key else []
        arguments += [*agent, "-i", f"./{PUBLIC_KEY}"]
    return [*arguments, "-l", target.username, "--", target.host]


def child_environment(environ: Mapping[str, str], login: Login) -> dict[str, str]:
    """Return the little that ssh needs; the agent's socket only where the agent's key was accepted."""
    names = ["PATH", "HOME", "USER", "LOGNAME", "SYSTEMROOT", "USERPROFILE", "TEMP", "TMP"]
    if login.agent_key:
        names.append("SSH_AUTH_SOCK")
    return {name: environ[name] for name in names if name in environ} | {"LC_ALL": "C"}


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
        self._write_files(request)
        target, login = request.connection.target, request.connection.login
        arguments = command(
            ssh,
            target,
            login,
            forward=forward,
            key_types=known_hosts.stored_types(request.known, target.known_hosts_host) or known_hosts.KEY_TYPE_ORDER,
        )
        self._agent = OneKeyAgent(folder / AGENT_SOCKET, login.key) if login.key and has_own_agent(login) else None
        try:
            self._process = _spawn(folder, arguments, child_environment(os.environ, login))
        except BaseException:
            if self._agent is not None:
                self._agent.close()
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
        said = self._stderr.decode("utf-8", "replace")
        refused = [line for line in said.splitlines() if "open failed" in line]
        return refused[-1].strip() if refused else ""

    def carry(self, client: socket.socket) -> None:
        try:
            self._relay.add(SocketEndpoint(client), SocketEndpoint(self._reach()))
        except OSError as error:
            self._log(f"openssh tunnel: {error}")
            client.close()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._process.stdin:
            self._process.stdin.close()  # tells the wrapper to end ssh
        if sys.platform == "win32":
            self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_SECS)
        except subprocess.TimeoutExpired:
            self._kill()
            self._process.wait()
        if self._agent is not None:
            self._agent.close()
        self._relay.close()
        self._reader.join(STOP_TIMEOUT_SECS)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _kill(self) -> None:
        """End the wrapper and what it runs: an `ssh` without it would live on, and hold the pipe that is read here."""
        if sys.platform == "win32":
            self._process.kill()
        else:
            os.killpg(self._process.pid, signal.SIGKILL)

    def _choose_address(self, remote_port: int) -> str:
        if sys.platform == "win32":  # no Unix sockets in its ssh
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self._address = ("127.0.0.1", probe.getsockname()[1])
            return f"127.0.0.1:{self._address[1]}:127.0.0.1:{remote_port}"
        self._address = str(self._folder / TUNNEL_SOCKET)
        return f"./{TUNNEL_SOCKET}:127.0.0.1:{remote_port}"

    def _write_files(self, request: TunnelRequest) -> None:
        """Give ssh this host's lines and nothing else, under the one name that it will look for."""
        name = request.connection.target.known_hosts_host
        lines = [
            f"{'@revoked ' if entry.marker else ''}{name} {entry.key.public_key}\n"
            for entry in request.known
            if entry.marker != "@cert-authority" and entry.matches(name)
        ]
        (self._folder / KNOWN_HOSTS).write_text("".join(lines), encoding="utf-8")
        login = request.connection.login
        public_blob = login.key.public_blob if login.key else login.agent_key
        if public_blob:
            key = known_hosts.HostKey.from_blob(public_blob)
            (self._folder / PUBLIC_KEY).write_text(key.public_key + "\n", encoding="utf-8")

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
            return host_key.explain(request)
        kind = LoginRefusedError if any(words in said for words in _REFUSED_WORDS) else TunnelRefusedError
        return kind(f"ssh ended: {said.splitlines()[-1] if said else 'it said nothing'}")

    def _reach(self) -> socket.socket:
        if isinstance(self._address, tuple):
            return socket.create_connection(self._address, timeout=5.0)
        sock = unix_socket()
        try:
            sock.settimeout(5.0)
            sock.connect(self._address)
        except BaseException:
            sock.close()
            raise
        return sock

    def _read_stderr(self) -> None:
        assert self._process.stderr
        with self._process.stderr as stream:
            for line in stream:
                if len(self._stderr) < STDERR_BYTES_KEPT:
                    self._stderr += line
                self._log(f"ssh: {line.decode('utf-8', 'replace').strip()}")


def _spawn(folder: Path, arguments: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    wrapper = [] if sys.platform == "win32" else ["/bin/sh", "-c", _WHILE_STDIN_IS_OPEN, "runicorn-tunnel", str(folder)]
    try:
        return subprocess.Popen(
            [*wrapper, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=folder,
            start_new_session=True,  # Ctrl-C in the viewer's terminal must not end it before the session is stopped
        )
    except OSError as error:
        raise TunnelRefusedError(f"ssh could not be started: {error.strerror}") from error
