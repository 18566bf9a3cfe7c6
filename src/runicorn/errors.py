"""The exception tree: every way to fail has a stable code, an HTTP status and a next step.

    RunicornError
    ├── UsageError                        400  INVALID_REQUEST ... what the caller passed cannot be used
    │   ├── InvalidConnectionIdError      400  INVALID_CONNECTION_ID
    │   ├── InvalidTargetError            400  INVALID_TARGET
    │   ├── InvalidHostKeyError           400  HOST_KEY_INVALID
    │   ├── InvalidQueryError             400  INVALID_QUERY
    │   ├── InvalidArtifactPathError      400  INVALID_ARTIFACT_PATH
    │   └── UnsupportedMediaTypeError     415  UNSUPPORTED_MEDIA_TYPE
    ├── GuardError                        403  a request that the viewer does not serve
    │   ├── HostNotAllowedError                HOST_NOT_ALLOWED
    │   ├── OriginNotAllowedError              ORIGIN_NOT_ALLOWED
    │   ├── OtherUserError                     OTHER_USER
    │   └── TokenRequiredError            401  TOKEN_REQUIRED
    ├── StorageError                      500  STORAGE_ERROR
    │   ├── RootNotUsableError            500  ROOT_NOT_USABLE
    │   ├── RunNotFoundError              404  RUN_NOT_FOUND
    │   ├── MetricNotFoundError           404  METRIC_NOT_FOUND
    │   ├── FileNotInRunError             404  FILE_NOT_FOUND
    │   ├── ArtifactNotFoundError         404  ARTIFACT_NOT_FOUND
    │   ├── ArtifactNotStoredError        500  ARTIFACT_NOT_STORED
    │   │   └── SourceChangedError             ARTIFACT_SOURCE_CHANGED
    │   ├── ArtifactDamagedError          500  ARTIFACT_DAMAGED
    │   ├── TargetNotUsableError          500  ARTIFACT_TARGET_NOT_USABLE
    │   └── RunExistsError                409  RUN_EXISTS
    ├── ExchangeError                     500  EXCHANGE_ERROR ... import and export
    │   ├── SourceNotFoundError           404  IMPORT_SOURCE_NOT_FOUND
    │   ├── SourceUnreadableError         400  IMPORT_SOURCE_UNREADABLE
    │   ├── NothingToExportError          404  NOTHING_TO_EXPORT
    │   ├── AmbiguousRunError             409  AMBIGUOUS_RUN
    │   └── PackageMissingError           500  PACKAGE_MISSING
    ├── PortInUseError                    500  LOCAL_PORT_IN_USE
    └── RemoteError                       500  REMOTE_ERROR ... everything that can go wrong over SSH
        ├── RemoteUnavailableError        503  REMOTE_UNAVAILABLE
        ├── NotConnectedError             404  NOT_CONNECTED
        ├── SessionNotFoundError          404  SESSION_NOT_FOUND
        ├── LinkDownError                 503  LINK_DOWN
        ├── CredentialError               400  a key that cannot be used
        │   ├── KeyFileNotFoundError           KEY_FILE_NOT_FOUND
        │   ├── KeyInvalidError                KEY_INVALID
        │   ├── PassphraseRequiredError        PASSPHRASE_REQUIRED
        │   └── PassphraseWrongError           PASSPHRASE_WRONG
        ├── AuthFailedError               401  AUTH_FAILED
        ├── NoCredentialsError            401  NO_CREDENTIALS
        ├── InteractionRequiredError      401  INTERACTION_REQUIRED
        ├── HostKeyConfirmationError      409  HOST_KEY_CONFIRMATION_REQUIRED
        ├── HostKeyRevokedError           403  HOST_KEY_REVOKED
        ├── KnownHostsFileError           500  KNOWN_HOSTS_UNUSABLE
        ├── ConnectError                  500  the server was not reached
        │   ├── DnsFailedError                 DNS_FAILED
        │   ├── ConnectionRefusedByHostError   CONNECTION_REFUSED
        │   ├── ConnectionTimeoutError         CONNECTION_TIMEOUT
        │   ├── HostUnreachableError           HOST_UNREACHABLE
        │   ├── NotSshError                    NOT_SSH
        │   ├── NoCommonAlgorithmError         NO_COMMON_ALGORITHM
        │   ├── ConnectionClosedError          CONNECTION_CLOSED
        │   └── ConnectCancelledError          CONNECT_CANCELLED
        ├── StartError                    500  the remote viewer could not be started
        │   ├── EnvironmentNotFoundError  404  ENVIRONMENT_NOT_FOUND
        │   ├── EnvironmentUnusableError       ENVIRONMENT_UNUSABLE
        │   ├── RunicornMissingError           RUNICORN_MISSING
        │   ├── RunicornTooOldError            RUNICORN_TOO_OLD
        │   ├── NoPythonError                  NO_PYTHON
        │   ├── LoginShellRefusedError         LOGIN_SHELL_REFUSED
        │   ├── SessionLimitError              SESSION_LIMIT
        │   ├── RemoteRootMissingError         REMOTE_ROOT_MISSING
        │   ├── RemoteRootUnreadableError      REMOTE_ROOT_UNREADABLE
        │   ├── RemotePortInUseError           REMOTE_PORT_IN_USE
        │   ├── ForwardingForbiddenError       FORWARDING_FORBIDDEN
        │   ├── TunnelFailedError              TUNNEL_FAILED
        │   ├── RemoteViewerCrashedError       REMOTE_VIEWER_CRASHED
        │   ├── StartTimeoutError              START_TIMEOUT
        │   └── StartCancelledError            START_CANCELLED
        └── RemoteFileError               500  REMOTE_FILE_ERROR
            ├── RemotePathNotFoundError   404  REMOTE_PATH_NOT_FOUND
            ├── RemoteNotADirectoryError  400  REMOTE_PATH_NOT_A_DIRECTORY
            ├── RemotePermissionError     403  REMOTE_PERMISSION_DENIED
            └── SftpUnavailableError      500  SFTP_UNAVAILABLE

A class is one thing the caller can do something about. `str(error)` says in one sentence what happened;
`error.hint` says in one sentence what to do next. Neither ever holds a password, passphrase or key.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from typing_extensions import Self


class RunicornError(Exception):
    """Root of all errors that Runicorn raises on purpose.

    detail: one sentence on what happened. hint: one sentence on what to do next; the class has a default.
    """

    code: ClassVar[str] = "INTERNAL_ERROR"
    http_status: ClassVar[int] = 500
    default_hint: ClassVar[str] = "Please report this with the text above; it should not have happened."

    def __init__(self, detail: str, *, hint: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint or self.default_hint

    def kept(self) -> Self:
        """Return an equal error to be kept or raised later.

        One that was raised holds on to every frame that it passed, and to all that stands in these: passwords, too.
        """
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.args = self.args
        return other

    def wire_detail(self) -> str | dict[str, Any]:
        """Return what stands under `detail` in an HTTP answer."""
        return self.detail


def catalogue() -> Iterator[type[RunicornError]]:
    """Yield every class of the tree, the root first; each code appears once."""
    stack: list[type[RunicornError]] = [RunicornError]
    while stack:
        cls = stack.pop()
        yield cls
        stack.extend(cls.__subclasses__())


# --- what the caller passed -------------------------------------------------------------------------------------


class UsageError(RunicornError):
    code = "INVALID_REQUEST"
    http_status = 400
    default_hint = "Correct the value and send the request again."


class InvalidConnectionIdError(UsageError):
    code = "INVALID_CONNECTION_ID"
    default_hint = "A connection id reads user@host:port, as POST /api/remote/connect answers it."


class InvalidTargetError(UsageError):
    code = "INVALID_TARGET"
    default_hint = "Give a plain host name or IP address and a plain user name, without blanks or a leading dash."


class InvalidHostKeyError(UsageError):
    code = "HOST_KEY_INVALID"
    default_hint = "Send back exactly the host, type, key and fingerprint that the 409 answer carried."


class InvalidQueryError(UsageError):
    code = "INVALID_QUERY"
    default_hint = "Use words, tag:NAME, state:NAME or comparisons such as config.lr < 0.01."


class InvalidArtifactPathError(UsageError):
    code = "INVALID_ARTIFACT_PATH"
    default_hint = "Give a relative path that stays inside of the artifact, such as weights/model.pt."


class UnsupportedMediaTypeError(UsageError):
    code = "UNSUPPORTED_MEDIA_TYPE"
    http_status = 415
    default_hint = "Send the body as JSON, with Content-Type: application/json."


# --- what the viewer does not serve -----------------------------------------------------------------------------


class GuardError(RunicornError):
    code = "NOT_ALLOWED"
    http_status = 403
    default_hint = "Open the viewer at the address that it printed when it started."


class HostNotAllowedError(GuardError):
    code = "HOST_NOT_ALLOWED"
    default_hint = "Open the viewer at the address it printed, or start it with --allow-host NAME."


class OriginNotAllowedError(GuardError):
    code = "ORIGIN_NOT_ALLOWED"
    default_hint = "Only the viewer's own page may call this; open it at the address it printed."


class OtherUserError(GuardError):
    code = "OTHER_USER"
    default_hint = "Start a viewer of your own; the owner of this one can allow others with --allow-other-users."


class TokenRequiredError(GuardError):
    code = "TOKEN_REQUIRED"
    http_status = 401
    default_hint = "Open the address with the token that the viewer printed when it started."


# --- the storage root -------------------------------------------------------------------------------------------


class StorageError(RunicornError):
    code = "STORAGE_ERROR"
    default_hint = "Check that the storage root is on a disk that works and has space left."


class RootNotUsableError(StorageError):
    code = "ROOT_NOT_USABLE"
    default_hint = "Choose another folder with --root or RUNICORN_ROOT, or correct this one's permissions."


class RunNotFoundError(StorageError):
    code = "RUN_NOT_FOUND"
    http_status = 404
    default_hint = "List the runs; it may have been removed, or belong to another storage root."


class MetricNotFoundError(StorageError):
    code = "METRIC_NOT_FOUND"
    http_status = 404
    default_hint = "Ask for the run first; its answer names all of its metrics."


class FileNotInRunError(StorageError):
    code = "FILE_NOT_FOUND"
    http_status = 404
    default_hint = "Ask for the run first; its answer names its files."


class ArtifactNotFoundError(StorageError):
    code = "ARTIFACT_NOT_FOUND"
    http_status = 404
    default_hint = "List them with runicorn artifacts; it may belong to another storage root."


class ArtifactNotStoredError(StorageError):
    code = "ARTIFACT_NOT_STORED"
    default_hint = "Check that each file exists, may be read, and that the storage root has space left."


class SourceChangedError(ArtifactNotStoredError):
    code = "ARTIFACT_SOURCE_CHANGED"
    default_hint = "Log it once the file is complete: close it, or write it under another name and rename it."


class ArtifactDamagedError(StorageError):
    code = "ARTIFACT_DAMAGED"
    default_hint = "Remove the file that is named, and log the artifact again: that stores the content anew."


class TargetNotUsableError(StorageError):
    code = "ARTIFACT_TARGET_NOT_USABLE"
    default_hint = "Download into another folder, and check its permissions and free space."


class RunExistsError(StorageError):
    code = "RUN_EXISTS"
    http_status = 409
    default_hint = "Choose another id, or pass resume=True to go on with that run."


# --- import and export ------------------------------------------------------------------------------------------


class ExchangeError(RunicornError):
    code = "EXCHANGE_ERROR"
    default_hint = "Check the paths and the free space, then try again."


class SourceNotFoundError(ExchangeError):
    code = "IMPORT_SOURCE_NOT_FOUND"
    http_status = 404
    default_hint = (
        "Name a folder with TensorBoard event files, a wandb or mlruns folder, a .wandb, mlflow.db or .csv file."
    )


class SourceUnreadableError(ExchangeError):
    code = "IMPORT_SOURCE_UNREADABLE"
    http_status = 400
    default_hint = "Check that the file is whole, or say what it is with --from."


class NothingToExportError(ExchangeError):
    code = "NOTHING_TO_EXPORT"
    http_status = 404
    default_hint = "Name runs by their id or name, or choose them with --project or --all."


class AmbiguousRunError(ExchangeError):
    code = "AMBIGUOUS_RUN"
    http_status = 409
    default_hint = "Name the run by its id instead."


class PackageMissingError(ExchangeError):
    code = "PACKAGE_MISSING"
    default_hint = "Install the package that the sentence names, or choose another format."


class PortInUseError(RunicornError):
    code = "LOCAL_PORT_IN_USE"
    default_hint = "Stop the program that uses it, or choose another port (0 picks a free one)."


# --- everything over SSH ----------------------------------------------------------------------------------------


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
    default_hint = "Use a login that the server does not ask more for, such as a key."

    def __init__(self, host: str, prompts: Sequence[str], *, hint: str | None = None) -> None:
        shown = "; ".join("".join(each if each.isprintable() else " " for each in text)[:200] for text in prompts)
        super().__init__(f"{host} asks for more than a password: {shown.strip()!r}.", hint=hint)
        self.prompts = tuple(prompts)


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
    default_hint = "Choose another environment, or install it there: python -m pip install runicorn."


class RunicornTooOldError(StartError):
    code = "RUNICORN_TOO_OLD"
    default_hint = "Update it in that environment: python -m pip install --upgrade runicorn."


class NoPythonError(StartError):
    code = "NO_PYTHON"
    default_hint = (
        "Install Python 3.10 or newer on the server, or load the module that brings it in your shell's start file."
    )


class LoginShellRefusedError(StartError):
    code = "LOGIN_SHELL_REFUSED"
    default_hint = "Ask the server's administrator whether this account may run commands."


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
    code = "TUNNEL_FAILED"
    default_hint = "Look at the session's log for each tunnel's reason, or force one with RUNICORN_TUNNEL."


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
