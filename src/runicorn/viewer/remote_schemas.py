"""The wire names of the Remote API, and nothing else: what its bodies hold, and how our values read in an answer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from runicorn.errors import InvalidNodeError
from runicorn.remote.server.candidates import MAX_DEPTH, Candidates
from runicorn.remote.server.files import Listing, PathFacts
from runicorn.remote.server.machine.jobs import Place
from runicorn.remote.server.probe import Environment
from runicorn.remote.session.session import Mode, StartRequest
from runicorn.remote.ssh.interface import Connection
from runicorn.remote.telling.progress import Progress
from runicorn.remote.trust.host_keys import KnownHost
from runicorn.remote.trust.target import Credentials, Secret, Target
from runicorn.viewer.schemas import AnswerModel
from runicorn.viewer.way_schemas import HopAnswer, hop_answers


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):  # which Python counts as 0 and 1
        raise ValueError("a port is a number, not true or false")
    return value


Port = Annotated[int, BeforeValidator(_no_boolean), Field(ge=1, le=65535)]
Text = Annotated[str, Field(max_length=4096)]
KeyText = Annotated[str, Field(max_length=65536)]


class TargetBody(BaseModel):
    """Who is meant: the parts of a connection id."""

    model_config = ConfigDict(extra="ignore")

    host: Text
    port: Port = 22
    username: Text

    def target(self) -> Target:
        """Raises InvalidTargetError."""
        return Target.make(self.host, self.port, self.username)


class LoginBody(TargetBody):
    """A target, and what to log in with. Secrets are kept in memory for the life of the connection only."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    password: Text | None = Field(default=None, repr=False)
    private_key: KeyText | None = Field(default=None, repr=False)
    private_key_path: Text | None = None
    passphrase: Text | None = Field(default=None, repr=False)
    use_agent: bool = True
    jumps: Annotated[list[Text], Field(max_length=16)] | None = Field(
        default=None, description="The hosts on the way, the first one first, each `[user@]host[:port]`; [] for none."
    )

    def credentials(self) -> Credentials:
        return Credentials(
            password=_secret(self.password),
            private_key=_secret(self.private_key),
            private_key_path=self.private_key_path or None,
            passphrase=_secret(self.passphrase),
            use_agent=self.use_agent,
            jumps=None if self.jumps is None else tuple(self.jumps),
        )


# The id of one attempt of a person's, made up by the page: what bears it can be given up together.
AttemptId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]


class ConnectBody(LoginBody):
    """interactive: somebody answers what the server asks while logging in; the request waits meanwhile."""

    attempt: AttemptId | None = None
    interactive: bool = False


class GiveUpBody(BaseModel):
    attempt: AttemptId


class StartBody(ConnectBody):
    """node, node_job: a node of one of the person's Slurm jobs, and that job, where the root lies on the node; it is
    read there, through the job, by an agent.
    """

    remote_root: Annotated[str, Field(min_length=1, max_length=4096)]
    local_port: Port | None = None
    remote_port: Port | None = None
    conda_env: Text | None = None
    mode: Literal["auto", "viewer", "agent", "sftp"] = "auto"
    node: Text | None = None
    node_job: Text | None = None

    def start_request(self) -> StartRequest:
        """Raises InvalidTargetError, InvalidNodeError."""
        return StartRequest(
            target=self.target(),
            credentials=self.credentials(),
            root=self.remote_root,
            environment=self.conda_env or None,
            local_port=self.local_port,
            remote_port=self.remote_port,
            interactive=self.interactive,
            mode=Mode(self.mode),
            inside=self._inside(),
        )

    def _inside(self) -> Place | None:
        place = node_of_job(self.node, self.node_job)
        if place is None:
            return None
        if self.mode not in ("auto", "agent") or self.conda_env or self.remote_port:
            raise InvalidNodeError("A node of a job is read by an agent, and by nothing else.")
        return place


def node_of_job(node: str | None, job: str | None) -> Place | None:
    """Return the node of a Slurm job that is asked for; None where none is. Raises InvalidNodeError."""
    if not node and not job:
        return None
    place = Place(node or "", job or "")
    if not place.is_sound:
        raise InvalidNodeError(f"{place.node!r} is no node of a Slurm job {place.job!r}.")
    return place


class StopBody(BaseModel):
    session_id: Text


class RetryBody(StopBody):
    """login: a person wants a login that the server rejected tried once more. interactive: and answers what it asks."""

    login: bool = False
    interactive: bool = False


class AcceptBody(BaseModel):
    host: Text
    port: Port
    key_type: Text
    public_key: KeyText
    fingerprint_sha256: Text


class RemoveBody(BaseModel):
    host: Text
    port: Port
    key_type: Text


class SavedBody(BaseModel):
    """A saved connection. Unknown fields are kept; secret ones are dropped."""

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)

    host: Text
    username: Text
    name: Text | None = None
    port: Port = 22
    authMethod: Text | None = None
    privateKeyPath: Text | None = None
    remoteRoot: Text | None = None
    condaEnv: Text | None = None
    localPort: Port | None = None
    remotePort: Port | None = None


# --- answers ----------------------------------------------------------------------------------------------------


class OkAnswer(AnswerModel):
    ok: bool


class MessageAnswer(OkAnswer):
    message: str


class ConnectAnswer(OkAnswer):
    """resolved_by: who told the hops, "ssh -G" or "asyncssh". connector: what carries it, "paramiko" or "ssh".

    connector_reason: why it is "ssh", null for Paramiko.
    """

    connection_id: str
    host: str
    port: int
    username: str
    connected: bool
    hops: list[HopAnswer]
    resolved_by: str | None
    connector: str
    connector_reason: str | None


class ConnectionAnswer(AnswerModel):
    key: str
    host: str
    port: int
    username: str
    connected: bool


class ConnectionsAnswer(AnswerModel):
    sessions: list[ConnectionAnswer]


class KnownHostAnswer(AnswerModel):
    host: str
    port: int
    known_hosts_host: str
    key_type: str
    key_base64: str
    fingerprint_sha256: str


class KnownHostsAnswer(AnswerModel):
    entries: list[KnownHostAnswer]


class RemoveAnswer(OkAnswer):
    changed: bool


class EnvironmentAnswer(AnswerModel):
    name: str
    type: str
    python_version: str
    path: str
    is_default: bool
    runicorn_version: str | None
    error: str | None


class EnvironmentsAnswer(OkAnswer):
    envs: list[EnvironmentAnswer]


class ConfigAnswer(OkAnswer):
    condaEnv: str
    pythonVersion: str
    runicornVersion: str | None
    defaultStorageRoot: str
    storageRootExists: bool
    suggestedRemotePort: int
    connectionId: str


class CandidateAnswer(AnswerModel):
    """kind: `runicorn` or `tensorboard`."""

    path: str
    kind: str
    runs: int


class CandidatesAnswer(OkAnswer):
    """max_depth: how many folders deep `scan_root`, the home, was searched."""

    scan_root: str
    max_depth: int
    candidates: list[CandidateAnswer]


class EntryAnswer(AnswerModel):
    name: str
    is_dir: bool
    size: int
    mtime: int


class ListingAnswer(AnswerModel):
    path: str
    items: list[EntryAnswer]
    truncated: bool


class ExistsAnswer(AnswerModel):
    path: str
    exists: bool
    is_dir: bool


class StageAnswer(AnswerModel):
    name: str
    state: Literal["pending", "running", "done", "failed", "skipped"]
    secs: float | None
    detail: str


class ProgressErrorAnswer(AnswerModel):
    code: str
    detail: str
    hint: str


class ProgressAnswer(AnswerModel):
    connectionId: str
    stages: list[StageAnswer]
    error: ProgressErrorAnswer | None
    log: list[str]


class SavedAnswer(OkAnswer):
    connections: list[dict[str, Any]]


# --- ours to wire -----------------------------------------------------------------------------------------------


def connect_answer(connection: Connection) -> ConnectAnswer:
    target, way = connection.target, connection.way
    return ConnectAnswer(
        ok=True,
        connection_id=target.connection_id,
        host=target.host,
        port=target.port,
        username=target.username,
        connected=True,
        hops=hop_answers(way),
        resolved_by=way.resolved_by,
        connector=connection.connector,
        connector_reason=connection.connector_reason,
    )


def connection_answer(connection: Connection) -> ConnectionAnswer:
    target = connection.target
    return ConnectionAnswer(
        key=target.connection_id,
        host=target.host,
        port=target.port,
        username=target.username,
        connected=connection.alive,
    )


def known_host_answer(known: KnownHost) -> KnownHostAnswer:
    return KnownHostAnswer(
        host=known.host,
        port=known.port,
        known_hosts_host=known.known_hosts_host,
        key_type=known.key.key_type,
        key_base64=known.key.base64,
        fingerprint_sha256=known.key.fingerprint_sha256,
    )


def environment_answer(environment: Environment) -> EnvironmentAnswer:
    return EnvironmentAnswer(
        name=environment.name,
        type=environment.kind,
        python_version=environment.python_version,
        path=environment.path,
        is_default=environment.is_default,
        runicorn_version=environment.runicorn_version,
        error=environment.error,
    )


def listing_answer(listing: Listing) -> dict[str, Any]:
    """Return a ListingAnswer as plain values: 50,000 models would take longer than the listing itself."""
    items = [
        {"name": text(each.name), "is_dir": each.is_dir, "size": each.size, "mtime": each.mtime}
        for each in listing.entries
    ]
    return {"path": text(listing.path), "items": items, "truncated": listing.truncated}


def candidates_answer(found: Candidates) -> CandidatesAnswer:
    items = [CandidateAnswer(path=text(each.path), kind=each.kind, runs=each.runs) for each in found.candidates]
    return CandidatesAnswer(
        ok=True,
        scan_root=text(found.scan_root),
        max_depth=MAX_DEPTH,
        candidates=items,
    )


def exists_answer(facts: PathFacts) -> ExistsAnswer:
    return ExistsAnswer(path=text(facts.path), exists=facts.exists, is_dir=facts.is_dir)


def progress_answer(target: Target, progress: Progress) -> ProgressAnswer:
    error = progress.error
    return ProgressAnswer(
        connectionId=target.connection_id,
        stages=[
            StageAnswer(name=stage.name, state=stage.state.value, secs=stage.secs, detail=stage.detail)
            for stage in progress.stages
        ],
        error=ProgressErrorAnswer(code=error.code, detail=error.detail, hint=error.hint) if error else None,
        log=progress.log_lines,
    )


def _secret(text: str | None) -> Secret | None:
    return Secret(text) if text else None


def text(name: str) -> str:
    """Names on a server need not be UTF-8; an answer must be."""
    return name.encode("utf-8", "replace").decode()
