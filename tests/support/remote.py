"""The steps of the Remote API that most tests begin with."""

from __future__ import annotations

from typing import Any

import httpx
from tests.support.serving import Viewer

ACCEPT_FIELDS = ("host", "port", "key_type", "public_key", "fingerprint_sha256")


def connect(viewer: Viewer, body: dict[str, Any]) -> httpx.Response:
    return viewer.post("/api/remote/connect", body)


def accept(viewer: Viewer, answer: httpx.Response) -> None:
    """Accept the host key of a 409 answer, as a person would after comparing it."""
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
