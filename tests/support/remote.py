"""The steps of the Remote API that most tests begin with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from tests.support.link import Link
from tests.support.server import Server
from tests.support.serving import Viewer, run_viewer

ACCEPT_FIELDS = ("host", "port", "key_type", "public_key", "fingerprint_sha256")


def connect(viewer: Viewer, body: dict[str, Any]) -> httpx.Response:
    return viewer.post("/api/remote/connect", body)


def accept(viewer: Viewer, answer: httpx.Response) -> None:
    """Accept the host key of a 409 answer, as a person would after comparing it."""
    assert answer.status_code == 409, answer.text
    host_key = answer.json()["detail"]["host_key"]
    accepted = viewer.post("/api/remote/known-hosts/accept", {name: host_key[name] for name in ACCEPT_FIELDS})
    assert accepted.json() == {"ok": True}


def start(viewer: Viewer, body: dict[str, Any]) -> dict[str, Any]:
    """Start a remote viewer and return its session."""
    answer = viewer.post("/api/remote/viewer/start", body)
    assert answer.status_code == 200, answer.text
    session: dict[str, Any] = answer.json()["session"]
    return session


def stop(viewer: Viewer, session: dict[str, Any]) -> httpx.Response:
    return viewer.post("/api/remote/viewer/stop", {"session_id": session["sessionId"]})


def login_by(server: Server, link: Link, attempt: str | None = None) -> dict[str, Any]:
    """Return the body of a connect or start that goes through a link."""
    body = {**server.login(), "port": link.port, "remote_root": str(server.runs)}
    return body if attempt is None else {**body, "attempt": attempt}


@contextlib.contextmanager
def viewer_that_knows(server: Server, link: Link, folder: Path) -> Iterator[Viewer]:
    """Run a viewer that knows the server's key by its link, and has no connection."""
    (folder / "home").mkdir()
    with run_viewer(folder / "root", folder / "home") as viewer:
        accept(viewer, connect(viewer, login_by(server, link)))
        yield viewer
