"""What goes wrong over SSH, from a name that is not found to a remote viewer that does not start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runicorn.errors.root import RunicornError


class RemoteError(RunicornError):
    code = "REMOTE_ERROR"
    default_hint = "Try again; if it stays so, look at the session's log."


class RemoteUnavailableError(RemoteError):
    code = "REMOTE_UNAVAILABLE"
    http_status = 503
    default_hint = "Install the package with all of its dependencies: pip install runicorn."


class NotConnectedError(RemoteError):
    code = "NOT_CONNECTED"
    http_status = 404
    default_hint = "Connect first with POST /api/remote/connect."


class SessionNotFoundError(RemoteError):
    code = "SESSION_NOT_FOUND"
    http_status = 404
    default_hint = "List the sessions; it may have been stopped, or belong to an earlier viewer."


class LinkDownError(RemoteError):
    code = "LINK_DOWN"
    http_status = 503
    default_hint = "Wait; the page goes on by itself as soon as the server can be reached again."


class CredentialError(RemoteError):
    code = "CREDENTIAL_UNUSABLE"
    http_status = 400
    default_hint = "Choose another key or another way to log in."


class KeyFileNotFoundError(CredentialError):
    code = "KEY_FILE_NOT_FOUND"
    default_hint = "Check the path of the private key on this machine, and that you may read it."


class KeyInvalidError(CredentialError):
    code = "KEY_INVALID"
    default_hint = (
        "Give the private key itself, in OpenSSH or PEM form; convert a .ppk with puttygen -O private-openssh."
    )


class PassphraseRequiredError(CredentialError):
    code = "PASSPHRASE_REQUIRED"
    default_hint = "Enter the passphrase of this key, or load the key into your SSH agent."


class PassphraseWrongError(CredentialError):
    code = "PASSPHRASE_WRONG"
    default_hint = "Enter the passphrase again; it is the key's, not the server's password."


class AuthFailedError(RemoteError):
    """The server refused what was offered. allowed: the methods that it would accept, in its words."""

    code = "AUTH_FAILED"
    http_status = 401
    default_hint = "Check the user name, and that the server knows this key or password."

    def __init__(self, detail: str, *, allowed: Sequence[str] = (), hint: str | None = None) -> None:
        super().__init__(detail, hint=hint)
        self.allowed = tuple(allowed)


class NoCredentialsError(RemoteError):
    code = "NO_CREDENTIALS"
    http_status = 401
    default_hint = "Give a password or a private key, or start an SSH agent that holds a key."


class InteractionRequiredError(RemoteError):
    """The server asks something while logging in that only a person can answer. prompts: its words."""

    code = "INTERACTION_REQUIRED"
    http_status = 401
    default_hint = (
        "Log in from the page or a terminal, where you can answer, or by a key, if the server asks for no more."
    )

    def __init__(self, host: str, prompts: Sequence[str], *, hint: str | None = None) -> None:
        shown = "; ".join("".join(each if each.isprintable() else " " for each in text)[:200] for text in prompts)
        super().__init__(f"{host} asks for more than a password: {shown.strip()!r}.", hint=hint)
        self.prompts = tuple(prompts)


class QuestionNotFoundError(RemoteError):
    code = "QUESTION_NOT_FOUND"
    http_status = 404
    default_hint = "It was answered, cancelled or took too long; connect again if the server still wants an answer."


class AnswersInvalidError(RemoteError):
    code = "ANSWERS_INVALID"
    http_status = 400
    default_hint = "Give one answer for each prompt, in their order; the question is still open."


class QuestionExpiredError(RemoteError):
    code = "QUESTION_EXPIRED"
    http_status = 401
    default_hint = "Connect again when you have at hand what the server asks for."


class QuestionCancelledError(RemoteError):
    code = "QUESTION_CANCELLED"
    http_status = 401
    default_hint = "Connect again when you want it."


class HostKeyConfirmationError(RemoteError):
    """The server's host key is unknown or changed; only a person may accept it.

    payload: the `host_key` object of the 409 answer.
    """

    code = "HOST_KEY_CONFIRMATION_REQUIRED"
    http_status = 409
    default_hint = "Compare the fingerprint with the server's own, accept it if they are equal, then connect again."

    def __init__(self, payload: dict[str, Any], *, hint: str | None = None) -> None:
        super().__init__("Host key verification failed", hint=hint)
        self.payload = payload

    def wire_detail(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.detail, "host_key": self.payload}


class HostKeyRevokedError(RemoteError):
    code = "HOST_KEY_REVOKED"
    http_status = 403
    default_hint = "Do not connect; ask the server's administrator why this key was revoked."


class KnownHostsFileError(RemoteError):
    code = "KNOWN_HOSTS_UNUSABLE"
    default_hint = "Check the permissions and the free space of the folder in RUNICORN_HOME."


class ConnectError(RemoteError):
    code = "CONNECT_FAILED"
    default_hint = "Check the host, the port and your network, then connect again."


class DnsFailedError(ConnectError):
    code = "DNS_FAILED"
    default_hint = "Check the spelling of the host, and whether its network needs a VPN."


class ConnectionRefusedByHostError(ConnectError):
    code = "CONNECTION_REFUSED"
    default_hint = "Check the port, and that an SSH server runs there."


class ConnectionTimeoutError(ConnectError):
    code = "CONNECTION_TIMEOUT"
    default_hint = "Check the host and the port, and whether a firewall or a missing VPN is in between."


class ProxyCommandError(ConnectError):
    code = "PROXY_COMMAND_FAILED"
    default_hint = "Try the same name with `ssh` in a terminal; the ProxyCommand of your ssh config has to work there."


class JumpForbiddenError(ConnectError):
    code = "JUMP_FORBIDDEN"
    default_hint = (
        "Its administrator forbids forwarding (AllowTcpForwarding, PermitOpen); ask which host to go through."
    )


class HostUnreachableError(ConnectError):
    code = "HOST_UNREACHABLE"
    default_hint = "Check your network connection, and whether this host needs a VPN."


class NotSshError(ConnectError):
    code = "NOT_SSH"
    default_hint = "Check the port: something else than an SSH server answers there."


class NoCommonAlgorithmError(ConnectError):
    code = "NO_COMMON_ALGORITHM"
    default_hint = "The server is too old or too strict for this client; ask its administrator to update OpenSSH."


class ConnectionClosedError(ConnectError):
    code = "CONNECTION_CLOSED"
    default_hint = "Wait a moment and connect again; the server may be restarting or limiting new logins."


class ConnectCancelledError(ConnectError):
    code = "CONNECT_CANCELLED"
    default_hint = "Connect again when you want it."


class StartError(RemoteError):
    code = "START_FAILED"
    default_hint = "Look at the session's log, then start again."


class EnvironmentNotFoundError(StartError):
    """near: names on the host that resemble the one asked for."""

    code = "ENVIRONMENT_NOT_FOUND"
    http_status = 404
    default_hint = "Choose one of the environments that the host has."

    def __init__(self, detail: str, *, near: Sequence[str] = (), hint: str | None = None) -> None:
        super().__init__(detail, hint=hint)
        self.near = tuple(near)


class EnvironmentUnusableError(StartError):
    code = "ENVIRONMENT_UNUSABLE"
    default_hint = "Choose another environment, or mend this one on the server."


class RunicornMissingError(StartError):
    code = "RUNICORN_MISSING"
    default_hint = "Choose another environment, or none: an agent reads the folder without one."


class RunicornTooOldError(StartError):
    code = "RUNICORN_TOO_OLD"
    default_hint = "Choose another environment, or none: an agent reads the folder without one."


class NoPythonError(StartError):
    code = "NO_PYTHON"
    default_hint = "Load the module that brings a Python in your shell's start file there, or put one into your home."


class LoginShellRefusedError(StartError):
    code = "LOGIN_SHELL_REFUSED"
    default_hint = "Ask the server's administrator whether this account may run commands."


class JobEndedError(StartError):
    code = "JOB_ENDED"
    default_hint = "Open a folder of a node where a job of yours still runs; they stand at Machines."


class NodeUnreachableError(StartError):
    code = "NODE_UNREACHABLE"
    default_hint = (
        "Where the site lets you log in to its nodes, connect to the node itself, with this host as its jump."
    )


class SessionLimitError(StartError):
    code = "SESSION_LIMIT"
    default_hint = "Close other sessions on this connection, or ask for a higher MaxSessions on the server."


class RemoteRootMissingError(StartError):
    code = "REMOTE_ROOT_MISSING"
    default_hint = "Browse to the folder that holds your runs, or log a first run there."


class RemoteRootUnreadableError(StartError):
    code = "REMOTE_ROOT_UNREADABLE"
    default_hint = "Choose a folder that this user may read."


class RemotePortInUseError(StartError):
    code = "REMOTE_PORT_IN_USE"
    default_hint = "Leave the remote port empty, so that a free one is chosen."


class ForwardingForbiddenError(StartError):
    code = "FORWARDING_FORBIDDEN"
    default_hint = "Ask the server's administrator to allow TCP forwarding for you (AllowTcpForwarding, PermitOpen)."


class TunnelFailedError(StartError):
    """login_refused: a tunnel that logs in by itself was refused; repeating that unasked could lock the account."""

    code = "TUNNEL_FAILED"
    default_hint = "Look at the session's log for each tunnel's reason; `runicorn doctor` tries each of them."

    def __init__(self, detail: str, *, login_refused: bool = False, hint: str | None = None) -> None:
        super().__init__(detail, hint=hint)
        self.login_refused = login_refused


class RemoteViewerCrashedError(StartError):
    code = "REMOTE_VIEWER_CRASHED"
    default_hint = (
        "The last lines of its output name the cause; run the viewer by hand in that environment to see more."
    )


class StartTimeoutError(StartError):
    code = "START_TIMEOUT"
    default_hint = (
        "Try again, choose an environment on a faster disk, or allow more time with RUNICORN_START_TIMEOUT_SECS."
    )


class StartCancelledError(StartError):
    code = "START_CANCELLED"
    default_hint = "Start it again when you want it."


class RemoteFileError(RemoteError):
    code = "REMOTE_FILE_ERROR"
    default_hint = "Try again; if it stays so, type the path instead of browsing."


class RemotePathNotFoundError(RemoteFileError):
    code = "REMOTE_PATH_NOT_FOUND"
    http_status = 404
    default_hint = "Check the path on the server; browse from the folder above it."


class RemoteNotADirectoryError(RemoteFileError):
    code = "REMOTE_PATH_NOT_A_DIRECTORY"
    http_status = 400
    default_hint = "Choose the folder that holds this file."


class RemotePermissionError(RemoteFileError):
    code = "REMOTE_PERMISSION_DENIED"
    http_status = 403
    default_hint = "Choose a folder that this user may read."


class SftpUnavailableError(RemoteFileError):
    code = "SFTP_UNAVAILABLE"
    default_hint = (
        "Type the path instead of browsing; the server offers no SFTP, or its shell's start file prints text."
    )
