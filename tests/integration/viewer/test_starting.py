"""The page is there before all that stands behind it has been loaded, and nobody is let in earlier by that."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from runicorn.cli.common import remote_support
from runicorn.settings import Settings
from runicorn.viewer.app import create_app
from runicorn.viewer.hooks import RemoteHook
from runicorn.viewer.server import ViewerServer

TIMEOUT_SECS = 30
Start = Callable[..., contextlib.AbstractContextManager["Starting"]]


@dataclass
class Starting:
    """A viewer whose loading is held up until `go` is set, and its remote support until `go_on` is."""

    server: ViewerServer
    go: threading.Event
    go_on: threading.Event
    raised: list[RuntimeError] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"


@dataclass
class Slow:
    """An answer of /api/slow, which is under way before the viewer has warmed up. go: lets it come."""

    came: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def starting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    return lambda **options: run_starting(tmp_path, monkeypatch, **options)


@contextlib.contextmanager
def run_starting(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    then: Callable[[], None] = lambda: None,
    then_remote: Callable[[], None] = lambda: None,
    token: str | None = None,
    slow: Slow | None = None,
) -> Iterator[Starting]:
    go, go_on = threading.Event(), threading.Event()

    def create(*arguments: Any, **options: Any) -> FastAPI:
        assert go.wait(TIMEOUT_SECS)
        then()
        return create_app(*arguments, **options)

    def load(chosen: Settings) -> RemoteHook | None:
        assert go_on.wait(TIMEOUT_SECS)
        then_remote()
        return remote_support(chosen)

    def create_with_slow_route(*arguments: Any, **options: Any) -> FastAPI:
        app = create(*arguments, **options)
        app.router.routes.insert(0, Route("/api/slow", wait_slowly))
        return app

    async def wait_slowly(_: Request) -> PlainTextResponse:
        assert slow
        slow.came.set()
        await asyncio.to_thread(slow.go.wait, TIMEOUT_SECS)
        return PlainTextResponse("done")

    if slow:
        monkeypatch.setattr("runicorn.viewer.server.load_numpy", lambda _: slow.came.wait(TIMEOUT_SECS))

    monkeypatch.setattr("runicorn.viewer.app.create_app", create_with_slow_route)
    server = ViewerServer(Settings(root=folder / "root", home=folder, port=0, token=token), remote=load)
    viewer = Starting(server, go, go_on)
    ready = threading.Event()

    def run() -> None:
        try:
            server.run(lambda _: ready.set())
        except RuntimeError as error:
            viewer.raised.append(error)
        finally:
            viewer.ended.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(TIMEOUT_SECS)
        yield viewer
    finally:
        go.set()
        go_on.set()
        server.stop()
        thread.join(TIMEOUT_SECS)
        assert not thread.is_alive()


def test_the_page_is_there_while_the_api_is_still_loaded(starting: Start) -> None:
    with starting() as viewer, ThreadPoolExecutor() as pool:
        asked = pool.submit(httpx.get, f"{viewer.url}/api/health", timeout=TIMEOUT_SECS)
        posted = pool.submit(httpx.post, f"{viewer.url}/", json={}, timeout=TIMEOUT_SECS)
        page = httpx.get(viewer.url)
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert page.headers["x-frame-options"] == "DENY"
        script = page.text.split('src="', 1)[1].split('"', 1)[0].lstrip("./")
        asset = httpx.get(f"{viewer.url}/{script}")
        assert (asset.status_code, "immutable" in asset.headers["cache-control"]) == (200, True)
        assert not asked.done()
        assert not posted.done()
        viewer.go.set()
        assert asked.result().json()["status"] == "ok"
        assert posted.result().json()["code"] == "METHOD_NOT_ALLOWED"
        # What the page's own files do not answer is answered as ever.
        assert httpx.get(f"{viewer.url}/nothing").json()["code"] == "NOT_FOUND"
        assert httpx.get(viewer.url).text == page.text
    assert viewer.raised == []


@pytest.mark.parametrize("path", ["/", "/api/runs"])
def test_nobody_gets_in_or_waits_who_is_not_let_in_later(starting: Start, path: str) -> None:
    with starting(token="secret") as viewer:
        refused = httpx.get(f"{viewer.url}{path}", headers={"Host": "evil.example"})
        assert (refused.status_code, refused.json()["code"]) == (403, "HOST_NOT_ALLOWED")
        assert httpx.get(f"{viewer.url}{path}").json()["code"] == "TOKEN_REQUIRED"
        shown = httpx.get(f"{viewer.url}/?token=secret")
        assert shown.status_code == 200
        assert "HttpOnly" in shown.headers["set-cookie"]


@pytest.mark.parametrize(("part", "path"), [("then", "/api/health"), ("then_remote", "/api/remote/status")])
def test_a_viewer_that_cannot_be_loaded_ends_with_what_was_wrong(starting: Start, part: str, path: str) -> None:
    def fail() -> None:
        raise RuntimeError("out of order")

    with starting(**{part: fail}) as viewer, ThreadPoolExecutor() as pool:
        asked = pool.submit(httpx.get, f"{viewer.url}{path}", timeout=TIMEOUT_SECS)
        assert httpx.get(viewer.url).status_code == 200
        if part == "then_remote":  # it waits behind an app that is there
            viewer.go.set()
            assert httpx.get(f"{viewer.url}/api/health", timeout=TIMEOUT_SECS).status_code == 200
            assert not asked.done()
        viewer.go.set()
        viewer.go_on.set()
        assert viewer.ended.wait(TIMEOUT_SECS)
        with contextlib.suppress(httpx.TransportError):  # or the connection is cut
            assert asked.result().status_code == 500
    assert [str(error) for error in viewer.raised] == ["out of order"]


def test_runs_and_charts_do_not_wait_for_remote_support(starting: Start) -> None:
    with starting() as viewer, ThreadPoolExecutor() as pool:
        viewer.go.set()
        waiting = [
            pool.submit(httpx.get, f"{viewer.url}/api/remote/{path}", timeout=TIMEOUT_SECS)
            for path in ("status", "nothing")
        ]
        assert httpx.get(f"{viewer.url}/api/runs", timeout=TIMEOUT_SECS).json()["runs"] == []
        assert httpx.get(f"{viewer.url}/api/live", headers={"Host": "evil.example"}).status_code == 403
        assert not any(each.done() for each in waiting)
        viewer.go_on.set()
        status, nothing = (each.result() for each in waiting)
        assert (status.status_code, status.json()["connection_count"]) == (200, 0)
        assert nothing.json()["code"] == "NOT_FOUND"
        assert httpx.put(f"{viewer.url}/api/remote/status").json()["code"] == "METHOD_NOT_ALLOWED"
        assert "/api/remote/connect" in httpx.get(f"{viewer.url}/openapi.json").json()["paths"]
    assert viewer.raised == []


def test_remote_support_is_not_loaded_while_a_chart_is_being_answered(starting: Start) -> None:
    slow, loaded = Slow(), threading.Event()
    with starting(slow=slow, then_remote=loaded.set) as viewer, ThreadPoolExecutor() as pool:
        viewer.go.set()
        viewer.go_on.set()
        chart = pool.submit(httpx.get, f"{viewer.url}/api/slow", timeout=TIMEOUT_SECS)
        assert slow.came.wait(TIMEOUT_SECS)
        assert not loaded.wait(1)
        assert not chart.done()
        slow.go.set()
        assert loaded.wait(TIMEOUT_SECS)
        assert chart.result().text == "done"


def test_who_asks_for_remote_support_has_it_loaded_at_once(starting: Start) -> None:
    slow = Slow()
    with starting(slow=slow) as viewer, ThreadPoolExecutor() as pool:
        viewer.go.set()
        viewer.go_on.set()
        chart = pool.submit(httpx.get, f"{viewer.url}/api/slow", timeout=TIMEOUT_SECS)
        assert httpx.get(f"{viewer.url}/api/remote/status", timeout=TIMEOUT_SECS).status_code == 200
        assert not chart.done()
        slow.go.set()
        assert chart.result().text == "done"


def test_a_viewer_that_is_stopped_while_remote_support_is_loaded_ends(starting: Start) -> None:
    with starting() as viewer, ThreadPoolExecutor() as pool:
        viewer.go.set()
        waiting = pool.submit(httpx.get, f"{viewer.url}/api/remote/status", timeout=TIMEOUT_SECS)
        assert httpx.get(f"{viewer.url}/api/runs", timeout=TIMEOUT_SECS).status_code == 200
        viewer.server.stop()
        with contextlib.suppress(httpx.TransportError):  # or the connection is cut
            assert waiting.result().status_code >= 500
    assert viewer.ended.is_set()
    assert viewer.raised == []


def test_a_viewer_that_is_stopped_while_it_is_loaded_ends(starting: Start) -> None:
    with starting() as viewer:
        viewer.server.stop()
    assert viewer.ended.is_set()
    assert viewer.raised == []


def test_a_viewer_that_nobody_connects_with_loads_no_ssh(tmp_path: Path) -> None:
    code = f"""
import sys, threading, urllib.request
from pathlib import Path
from runicorn.cli.common import remote_support
from runicorn.settings import Settings
from runicorn.viewer.server import ViewerServer
server = ViewerServer(
    Settings(root=Path({str(tmp_path / "root")!r}), home=Path({str(tmp_path)!r}), port=0), remote=remote_support
)
def ask(server):
    def work():
        url = f"http://127.0.0.1:{{server.port}}/api/"
        for path in ("health", "runs", "remote/status", "remote/connections/saved", "remote/known-hosts/list"):
            assert urllib.request.urlopen(url + path).status == 200
        print(sorted({{"paramiko", "cryptography", "asyncssh"}} & set(sys.modules)))
        server.stop()
    threading.Thread(target=work).start()
server.run(ask)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr


def test_nothing_is_loaded_before_the_first_list_that_only_charts_searches_and_connections_need():
    heavy = {"numpy", "tsdownsample", "regex", "paramiko", "cryptography", "asyncssh"}
    code = f"import sys, runicorn.viewer.app; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")
