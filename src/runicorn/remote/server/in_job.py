"""What lies on the own disks of a job's node, reached through the job: an agent there, and its folders, as a person
walks through them. Every call blocks.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from runicorn.errors import (
    JobEndedError,
    NodeUnreachableError,
    RemoteNotADirectoryError,
    RemotePathNotFoundError,
    RemotePermissionError,
    StartError,
    StartTimeoutError,
)
from runicorn.remote.server import files, listing
from runicorn.remote.server.agent import client
from runicorn.remote.server.files import Listing
from runicorn.remote.server.machine.jobs import Place, expanded, where_it_runs, within
from runicorn.remote.server.readers import NO_AGENT
from runicorn.remote.server.shell import deliver
from runicorn.remote.ssh.interface import Connection

_ASK_SECS = 10.0
_ASK_BYTES = 64 * 1024
# What an agent's complaints begin with in a log; see client.start.
_SAID = "server: "


def start(connection: Connection, place: Place, own: Callable[[Any], Any], log: Callable[[str], None]) -> client.Agent:
    """Start an agent on the node and return it once it runs. own, log: see client.start.

    Nothing is submitted or allocated: where the job has no such node any more, or the site does not let anything in
    beside it, nothing runs. Raises JobEndedError, NodeUnreachableError, SessionLimitError and ConnectionClosedError.
    """
    said: list[str] = []

    def noted(line: str) -> None:
        if line.startswith(_SAID):
            said.append(line.removeprefix(_SAID))
        log(line)

    try:
        return client.start(connection, own, noted, within(place))
    except NO_AGENT as error:
        raise _why_not(connection, place, said, error.detail) from error


def list_folder(connection: Connection, place: Place, path: str) -> Listing:
    """Return what a folder on the node holds. Raises UsageError, RemotePathNotFoundError, RemoteNotADirectoryError,
    RemotePermissionError, JobEndedError, NodeUnreachableError, SessionLimitError and ConnectionClosedError.
    """
    files.require_path(path)
    begin, end = secrets.token_hex(12), secrets.token_hex(12)
    command, stdin = deliver(listing.script(path, begin, end, tells_why=True), within(place))
    try:
        done = connection.run(
            command, stdin=stdin, timeout_secs=files.COMMAND_TIMEOUT_SECS, limit_bytes=files.COMMAND_LIMIT_BYTES
        )
    except StartTimeoutError as error:
        raise _why_not(connection, place, [], error.detail) from error
    found = listing.parse(done.stdout, begin, end)
    if found is not None:
        return files.in_order(*found)
    if done.exit_status == listing.NOT_THERE:
        raise RemotePathNotFoundError(f"{path} does not exist on {place.node}.")
    if done.exit_status == listing.NO_FOLDER:
        raise RemoteNotADirectoryError(f"{path} is not a folder.")
    if done.exit_status == listing.NOT_ALLOWED:
        raise RemotePermissionError(f"{path} may not be read by this user.")
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    raise _why_not(connection, place, said, "nothing was answered")


def _why_not(connection: Connection, place: Place, said: list[str], otherwise: str) -> StartError:
    """Return why nothing ran on the node. said: what was complained of. otherwise: what is told where nothing was."""
    if not _runs(connection, place):
        return JobEndedError(f"Job {place.job} does not run on {place.node} any more.")
    why = next((line for line in said if line.startswith("srun: error:")), said[-1] if said else otherwise)
    return NodeUnreachableError(f"Nothing of ours runs on {place.node} within job {place.job}: {why.rstrip('.')}.")


def _runs(connection: Connection, place: Place) -> bool:
    """Tell whether the job runs on the node, also where that cannot be known."""
    command, stdin = deliver(where_it_runs(place.job).encode())
    try:
        told = connection.run(command, stdin=stdin, timeout_secs=_ASK_SECS, limit_bytes=_ASK_BYTES)
    except StartTimeoutError:
        return True
    if told.exit_status != 0:  # of a job that was over for minutes, squeue knows nothing, and says so
        return b"Invalid job id" not in told.stderr
    return place.node in expanded(told.stdout.decode("utf-8", "replace").strip())
