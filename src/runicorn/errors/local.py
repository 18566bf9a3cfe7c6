"""What goes wrong without a server: what was passed, what is not served, the storage root, import and export."""

from __future__ import annotations

from runicorn.errors.root import RunicornError

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


class InvalidNodeError(UsageError):
    code = "INVALID_NODE"
    default_hint = "Name a node of one of your running jobs and the job's number, as squeue shows them."


class SshConfigError(UsageError):
    code = "SSH_CONFIG_INVALID"
    default_hint = "Try the same name with `ssh` in a terminal, and mend ~/.ssh/config where that fails, too."


class InvalidHostKeyError(UsageError):
    code = "HOST_KEY_INVALID"
    default_hint = "Send back exactly the host, type, key and fingerprint that the 409 answer carried."


class InvalidQueryError(UsageError):
    """position: the character of the query that shows it, counted from 0; its length where something is missing."""

    code = "INVALID_QUERY"
    default_hint = "Use words, tag:NAME, state:NAME or comparisons such as config.lr < 0.01, with and, or, not and ( )."

    def __init__(self, detail: str, *, position: int, hint: str | None = None) -> None:
        super().__init__(detail, hint=hint)
        self.position = position


class InvalidPatternError(UsageError):
    """reason: what is wrong, in a few words. position: the character of the pattern that shows it, counted from 0."""

    code = "INVALID_PATTERN"
    default_hint = "Correct the regular expression, or look for the text as it is."

    def __init__(self, detail: str, *, reason: str = "", position: int = 0, hint: str | None = None) -> None:
        super().__init__(detail, hint=hint)
        self.reason = reason
        self.position = position


class PatternTooSlowError(InvalidPatternError):
    code = "PATTERN_TOO_SLOW"
    default_hint = "Take repetitions within repetitions out of it, such as (a+)+, or look for a plain text first."


class InvalidArtifactPathError(UsageError):
    code = "INVALID_ARTIFACT_PATH"
    default_hint = "Give a relative path that stays inside of the artifact, such as weights/model.pt."


class UnsupportedMediaTypeError(UsageError):
    code = "UNSUPPORTED_MEDIA_TYPE"
    http_status = 415
    default_hint = "Send the body as JSON, with Content-Type: application/json."


class BodyTooLargeError(UsageError):
    code = "BODY_TOO_LARGE"
    http_status = 413
    default_hint = "Send less at once; files are not uploaded to a viewer."


class BodyTooSlowError(UsageError):
    code = "BODY_TOO_SLOW"
    http_status = 408
    default_hint = "Send the request again, with its body right behind its head."


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


# --- what no route answers --------------------------------------------------------------------------------------


class RoutingError(RunicornError):
    code = "HTTP_ERROR"
    http_status = 400
    default_hint = "Correct the request and send it again."


class PathUnknownError(RoutingError):
    code = "NOT_FOUND"
    http_status = 404
    default_hint = "Check the path; GET /openapi.json lists all of them."


class MethodNotAllowedError(RoutingError):
    code = "METHOD_NOT_ALLOWED"
    http_status = 405
    default_hint = "Check the method; GET /openapi.json lists those of each path."


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


class RunUnreadableError(StorageError):
    code = "RUN_UNREADABLE"
    http_status = 503
    default_hint = "Try again; if it stays so, look at the file's permissions, and whether its disk answers at all."


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


class PlaceNotFoundError(StorageError):
    code = "SOURCE_NOT_FOUND"
    http_status = 404
    default_hint = "List the runs; the answer names all sources."


class PlaceConnectedError(StorageError):
    code = "SOURCE_CONNECTED"
    http_status = 409
    default_hint = "Stop its session; its runs go with it."


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
