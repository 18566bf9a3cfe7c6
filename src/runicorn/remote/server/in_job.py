"""An agent on a node of a job, started through the job: for what lies on the node's own disks. Every call blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runicorn.errors import JobEndedError, NodeUnreachableError, StartTimeoutError
from runicorn.remote.server.agent import client
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
        why = next((line for line in said if line.startswith("srun: error:")), said[-1] if said else error.detail)
        if not _runs(connection, place):
            raise JobEndedError(f"Job {place.job} does not run on {place.node} any more.") from error
        raise NodeUnreachableError(
            f"Nothing starts on {place.node} within job {place.job}: {why.rstrip('.')}."
        ) from error


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
