"""A viewer that runs on a server for somebody elsewhere: its first words, its master's orders, and its end.

The master holds the other end of standard input and output, an SSH channel. It says `{"link": {...}}` to describe the
link and `{"stop": true}` to end. When the channel closes, the viewer lives on for a grace period, and for as long as
somebody asks for its health by its session id, so that a master who comes back finds it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from runicorn._version import __version__
from runicorn.errors import RemoteRootMissingError, RemoteRootUnreadableError, RunicornError
from runicorn.loopback.proof import new_proof

POLL_SECS = 0.5
LINE_LIMIT_BYTES = 64 * 1024


def require_root(root: Path) -> None:
    """Raise RemoteRootMissingError or RemoteRootUnreadableError unless `root` is a folder that can be listed."""
    try:
        with os.scandir(root):
            pass
    except FileNotFoundError:
        raise RemoteRootMissingError(f"The folder {root} does not exist on the server.") from None
    except NotADirectoryError:
        raise RemoteRootMissingError(f"{root} is not a folder on the server.") from None
    except OSError as error:
        raise RemoteRootUnreadableError(f"The folder {root} cannot be read on the server: {error.strerror}.") from None


class ViewerSession:
    """Owns standard input and output of a viewer in a session.

    marker: random text in front of every line for the master, because login shells print noise.
    grace_secs: how long to outlive the channel; None for ever.
    """

    def __init__(self, session_id: str, marker: str, grace_secs: float | None) -> None:
        self.session_id = session_id
        self.pid = os.getpid()
        self.started_at = psutil.Process().create_time()
        self.proof = new_proof()
        self.remote_info: dict[str, Any] | None = None
        self._marker = marker
        self._grace_secs = grace_secs
        self._asked_at = time.monotonic()
        self._stop: Callable[[], None] = lambda: None

    def touch(self) -> None:
        """Somebody who knows the session id asked: the grace period begins anew."""
        self._asked_at = time.monotonic()

    def announce(self, port: int, stop: Callable[[], None]) -> None:
        """Tell the master that the viewer answers on this port, and follow its orders until `stop` is called."""
        self._stop = stop
        self._say(
            {
                "session_id": self.session_id,
                "port": port,
                "pid": self.pid,
                "version": __version__,
                "started_at": self.started_at,
                "proof": self.proof,
            }
        )
        threading.Thread(target=self._follow, name="session-orders", daemon=True).start()

    def announce_error(self, error: RunicornError) -> None:
        """Tell the master why there is no viewer."""
        self._say({"error": {"code": error.code, "detail": error.detail, "hint": error.hint}})

    def end(self) -> None:
        """Stop the viewer, as ordered by the master."""
        self._stop()

    def _say(self, answer: dict[str, Any]) -> None:
        sys.stdout.write(f"\n{self._marker}{json.dumps(answer)}\n")
        sys.stdout.flush()

    def _follow(self) -> None:
        for line in iter(lambda: sys.stdin.buffer.readline(LINE_LIMIT_BYTES), b""):
            try:
                order = json.loads(line)
            except ValueError:
                continue
            if not isinstance(order, dict):
                continue
            if order.get("stop"):
                self._stop()
                return
            if isinstance(order.get("link"), dict):
                self.remote_info = order["link"]
        self._outlive_channel()

    def _outlive_channel(self) -> None:
        # Nobody reads any more: a write to the closed channel would fail, or end the process.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        self.touch()
        while self._grace_secs is None or time.monotonic() - self._asked_at < self._grace_secs:
            time.sleep(POLL_SECS)
        self._stop()
