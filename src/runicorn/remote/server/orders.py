"""What a remote viewer is told after its start: news of the link, and to stop. Never raises for a dead link."""

from __future__ import annotations

import json
from typing import Any

from runicorn.errors import RunicornError
from runicorn.remote.server.shell import SHELL_COMMAND
from runicorn.remote.ssh.interface import Connection, RemoteProcess

STOP_TIMEOUT_SECS = 2.0
KILL_TIMEOUT_SECS = 10.0
ANSWER_LIMIT_BYTES = 4096


def tell(process: RemoteProcess, link: dict[str, Any]) -> None:
    """Describe the link to the viewer's page. Lost news are no harm: the next comes in a few seconds."""
    try:
        process.write(json.dumps({"link": link}).encode() + b"\n")
    except RunicornError:
        return


def stop(process: RemoteProcess) -> bool:
    """Ask through the viewer's own standard input. Returns whether it has ended."""
    try:
        process.write(b'{"stop": true}\n')
    except RunicornError:
        return False
    status = process.wait(STOP_TIMEOUT_SECS)
    return status is not None and status != -1


def lives(connection: Connection, session_id: str, pid: int) -> bool:
    """Whether this very viewer still runs: this process, and it bears the session's id. Raises the errors of `run`."""
    done = connection.run(
        SHELL_COMMAND,
        stdin=find_script(session_id),
        timeout_secs=KILL_TIMEOUT_SECS,
        limit_bytes=ANSWER_LIMIT_BYTES,
    )
    return f"viewer {pid} lives" in done.stdout.decode("utf-8", "replace").splitlines()


def kill(connection: Connection, session_id: str) -> None:
    """End this very viewer by its identity. A link that is gone is no error: the grace period ends the viewer."""
    try:
        connection.run(
            SHELL_COMMAND,  # by standard input: the script names the session, and must not find itself
            stdin=kill_script(session_id),
            timeout_secs=KILL_TIMEOUT_SECS,
            limit_bytes=ANSWER_LIMIT_BYTES,
        )
    except RunicornError:
        return


def find_script(session_id: str) -> bytes:
    """Return the script that prints `viewer PID lives` for each viewer of this session."""
    return _for_each_viewer(session_id) + b"each 'echo viewer' lives\nexit 0\n"


def kill_script(session_id: str) -> bytes:
    """Return the script that ends this very viewer, and nothing else: its command line must name the session.

    Its process id is not asked for: one that hangs while it starts has told none.
    """
    return _for_each_viewer(session_id) + b"each 'kill -TERM'\nsleep 1\neach 'kill -KILL'\nexit 0\n"


def _for_each_viewer(session_id: str) -> bytes:
    """Return the shell function `each COMMAND [WORD]`, which runs COMMAND PID WORD for each viewer of this session.

    Small containers have no ps; there the processes are read from /proc.
    """
    return (
        "list() {\n"
        '  if command -v ps >/dev/null; then ps -ww -u "$(id -u)" -o pid= -o args= 2>/dev/null; return; fi\n'
        "  for folder in /proc/[0-9]*; do\n"
        '    [ -O "$folder" ] && printf "%s " "${folder#/proc/}" && tr "\\0" " " <"$folder/cmdline" && echo\n'
        "  done 2>/dev/null\n"
        "}\n"
        "each() {\n"
        "  list | while read -r pid args; do\n"
        f'    case "$args " in *" runicorn viewer "*"--session {session_id} "*) $1 "$pid" $2 2>/dev/null;; esac\n'
        "  done\n"
        "}\n"
    ).encode()
