"""Runs the system's `ssh` in a private folder, so that it ends with its files when we do, however that is."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from runicorn.remote.ssh.interface import TunnelRefusedError

STOP_TIMEOUT_SECS = 2.0
MAX_SOCKET_PATH_BYTES = 100
LONGEST_SOCKET_NAME = "t999"  # short: a Unix socket's path holds about 100 characters

# Runs its arguments for as long as its own standard input is open, then removes the folder named first: when the
# viewer is killed, the pipe closes, and `ssh` and its files end with it instead of living on. An `ssh` before its login
# dies of the signal; the shell wants to say so to a viewer that is gone, and must not die of that before its rm.
# One signal is not enough: an `ssh` that looks for it right before it waits for its server (9.2 and older) sees it with
# the server's next word only, up to 30 s later; and one that is stopped, or waits to send, sees none but the last.
WHILE_STDIN_IS_OPEN = """
folder=$1
shift
exec 3<&0
"$@" 3<&- </dev/null &
child=$!
(
    read -r _ <&3
    exec 3<&-
    kill "$child"
    sleep 1
    kill "$child"
    sleep 1
    kill -9 "$child"
) 2>/dev/null &
watcher=$!
exec 3<&-
trap '' PIPE
wait "$child"
status=$?
kill "$watcher" 2>/dev/null
rm -rf -- "$folder"
exit "$status"
"""


def private_folder() -> Path:
    """Make a folder that only this user can enter, with a path that a Unix socket in it can have."""
    folder = Path(tempfile.mkdtemp(prefix="runicorn-"))  # 0700: nobody else can reach the sockets
    if sys.platform != "win32" and len(os.fsencode(folder / LONGEST_SOCKET_NAME)) > MAX_SOCKET_PATH_BYTES:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="runicorn-", dir="/tmp"))
    return folder


def spawn(folder: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start an `ssh` that runs in the folder, to be read from by its stderr. Raises TunnelRefusedError."""
    wrapper = [] if sys.platform == "win32" else ["/bin/sh", "-c", WHILE_STDIN_IS_OPEN, "runicorn-tunnel", str(folder)]
    try:
        return subprocess.Popen(
            [*wrapper, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=folder,
            start_new_session=True,  # Ctrl-C in the viewer's terminal must not end it before the session is stopped
        )
    except OSError as error:
        raise TunnelRefusedError(f"ssh could not be started: {error.strerror}") from error


def end(process: subprocess.Popen[bytes]) -> None:
    """End what spawn() started, and wait for it."""
    if process.stdin:
        with contextlib.suppress(OSError):
            process.stdin.close()  # tells the wrapper to end ssh
    if sys.platform == "win32":
        process.terminate()
    try:
        process.wait(STOP_TIMEOUT_SECS)
    except subprocess.TimeoutExpired:
        kill(process)
        process.wait()


def kill(process: subprocess.Popen[bytes]) -> None:
    """End the wrapper and what it runs: an `ssh` without it would live on, and hold the pipe that is read here."""
    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)


def last_refusal(said: str) -> str:
    """Return the last line in what `ssh` printed that tells of a carried connection which the server refused; or ""."""
    refused = [line for line in said.splitlines() if "open failed" in line]
    return refused[-1].strip() if refused else ""
