"""The page goes on answering while servers take their time: nothing that waits for a server holds the event loop."""

from __future__ import annotations

import contextlib
import socket
from concurrent.futures import ThreadPoolExecutor

from tests.support.serving import Viewer

HOSTS = 8
ROUNDS = 25
PAGES = ("/", "/api/health", "/api/runs", "/api/remote/status", "/api/remote/viewer/sessions")


def test_the_page_answers_while_eight_starts_wait_for_silent_servers(viewer: Viewer) -> None:
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(HOSTS)]
        pool = stack.enter_context(ThreadPoolExecutor(HOSTS))
        starts = []
        for listener in silent:
            body = {"host": "127.0.0.1", "port": listener.getsockname()[1], "username": "me", "password": "x"}
            starts.append(pool.submit(viewer.post, "/api/remote/viewer/start", {**body, "remote_root": "/data"}))
        accepted = [stack.enter_context(listener.accept()[0]) for listener in silent]
        for _ in range(ROUNDS):
            for page in PAGES:
                assert viewer.get(page).status_code == 200
        states = [each["status"] for each in viewer.get("/api/remote/viewer/sessions").json()["sessions"]]
        assert states == ["starting"] * HOSTS
        # All of it was answered while every start was still under way, each held by its own server.
        assert not any(start.done() for start in starts)
        for sock in accepted:
            sock.close()
        assert {start.result().json()["code"] for start in starts} == {"CONNECTION_CLOSED"}
