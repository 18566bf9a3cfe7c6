"""A connection that allows no further session says so to each of those that ask at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from tests.support.accounts import Account
from tests.support.remote import accept, connect, start, stop
from tests.support.server import run_server
from tests.support.serving import Viewer


def test_of_sessions_that_are_refused_at_once_each_is_told_why(
    bare_account: Account, viewer: Viewer, tmp_path: Path
) -> None:
    with run_server(bare_account, tmp_path, options={"MaxSessions": "1"}) as server:
        body = server.login(remote_root=str(server.runs), mode="agent")
        accept(viewer, connect(viewer, body))
        session = start(viewer, body)
        asked = {"connection_id": session["connectionId"], "path": "/"}

        def ask(_: int) -> tuple[int, str]:
            answer = httpx.get(f"{viewer.url}/api/remote/fs/exists", params=asked, timeout=60)
            return answer.status_code, answer.json()["code"]

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(ask, range(64))) == {(500, "SESSION_LIMIT")}
        assert viewer.get("/api/remote/viewer/sessions").json()["sessions"][0]["status"] == "running"
        stop(viewer, session)
