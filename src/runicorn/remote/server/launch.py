"""The remote viewer: the script that starts it on a server, and what its first words mean."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from runicorn.errors import (
    ConnectionClosedError,
    RemotePortInUseError,
    RemoteRootMissingError,
    RemoteRootUnreadableError,
    RemoteViewerCrashedError,
    RunicornMissingError,
    RunicornTooOldError,
    StartError,
    StartTimeoutError,
)
from runicorn.loopback.proof import is_proof
from runicorn.remote.server import shell
from runicorn.remote.server.paths import shell_word
from runicorn.remote.server.probe import Environment
from runicorn.remote.ssh.interface import Connection, RemoteProcess
from runicorn.remote.telling.words import Words
from runicorn.settings import DEFAULT_START_TIMEOUT_SECS

READ_SLICE_SECS = 0.5
OUTPUT_LIMIT_BYTES = 4 * 1024 * 1024
TRACEBACK_CHARS = 2000

_LEFT_OUT = "left out: "

# What the remote viewer says when it cannot start; the codes are its part of the protocol.
_REFUSALS: dict[str, type[StartError]] = {
    "REMOTE_ROOT_MISSING": RemoteRootMissingError,
    "REMOTE_ROOT_UNREADABLE": RemoteRootUnreadableError,
    "LOCAL_PORT_IN_USE": RemotePortInUseError,  # local to the viewer, remote to us
}


@dataclass(frozen=True)
class Launch:
    """What to start. remote_port: None for any free one. grace_secs: None for ever. hosts: `name:port` of the door.

    timeout_secs: how long it may take until it listens.
    """

    session_id: str
    environment: Environment
    root: str
    remote_port: int | None
    grace_secs: float | None
    hosts: tuple[str, ...]
    timeout_secs: float = DEFAULT_START_TIMEOUT_SECS


@dataclass(frozen=True)
class Started:
    """A remote viewer that listens.

    started_at: its process's start, unix seconds, with pid its identity. proof: with which the session's connections
    are let in where the server carries them as another user, see loopback/proof.py; None with older viewers.
    """

    port: int
    pid: int
    version: str
    started_at: float
    proof: str | None = field(default=None, repr=False)


def script(launch: Launch, marker: str) -> bytes:
    """Return the shell script that becomes the viewer. Every value is one quoted word of /bin/sh."""
    words = [
        launch.environment.path,
        "-E",  # a PYTHONPATH or PYTHONHOME of the start files is for other programs
        *("-m", "runicorn", "viewer", "--no-browser", "--root"),
    ]
    more = [
        *("--port", str(launch.remote_port or 0)),
        *("--session", launch.session_id),
        *("--session-marker", marker),
        *("--session-grace", "never" if launch.grace_secs is None else f"{launch.grace_secs:g}"),
    ]
    for host in launch.hosts:
        more += ["--allow-host", host]
    command = " ".join([*map(shlex.quote, words), shell_word(launch.root), *map(shlex.quote, more)])
    # From /, because `python -m` looks for modules in the current folder first.
    # Their names only: a value may be a secret, and this goes to the log.
    names = rf"env|sed -n 's/^\(PYTHON[A-Z]*\)=.*/{_LEFT_OUT}\1/p'>&2"
    return f"cd /\n{names}\nexec {command}\n".encode()


def launch_viewer(
    connection: Connection,
    launch: Launch,
    marker: str,
    own: Callable[[RemoteProcess], None],
    log: Callable[[str], None],
) -> Started:
    """Start the viewer and return once it listens.

    own: is given the process as soon as there is one, and closes it if the start fails or is given up.
    Raises the StartError that names the cause, within launch.timeout_secs.
    """
    command, stdin = shell.deliver(script(launch, marker))
    process = connection.start(command, stdin=stdin)
    own(process)
    deadline = time.monotonic() + launch.timeout_secs
    stdout, stderr = bytearray(), bytearray()
    words = Words(lambda line: log(f"server: {line}"))

    def hear() -> None:
        said = process.read_stderr()
        words.deliver(said)
        stderr.extend(said)

    while time.monotonic() < deadline and len(stdout) < OUTPUT_LIMIT_BYTES:
        chunk = _read(process)
        hear()
        stdout += chunk or b""
        answer = find_answer(bytes(stdout), marker)
        if answer is not None:
            words.finish()
            return _started(answer, launch)
        if chunk == b"":
            status = process.wait(2.0)
            hear()
            words.finish()
            raise explain_exit(bytes(stdout), bytes(stderr), status, launch)
    words.finish()
    said = stderr.decode("utf-8", "replace").strip()[-TRACEBACK_CHARS:]
    raise StartTimeoutError(
        f"The remote viewer was not ready within {launch.timeout_secs:g} s{f' and said: {said}' if said else ''}."
    )


def find_answer(stdout: bytes, marker: str) -> dict[str, object] | None:
    """Return the object in the viewer's ready line, None while it has not come."""
    found = re.search(re.escape(marker.encode()) + rb"(\{.*\})\r?\n", stdout)
    if not found:
        return None
    try:
        answer = json.loads(found[1])
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def explain_exit(
    stdout: bytes, stderr: bytes, status: int | None, launch: Launch
) -> StartError | ConnectionClosedError:
    """Return the error for a viewer that ended before it was ready."""
    said = stderr.decode("utf-8", "replace").strip() or stdout.decode("utf-8", "replace").strip()
    name = launch.environment.name
    if status is None or (status == -1 and not said):
        return ConnectionClosedError("The connection ended while the remote viewer was starting.")
    if re.search(r"No module named '?runicorn'?\b(?!\.)", said):
        return RunicornMissingError(
            f"The environment {name} has no runicorn.",
        )
    if re.search(r"No such option|unrecognized arguments|No such command", said) and "--session" in said:
        return RunicornTooOldError(f"The runicorn in the environment {name} is too old for this one.")
    left_out = re.findall(rf"^{_LEFT_OUT}(PYTHON[A-Z]*)$", said, re.MULTILINE)
    if said.startswith("Traceback") or "\nTraceback" in said:
        said = said[said.rindex("Traceback (most recent call last)") :]
    beside = f" ({', '.join(left_out)} of the server's start files did not reach it)" if left_out else ""
    return RemoteViewerCrashedError(
        f"The remote viewer ended with status {status} before it was ready{beside}:\n"
        f"{said[-TRACEBACK_CHARS:] or 'no output'}"
    )


def _started(answer: dict[str, object], launch: Launch) -> Started:
    if "error" in answer:
        error = answer["error"] if isinstance(answer["error"], dict) else {}
        refusal = _REFUSALS.get(str(error.get("code")), RemoteViewerCrashedError)
        raise refusal(str(error.get("detail", "The remote viewer could not start.")))
    try:
        if answer["session_id"] != launch.session_id:
            raise ValueError("another session answered")
        return Started(
            port=int(str(answer["port"])),
            pid=int(str(answer["pid"])),
            version=str(answer["version"]),
            started_at=float(str(answer["started_at"])),
            proof=str(answer["proof"]) if is_proof(answer.get("proof")) else None,
        )
    except (KeyError, ValueError) as error:
        raise RemoteViewerCrashedError(f"The remote viewer's first line makes no sense: {error}.") from error


def _read(process: RemoteProcess) -> bytes | None:
    """Return the next output, b"" at its end, None if nothing came in a while."""
    try:
        return process.read(READ_SLICE_SECS)
    except TimeoutError:
        return None
