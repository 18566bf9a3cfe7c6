"""A command on the server, from its start to its end, whatever connects us."""

from __future__ import annotations

import time

from runicorn.errors import StartTimeoutError
from runicorn.remote.ssh.interface import Completed, Connection


def run_to_its_end(
    connection: Connection, command: str, stdin: bytes, timeout_secs: float, limit_bytes: int
) -> Completed:
    """Return what a command printed: see `Connection.run`. Raises StartTimeoutError after timeout_secs."""
    deadline = time.monotonic() + timeout_secs
    process = connection.start(command, stdin=stdin)
    try:
        process.end_input()
        stdout = bytearray()
        while chunk := process.read(max(0.0, deadline - time.monotonic())):
            stdout += chunk
            if len(stdout) > limit_bytes:
                break
        status = process.wait(max(0.0, deadline - time.monotonic()))
        return Completed(bytes(stdout), process.read_stderr(), -1 if status is None else status)
    except TimeoutError:
        host = connection.target.host
        raise StartTimeoutError(f"A command on {host} took longer than {timeout_secs:.0f} s.") from None
    finally:
        process.close()
