"""The connection, carried by Paramiko: host key first, then login, then commands and files."""

from __future__ import annotations

import contextlib
import io
import logging
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import paramiko

from runicorn.errors import (
    AuthFailedError,
    ConnectError,
    ConnectionClosedError,
    ConnectionTimeoutError,
    HostKeyConfirmationError,
    HostKeyRevokedError,
    NoCommonAlgorithmError,
    NoCredentialsError,
    NotSshError,
    RemoteFileError,
    RemoteNotADirectoryError,
    RemotePathNotFoundError,
    RemotePermissionError,
    SessionLimitError,
    SftpUnavailableError,
    StartTimeoutError,
)
from runicorn.remote import known_hosts
from runicorn.remote.host_keys import HostKeyFile
from runicorn.remote.known_hosts import Entry, HostKey, Verdict
from runicorn.remote.progress import Progress
from runicorn.remote.ssh import keys
from runicorn.remote.ssh.dialing import DialedSocket, dial, hang_up_on_web_servers, speaks_http
from runicorn.remote.ssh.interface import Completed, Login, RemoteEntry
from runicorn.remote.ssh.keys import UnlockedKey
from runicorn.remote.target import Credentials, Target

HANDSHAKE_TIMEOUT_SECS = 15.0
AUTH_TIMEOUT_SECS = 20.0
CHANNEL_TIMEOUT_SECS = 15.0
KEEPALIVE_SECS = 15
MAX_LINKS_FOLLOWED = 200  # one round trip each
READ_AHEAD = 50  # sshd answers READDIR with ~100 names, so a reader that waits for each pays a round trip per 100.

# AES-GCM first: 264 -> 419 MB/s and half the CPU of Paramiko's own preference, which lists it last.
_CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
_MAX_PACKET_BYTES = 131072  # accepted by OpenSSH; 252 -> 381 MB/s through one forward

# Paramiko logs each failure with a traceback; all of them reach people as errors of ours.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class _Transport(paramiko.Transport):
    _preferred_ciphers = _CIPHERS


def connect(
    target: Target, credentials: Credentials, host_keys: HostKeyFile, progress: Progress, home: Path
) -> ParamikoConnection:
    """Return a live connection. home: where the default keys are looked for, in `.ssh`.

    No credential leaves this machine before the host key's verdict is `ok`.
    Raises the errors under ConnectError, CredentialError, HostKeyConfirmationError, HostKeyRevokedError,
    AuthFailedError and NoCredentialsError.
    """
    offers = _Offers(credentials, home)  # a key that cannot be used is told before the server is bothered
    transport, host_key = _verified_transport(target, host_keys, progress)
    try:
        with progress.stage("login") as tell:
            login = _log_in(transport, target, offers, tell)
    except BaseException:
        transport.close()
        raise
    transport.set_keepalive(KEEPALIVE_SECS)
    return ParamikoConnection(target, login, host_key, transport)


# --- host key ---------------------------------------------------------------------------------------------------


def _verified_transport(target: Target, host_keys: HostKeyFile, progress: Progress) -> tuple[_Transport, HostKey]:
    entries = host_keys.entries()
    stored = known_hosts.stored_types(entries, target.known_hosts_host)
    sock = dial(target, progress)
    with progress.stage("host_key") as tell:
        try:
            transport = _negotiate(target, sock, stored)
        except NoCommonAlgorithmError:
            if not stored:
                raise
            # The server has none of the stored types any more: fetch what it has, to show it as changed.
            transport = _negotiate(target, dial(target, Progress(lambda: None)), ())
        try:
            offered = HostKey.from_blob(transport.get_remote_server_key().asbytes())
            tell(f"{offered.key_type} {offered.fingerprint_sha256}")
            _require_ok(target, entries, offered)
        except BaseException:
            transport.close()
            raise
    return transport, offered


def _negotiate(target: Target, sock: DialedSocket, stored: tuple[str, ...]) -> _Transport:
    """Return a transport after the key exchange, with only the stored key types on offer where there are any."""
    transport = _Transport(cast(socket.socket, sock), default_max_packet_size=_MAX_PACKET_BYTES)
    transport.daemon = True
    transport.banner_timeout = HANDSHAKE_TIMEOUT_SECS
    transport.handshake_timeout = HANDSHAKE_TIMEOUT_SECS
    transport.auth_timeout = AUTH_TIMEOUT_SECS
    options = transport.get_security_options()
    options.key_types = known_hosts.algorithms(stored or known_hosts.KEY_TYPE_ORDER)
    began_at = time.monotonic()
    try:
        with hang_up_on_web_servers(sock, target):
            transport.start_client(timeout=HANDSHAKE_TIMEOUT_SECS + 2)
        if not transport.initial_kex_done:
            raise transport.get_exception() or TimeoutError()
    except (paramiko.SSHException, OSError, EOFError) as error:
        transport.close()
        raise _handshake_error(target, sock, error, time.monotonic() - began_at) from error
    return transport


def _handshake_error(
    target: Target, sock: DialedSocket, error: Exception, secs: float
) -> ConnectError | NoCommonAlgorithmError:
    where = f"{target.host} port {target.port}"
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        return NoCommonAlgorithmError(f"{where} and this client have no algorithm in common: {error}.")
    if sock.first_bytes and b"SSH-" not in sock.first_bytes:
        return NotSshError(f"{where} answers, but not with SSH.")
    if sock.is_web_server or (not sock.first_bytes and sock.ended and speaks_http(target)):
        return NotSshError(f"{where} answers, but not with SSH: it is a web server.")
    if not sock.first_bytes and not sock.ended and secs >= HANDSHAKE_TIMEOUT_SECS - 1:
        return ConnectionTimeoutError(
            f"{where} accepted the connection, but said nothing for {secs:.0f} s.",
            hint="Check the port: an SSH server speaks first; or the server is overloaded.",
        )
    if secs >= HANDSHAKE_TIMEOUT_SECS - 1:
        return ConnectionTimeoutError(f"{where} did not finish the key exchange within {secs:.0f} s.")
    return ConnectionClosedError(f"{where} closed the connection before the login.")


def _require_ok(target: Target, entries: list[Entry], offered: HostKey) -> None:
    decision = known_hosts.judge(entries, target.known_hosts_host, offered)
    if decision.verdict is Verdict.REVOKED:
        raise HostKeyRevokedError(f"The host key {offered.fingerprint_sha256} of {target.host} was revoked.")
    if decision.verdict is not Verdict.OK:
        raise HostKeyConfirmationError(_confirmation(target, decision, offered))


def _confirmation(target: Target, decision: known_hosts.Decision, offered: HostKey) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "host": target.host,
        "port": target.port,
        "known_hosts_host": target.known_hosts_host,
        "key_type": offered.key_type,
        "fingerprint_sha256": offered.fingerprint_sha256,
        "public_key": offered.public_key,
        "reason": decision.verdict.value,
    }
    if decision.verdict is Verdict.CHANGED:
        payload["expected_keys"] = [
            {"key_type": key.key_type, "fingerprint_sha256": key.fingerprint_sha256, "public_key": key.public_key}
            for key in decision.expected
        ]
        expected = decision.expected_for(offered)
        if expected:
            payload["expected_fingerprint_sha256"] = expected.fingerprint_sha256
            payload["expected_public_key"] = expected.public_key
    return payload


# --- login ------------------------------------------------------------------------------------------------------


class _Offers:
    """What may be shown to the server, in order: the named key, the agent's keys, default keys, the password."""

    def __init__(self, credentials: Credentials, home: Path) -> None:
        self.credentials = credentials
        self.keys: list[tuple[str | None, UnlockedKey]] = []
        self.unusable: list[str] = []
        if credentials.private_key:
            content = credentials.private_key.reveal().encode()
            self.keys.append((None, keys.unlock(content, credentials.passphrase)))
        elif credentials.private_key_path:
            path = credentials.private_key_path
            self.keys.append((path, keys.read_key_file(path, credentials.passphrase)))
        self.default_keys: list[tuple[str, UnlockedKey]] = []
        if not credentials.explicit:
            self.default_keys, errors = keys.try_default_keys(home)
            self.unusable = [error.detail for error in errors]

    def agent_keys(self) -> list[Any]:
        # A named key or password is what the person wants used; six agent keys first would use up MaxAuthTries.
        if not self.credentials.use_agent or self.credentials.explicit:
            return []
        try:
            return list(paramiko.Agent().get_keys())
        except (paramiko.SSHException, OSError, EOFError, ValueError):
            return []


def _log_in(transport: _Transport, target: Target, offers: _Offers, tell: Callable[[str], None]) -> Login:
    """Offer one credential after the other until the server is content. A rejected one is never repeated."""
    attempts = list(_attempts(offers))
    if not attempts:
        raise NoCredentialsError(" ".join([f"There is nothing to log in to {target.host} with.", *offers.unusable]))
    needed: list[str] = []
    accepted = Login()
    for method, label, login, attempt in attempts:
        if needed and method not in needed:
            continue
        try:
            needed = list(attempt(transport, target.username))
        except paramiko.BadAuthenticationType as error:
            needed = [str(name) for name in error.allowed_types]
            continue
        except paramiko.AuthenticationException:
            if not transport.is_active():
                raise _cut_off(target) from None
            continue
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise _login_broke(target, error) from error
        accepted = _merge(accepted, login)
        if not needed:
            tell(label)
            return accepted
    raise _refused(transport, target, offers)


def _attempts(offers: _Offers) -> Iterator[tuple[str, str, Login, Callable[[_Transport, str], Any]]]:
    for path, key in offers.keys:
        reusable = path if path and not key.was_encrypted else None
        yield "publickey", f"key {path or 'content'}", Login(key=key, key_path=reusable), _offer_key(_pkey(key))
    for agent_key in offers.agent_keys():
        blob = agent_key.asbytes()
        yield "publickey", f"agent key {agent_key.get_name()}", Login(agent_key=blob), _offer_key(agent_key)
    for default_path, key in offers.default_keys:
        yield "publickey", f"key {default_path}", Login(key=key, key_path=default_path), _offer_key(_pkey(key))
    password = offers.credentials.password
    if password:
        # Servers that only ask through keyboard-interactive get the password as their single answer.
        yield "password", "password", Login(password=password), lambda t, user: t.auth_password(user, password.reveal())
        yield (
            "keyboard-interactive",
            "password (keyboard-interactive)",
            Login(password=password),
            lambda t, user: t.auth_interactive(user, lambda _t, _i, prompts: [password.reveal() for _ in prompts]),
        )


def _offer_key(key: Any) -> Callable[[_Transport, str], Any]:
    return lambda transport, user: transport.auth_publickey(user, key)


def _merge(first: Login, second: Login) -> Login:
    """Join the parts of a login that needed several, such as a key and then a password."""
    return Login(
        key=second.key or first.key,
        key_path=second.key_path or first.key_path,
        agent_key=second.agent_key or first.agent_key,
        password=second.password or first.password,
    )


def _pkey(key: UnlockedKey) -> paramiko.PKey:
    classes: dict[str, type[paramiko.PKey]] = {"ssh-ed25519": paramiko.Ed25519Key, "ssh-rsa": paramiko.RSAKey}
    return classes.get(key.key_type, paramiko.ECDSAKey).from_private_key(io.StringIO(key.text.reveal()))


def _cut_off(target: Target) -> AuthFailedError:
    return AuthFailedError(
        f"{target.host} closed the connection after refused logins: too many authentication failures.",
        hint="Name the one key that this server knows, instead of trying all of the agent's.",
    )


def _login_broke(target: Target, error: Exception) -> Exception:
    if "timeout" in str(error).lower():
        return ConnectionTimeoutError(f"{target.host} did not answer the login within {AUTH_TIMEOUT_SECS:.0f} s.")
    if "Too many authentication failures" in str(error) or "No existing session" in str(error):
        return _cut_off(target)
    return ConnectionClosedError(f"{target.host} closed the connection during the login.")


def _refused(transport: _Transport, target: Target, offers: _Offers) -> AuthFailedError:
    allowed: list[str] = []
    try:
        transport.auth_none(target.username)
    except paramiko.BadAuthenticationType as error:
        allowed = [str(name) for name in error.allowed_types]
    except (paramiko.SSHException, OSError, EOFError):
        pass
    detail = f"{target.host} did not accept this login for {target.username}."
    if allowed:
        detail += f" It would accept: {', '.join(allowed)}."
    return AuthFailedError(" ".join([detail, *offers.unusable]), allowed=allowed)


# --- the connection ---------------------------------------------------------------------------------------------


class ParamikoConnection:
    """See interface.Connection."""

    def __init__(self, target: Target, login: Login, host_key: HostKey, transport: paramiko.Transport) -> None:
        self.target = target
        self.login = login
        self.host_key = host_key
        self.transport = transport

    @property
    def alive(self) -> bool:
        return bool(self.transport.is_active())

    def run(self, command: str, *, stdin: bytes, timeout_secs: float, limit_bytes: int) -> Completed:
        deadline = time.monotonic() + timeout_secs
        process = self.start(command, stdin=stdin)
        try:
            process.end_input()
            stdout = bytearray()
            while chunk := process.read(max(0.0, deadline - time.monotonic())):
                stdout += chunk
                if len(stdout) > limit_bytes:
                    break
            status = process.wait(max(0.0, deadline - time.monotonic()))
            return Completed(bytes(stdout), process.read_stderr(), -1 if status is None else status)
        except TimeoutError:
            raise StartTimeoutError(f"A command on {self.target.host} took longer than {timeout_secs:.0f} s.") from None
        finally:
            process.close()

    def start(self, command: str, *, stdin: bytes) -> ParamikoProcess:
        channel = self.open_channel("session")
        try:
            channel.settimeout(CHANNEL_TIMEOUT_SECS)
            channel.exec_command(command)
            channel.sendall(stdin)
        except (paramiko.SSHException, OSError, EOFError) as error:
            channel.close()
            raise ConnectionClosedError(f"{self.target.host} did not run the command: {error}.") from error
        return ParamikoProcess(channel)

    def open_channel(self, kind: str, destination: tuple[str, int] | None = None) -> paramiko.Channel:
        """Raises SessionLimitError where the server refuses, ConnectionClosedError where it is gone."""
        try:
            return self.transport.open_channel(
                kind, destination, ("127.0.0.1", 0) if destination else None, timeout=CHANNEL_TIMEOUT_SECS
            )
        except paramiko.ChannelException as error:
            raise SessionLimitError(
                f"{self.target.host} refused another session on this connection ({error.text})."
            ) from error
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise ConnectionClosedError(f"The connection to {self.target.host} is gone.") from error

    def files(self) -> ParamikoFiles:
        channel = self.open_channel("session")
        try:
            channel.settimeout(CHANNEL_TIMEOUT_SECS)
            channel.invoke_subsystem("sftp")
            return ParamikoFiles(paramiko.SFTPClient(channel))
        except (paramiko.SSHException, OSError, EOFError) as error:
            channel.close()
            raise SftpUnavailableError(f"{self.target.host} offers no file access (SFTP): {error}.") from error

    def close(self) -> None:
        self.transport.close()


class ParamikoProcess:
    """See interface.RemoteProcess."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel

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


class ParamikoFiles:
    """See interface.RemoteFiles."""

    def __init__(self, client: paramiko.SFTPClient) -> None:
        self._client = client

    def absolute(self, path: str) -> str:
        if path == "~" or path.startswith("~/"):
            path = "./" + path[2:]  # SFTP starts in the user's home
        with _file_errors(path):
            return self._client.normalize(path)

    def stat(self, path: str) -> RemoteEntry:
        with _file_errors(path):
            return _entry(path.rsplit("/", 1)[-1], self._client.stat(path))

    def scan(self, path: str) -> Iterator[RemoteEntry]:
        with _file_errors(path):
            if not self.stat(path).is_dir:
                raise RemoteNotADirectoryError(f"{path} is not a folder.")
            links: list[paramiko.SFTPAttributes] = []
            for attributes in self._client.listdir_iter(path, read_aheads=READ_AHEAD):
                if stat.S_ISLNK(attributes.st_mode or 0) and len(links) < MAX_LINKS_FOLLOWED:
                    links.append(attributes)
                else:
                    yield _entry(attributes.filename, attributes)
        # Not before the listing is over: both read replies from the same stream.
        for attributes in links:
            yield self._follow(path, attributes)

    def _follow(self, folder: str, link: paramiko.SFTPAttributes) -> RemoteEntry:
        try:
            return _entry(link.filename, self._client.stat(f"{folder.rstrip('/')}/{link.filename}"))
        except (paramiko.SFTPError, paramiko.SSHException, EOFError, OSError):
            return _entry(link.filename, link)

    def close(self) -> None:
        self._client.close()


def _entry(name: str, attributes: paramiko.SFTPAttributes) -> RemoteEntry:
    mode = attributes.st_mode or 0
    return RemoteEntry(name, stat.S_ISDIR(mode), attributes.st_size or 0, int(attributes.st_mtime or 0))


@contextlib.contextmanager
def _file_errors(path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise RemotePathNotFoundError(f"{path} does not exist on the server.") from None
    except PermissionError:
        raise RemotePermissionError(f"{path} may not be read by this user.") from None
    except TimeoutError:
        raise RemoteFileError(f"The server did not answer about {path} in time.") from None
    except (paramiko.SFTPError, paramiko.SSHException, EOFError, OSError) as error:
        raise RemoteFileError(f"The server could not answer about {path}: {error}.") from error
