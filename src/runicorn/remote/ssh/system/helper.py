"""What `ssh` runs to know about a host key (KnownHostsCommand) and to ask something (SSH_ASKPASS): it asks our process.

Run as a file of its own, `python -I -S helper.py SOCKET judge|ask ...`; it imports nothing of ours.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys

LOOK_SECS = 0.5


def main(path: str, kind: str, words: list[str]) -> int:
    """Return the exit status: of a question 1 where it has no answer; of a verdict always 0, without a key where it is
    not accepted.
    """
    asking = os.getppid()
    call: dict[str, object] = {"kind": kind, "words": words, "mode": os.environ.get("SSH_ASKPASS_PROMPT", "")}
    answer: dict[str, object] = {"end": True}
    with contextlib.suppress(OSError, ValueError):
        answer = ask(path, call, asking)
    if "say" in answer:
        sys.stdout.buffer.write(str(answer["say"]).encode() + b"\n")
        sys.stdout.flush()
        return 0
    if kind == "ask" and answer.get("end") and os.getppid() == asking and asking > 1:
        # Without an answer `ssh` would send an empty one, which counts as a failed login there.
        os.kill(asking, signal.SIGTERM)
    return 0 if kind == "judge" else 1


def ask(path: str, call: dict[str, object], asking: int) -> dict[str, object]:
    """Return our process's answer; nothing is answered to an `ssh` that has gone."""
    with socket.socket(getattr(socket, "AF_UNIX")) as desk:  # noqa: B009  Windows, where this is never run, has none
        desk.connect(path)
        desk.sendall(json.dumps(call).encode() + b"\n")
        said = b""
        while not said.endswith(b"\n"):
            ready, _, _ = select.select([desk], [], [], LOOK_SECS)
            if os.getppid() != asking:
                return {}
            chunk = desk.recv(65536) if ready else None
            if chunk == b"":
                return {"end": True}
            said += chunk or b""
    answer = json.loads(said)
    return answer if isinstance(answer, dict) else {"end": True}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
