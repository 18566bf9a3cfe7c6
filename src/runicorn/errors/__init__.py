"""The exception tree: every way to fail has a stable code, an HTTP status and a next step.

    RunicornError
    ├── UsageError                        400  INVALID_REQUEST ... what the caller passed cannot be used
    │   ├── InvalidConnectionIdError      400  INVALID_CONNECTION_ID
    │   ├── InvalidTargetError            400  INVALID_TARGET
    │   ├── InvalidNodeError              400  INVALID_NODE
    │   ├── SshConfigError                400  SSH_CONFIG_INVALID
    │   ├── InvalidHostKeyError           400  HOST_KEY_INVALID
    │   ├── InvalidQueryError             400  INVALID_QUERY
    │   ├── InvalidPatternError           400  INVALID_PATTERN
    │   │   └── PatternTooSlowError            PATTERN_TOO_SLOW
    │   ├── InvalidArtifactPathError      400  INVALID_ARTIFACT_PATH
    │   ├── UnsupportedMediaTypeError     415  UNSUPPORTED_MEDIA_TYPE
    │   ├── BodyTooLargeError             413  BODY_TOO_LARGE
    │   └── BodyTooSlowError              408  BODY_TOO_SLOW
    ├── GuardError                        403  a request that the viewer does not serve
    │   ├── HostNotAllowedError                HOST_NOT_ALLOWED
    │   ├── OriginNotAllowedError              ORIGIN_NOT_ALLOWED
    │   ├── OtherUserError                     OTHER_USER
    │   └── TokenRequiredError            401  TOKEN_REQUIRED
    ├── RoutingError                      400  HTTP_ERROR ... a request that no route answers
    │   ├── PathUnknownError              404  NOT_FOUND
    │   └── MethodNotAllowedError         405  METHOD_NOT_ALLOWED
    ├── StorageError                      500  STORAGE_ERROR
    │   ├── RootNotUsableError            500  ROOT_NOT_USABLE
    │   ├── RunNotFoundError              404  RUN_NOT_FOUND
    │   ├── RunUnreadableError            503  RUN_UNREADABLE
    │   ├── MetricNotFoundError           404  METRIC_NOT_FOUND
    │   ├── FileNotInRunError             404  FILE_NOT_FOUND
    │   ├── ArtifactNotFoundError         404  ARTIFACT_NOT_FOUND
    │   ├── ArtifactNotStoredError        500  ARTIFACT_NOT_STORED
    │   │   └── SourceChangedError             ARTIFACT_SOURCE_CHANGED
    │   ├── ArtifactDamagedError          500  ARTIFACT_DAMAGED
    │   ├── TargetNotUsableError          500  ARTIFACT_TARGET_NOT_USABLE
    │   ├── RunExistsError                409  RUN_EXISTS
    │   ├── PlaceNotFoundError            404  SOURCE_NOT_FOUND
    │   └── PlaceConnectedError           409  SOURCE_CONNECTED
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
        ├── QuestionNotFoundError         404  QUESTION_NOT_FOUND
        ├── AnswersInvalidError           400  ANSWERS_INVALID
        ├── QuestionExpiredError          401  QUESTION_EXPIRED
        ├── QuestionCancelledError        401  QUESTION_CANCELLED
        ├── HostKeyConfirmationError      409  HOST_KEY_CONFIRMATION_REQUIRED
        ├── HostKeyRevokedError           403  HOST_KEY_REVOKED
        ├── KnownHostsFileError           500  KNOWN_HOSTS_UNUSABLE
        ├── ConnectError                  500  the server was not reached
        │   ├── DnsFailedError                 DNS_FAILED
        │   ├── ConnectionRefusedByHostError   CONNECTION_REFUSED
        │   ├── ConnectionTimeoutError         CONNECTION_TIMEOUT
        │   ├── ProxyCommandError              PROXY_COMMAND_FAILED
        │   ├── JumpForbiddenError             JUMP_FORBIDDEN
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
        │   ├── JobEndedError                  JOB_ENDED
        │   ├── NodeUnreachableError           NODE_UNREACHABLE
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

from typing import TYPE_CHECKING, Any

from runicorn.errors.local import *  # noqa: F403 - the whole tree has one name, runicorn.errors
from runicorn.errors.remote import *  # noqa: F403
from runicorn.errors.root import RunicornError as RunicornError
from runicorn.errors.root import catalogue as catalogue

_OF_WANDB = ("Error", "CommError", "AuthenticationError", "UnsupportedError", "WandbException")

if not TYPE_CHECKING:  # else a checker would take any name

    def __getattr__(name: str) -> Any:
        """Return what W&B's names for errors mean here, for `except wandb.errors.CommError`: all are the root."""
        if name in _OF_WANDB:
            return RunicornError
        raise AttributeError(f"module 'runicorn.errors' has no attribute {name!r}")
